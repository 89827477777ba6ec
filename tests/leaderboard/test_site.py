"""The site in a browser: whole without a script and without a network, for every width, colour and hand."""

import re

import pytest

from leaderboard.conftest import EVIL

KINDS = ("index", "board", "cameras", "ranks", "method-apn")
CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = [r, g, b].map(c => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const low = [];
  let seen = 0;
  for (let node; (node = walker.nextNode()); ) {
    const e = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE", "title"].includes(e.tagName) || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const pair = [parse(e instanceof SVGElement ? style.fill : style.color), ground(e)].map(light);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    seen += 1;
    if (ratio < 4.5) low.push(`${node.data.trim()}: ${ratio.toFixed(2)}`);
  }
  return [seen, low];
}"""


def named(folder, kind):
    return next(path.name for path in sorted(folder.glob("*.html")) if path.name.startswith(kind))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_text_can_be_read(show, folder, kind, scheme):
    seen, low = show(named(folder, kind), scheme=scheme).evaluate(CONTRAST)
    assert seen > 15 and low == []


def test_dark_is_dark(show):
    colours = [
        show(scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in ("light", "dark")
    ]
    assert colours[0] == "rgb(255, 255, 255)" and colours[1] == "rgb(20, 23, 27)"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_sticks_out_at_phone_width(show, folder, kind):
    view = show(named(folder, kind), width=390)
    assert view.evaluate("document.documentElement.scrollWidth") <= 390


def test_links_lead_to_pages_that_are_there(folder):
    names = {path.name for path in folder.iterdir()}
    linked = set()
    for path in folder.iterdir():
        targets = re.findall(r'href="([^"]+)"', path.read_text(encoding="utf-8"))
        linked |= {target for target in targets if not target.startswith(("#", "data:"))}
    assert linked == names and len(names) > 10


def test_a_table_is_sorted_by_the_keyboard(show, folder):
    view = show(named(folder, "board"))
    first = lambda column: view.locator(f"tbody tr td:nth-child({column})").all_inner_texts()  # noqa: E731
    aucs = [float(text.split()[0]) for text in first(3)]
    assert aucs == sorted(aucs, reverse=True)
    view.focus("thead th:nth-child(3) button")
    view.keyboard.press("Enter")
    assert [float(text.split()[0]) for text in first(3)] == aucs
    assert view.get_attribute("thead th:nth-child(3)", "aria-sort") == "descending"
    view.keyboard.press("Space")
    assert [float(text.split()[0]) for text in first(3)] == aucs[::-1]
    assert view.get_attribute("thead th:nth-child(3)", "aria-sort") == "ascending"
    view.focus("thead th:nth-child(6) button")
    view.keyboard.press("Enter")
    values = view.locator("tbody tr td:nth-child(6)").evaluate_all("all => all.map(e => e.dataset.value ?? null)")
    known = [float(value) for value in values if value is not None]
    assert known == sorted(known) and values[len(known) :] == [None] * (len(values) - len(known)) and None in values
    assert view.locator("thead th[aria-sort]").count() == 1


def test_the_first_stop_of_the_tab_key_skips_to_the_content(show, folder):
    view = show(named(folder, "board"))
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.textContent") == "Skip to the content"
    box = view.locator(".skip").bounding_box()
    assert box["x"] >= 0 and view.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    view.keyboard.press("Enter")
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.closest('main') !== null")
    stops = []
    for _ in range(14):
        stops.append(view.evaluate("document.activeElement.tagName"))
        assert view.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        view.keyboard.press("Tab")
    assert stops[:3] == ["INPUT", "DIV", "BUTTON"] and "A" in stops


def test_rows_are_found_by_a_word(show, folder):
    view = show(named(folder, "board"))
    view.fill(".finder input", "LMN")
    shown = view.locator("tbody tr:visible")
    assert shown.count() == 2 and all("lmn" in text for text in shown.all_inner_texts())
    assert view.inner_text(".finder [role=status]").startswith("2 of ")


def test_it_is_whole_without_its_script(show, folder):
    view = show(named(folder, "board"), script=False)
    assert view.locator("tbody tr").count() > 10 and view.locator("button, input").count() == 0
    with view.expect_navigation():
        view.click("tbody tr:first-child a")
    assert view.locator("h1").inner_text() in ("apn", "mpn", "lmn", "memae")


def test_no_name_is_markup(show, folder):
    view = show()
    assert EVIL in view.inner_text("main") and "<b>refused" in view.inner_text("main")
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<b>refused" not in text and text.count("<script") == 1


def test_a_script_of_others_would_not_run(browser, folder):
    """Even where a word became markup: the policy knows the sums of the page's own script and style alone."""
    context = browser.new_context()
    view = context.new_page()
    view.goto((folder / "index.html").as_uri())
    view.evaluate("""() => {
      document.addEventListener("securitypolicyviolation", e => (window.blocked = e.violatedDirective));
      const added = document.createElement("script");
      added.textContent = "window.ran = true";
      document.body.append(added);
    }""")
    assert view.evaluate("[window.ran, window.blocked]") == [None, "script-src-elem"]
    context.close()


def test_every_page_says_what_it_rests_on_and_no_rank_is_bare(show, folder):
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "by protocol fair" in text and "no code of theirs was run" in text
    view = show(named(folder, "ranks"))
    assert all(" ± " in text for text in view.locator("tbody td.auc").all_inner_texts())
    view = show(named(folder, "board"))
    places = view.locator('td[data-name="place"]').all_inner_texts()
    assert all(re.fullmatch(r"\d+( to \d+)?|–", place) for place in places) and any(" to " in place for place in places)
