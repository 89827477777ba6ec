"""`bench report` of more cells than a page has room for: an index, and the way from there to pages."""

import os
import re
import shlex

import pytest

from conftest import paint, write_camera, write_frames
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present import report_index
from crossvad.present.report_index import Pages
from crossvad.store.store import Store

EVIL = "<script>alert(1)<"  # a folder's name may not hold a slash


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid, north):
    """Cells on two cameras, one of which has markup, blanks and a comma for a name."""
    camera = write_camera(tmp_path_factory.mktemp("evil") / f"{EVIL} & south, east", 5)
    write_frames(camera / "test" / "d", paint(40, 3, 33))
    store = Store(tmp_path_factory.mktemp("index"))
    run_grid(
        store, make_grid("framediff", "random", shots=[0], seeds=[0, 1], targets=[OwnFolder(camera), OwnFolder(north)])
    )
    return store


@pytest.fixture
def index(bench, finished, monkeypatch, tmp_path):
    """What writes an index below a folder that is gone into; its text, and what was said."""
    monkeypatch.setattr("crossvad.commands.report.MOST", 3)
    monkeypatch.chdir(tmp_path)

    def written():
        done = bench(
            "report", "--results", finished.root.parent, "--where", "budget=smoke", "--out", "some.html", "--quiet"
        )
        assert done.code == 0, done.err
        return (tmp_path / "some.html").read_text(), done.out

    return written


def commands(text):
    """The commands of an index's lines."""
    return [shlex.split(found) for found in re.findall(r"<code>(bench report --.*?)</code>", unescaped(text))]


def unescaped(text):
    for written, meant in (("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", '"'), ("&amp;", "&")):
        text = text.replace(written, meant)
    return text


def test_each_line_has_a_command_that_makes_its_page(bench, index, tmp_path):
    text, told = index()
    assert "some.html: an index of 2 pages, 0 of them made" in told and "one page has room for 3 of 4 cells" in told
    assert shlex.split(told.partition("Make a page: ")[2]) in commands(text)
    assert len(commands(text)) == 2 and "<a href" not in text
    for number, (_, *words) in enumerate(commands(text), 1):
        done = bench(*words, "--quiet")
        assert done.code == 0 and "2 cells" in done.out
        again, told = index()
        links = re.findall('<a href="(some-pages/[a-z0-9.-]+)">', again)
        assert len(links) == number and all((tmp_path / link).is_file() for link in links)
        assert len(commands(again)) == 2 - number
    assert "Make a page" not in told


def test_a_page_that_is_older_than_its_cells_is_told_of(bench, index, tmp_path):
    text, _ = index()
    _, *words = commands(text)[0]
    bench(*words, "--quiet")
    (page,) = (tmp_path / "some-pages").iterdir()
    os.utime(page, (0, 0))
    again, _ = index()
    assert "older than its newest cell" in again and '<a href="some-pages/' in again and len(commands(again)) == 2


def test_no_name_is_markup_and_no_page_lies_elsewhere(index, tmp_path):
    text, _ = index()
    assert "<script>alert" not in text and len(re.findall("<script", text)) == 1
    pages = Pages(tmp_path / "some.html", ())
    assert pages.page(("quick", "../..", "/etc/passwd")).parent == tmp_path / "some-pages"
    assert pages.page(("quick", "a", "b")) != pages.page(("quick", "a b", "")), "one file is of one board"


def test_the_highest_is_that_of_the_table(finished, tmp_path):
    rows = table(finished, finished.records(), FAIR)
    lines = report_index.lines(rows, finished.records(), Pages(tmp_path / "some.html", ()), 3000)
    assert len(lines) == 2 and sum(line["cells"] for line in lines) == len(rows)
    for line in lines:
        own = rows[rows["target"] == line["target"]]
        means = own.groupby("method")["auc"].mean()
        assert line["auc"] == pytest.approx(means.max(), abs=0.051) and line["by"] == means.idxmax()
        assert line["methods"] == len(means) and line["done"] == len(own)


def test_too_many_cells_of_one_board_are_refused(bench, finished, monkeypatch, tmp_path):
    monkeypatch.setattr("crossvad.commands.report.MOST", 1)
    target = finished.records()[0].cell.target
    out = ("--out", tmp_path / "some.html", "--quiet")
    done = bench("report", "--results", finished.root.parent, "--where", f"target={target}", *out)
    assert done.code == 2 and "2 cells of one source and target, and one page has room for 1" in done.err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_lines_sort_and_are_found(browser, index, tmp_path, scheme):
    index()
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((tmp_path / "some.html").as_uri())
    targets = lambda: page.locator("tbody tr:visible td:nth-child(2)").all_inner_texts()  # noqa: E731
    first = targets()
    page.get_by_role("button", name="target").click()
    page.get_by_role("button", name="target").click()
    assert targets() == first[::-1] and len(first) == 2
    page.locator("summary").first.click()
    assert page.locator("code:visible").last.inner_text().startswith("bench report --where budget=smoke")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not wrong
    context.close()


def test_a_folder_is_refused_before_anything_is_read(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("crossvad.api.load_results", lambda *_, **__: pytest.fail("reads"))
    done = bench("report", "--out", str(tmp_path))
    assert done.code == 2 and "is a folder; name a file: --out" in done.err
