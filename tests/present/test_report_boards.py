"""The report's boards in a browser, on rows made up: two cameras that share methods, and one that has few."""

import csv
import io
import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from crossvad.evaluation.comparison import ENTRY
from crossvad.evaluation.statistics import critical_difference, pair_counts, paired_difference
from crossvad.evaluation.tidy import COLUMNS
from crossvad.present.labels import label
from crossvad.present.report_boards import BOARD, boards, critical_differences
from tidy_rows import row

LONG = "apn[predicts=change,score=0.0,calibrate=scene,pool=patch,temperature=0.02,prototypes=20]"
QUALITY = {  # how well made-up scores tell abnormal frames
    LONG: 2.3, "apn": 2.2, "lmn[items=20]": 1.9, "memae": 0.9, "framepred": 0.6, "mpn": 0.3, "framediff": 2.25,
    "extrapolate": 0.5, "apn-released": 0.2, "lmn-recon": 0.8, "random": 0.0, "=sum(1,2)": 0.1,
}  # fmt: skip
UNTRAINED = ("framediff", "extrapolate", "random")
PAIRS = {("street", "plaza"): 40, ("street", "ped2"): 25, ("ped1", "ped2"): 25}  # videos
FIGURES = [
    {"method": "APN", "ours": "apn", "auc": 98.2, "source": "ped2", "shots": None, "note": None}
    | {"variant": None, "kind": "paper", "paper": "Hu", "read_in": "Table 1", "protocol": "normalisation video-minmax"},
    {"method": "MPN", "ours": "mpn", "auc": 90.17, "source": "shanghaitech", "shots": 0, "note": "a note"}
    | {"variant": None, "kind": "paper", "paper": "Lv", "read_in": "README", "protocol": None},
]


def rows_of(method, pair, shots, random):
    """A tidy row and a row of `comparison.counted` of each seed."""
    videos, support = PAIRS[pair], "scene-head" if pair[1] == "plaza" else "train-head"
    labels, owners = np.tile([0, 1, 0, 1], videos).astype(np.uint8), np.repeat(np.arange(videos), 4)
    for seed in range(1 if method in UNTRAINED else 2):
        scores = (QUALITY[method] + 0.2 * bool(shots)) * labels + random.normal(size=len(labels))
        wins = pair_counts(labels, scores, owners)
        tidy = row(method, shots=shots, auc=100 * wins.auc, seed=seed, videos=videos, frames=len(labels))
        tidy |= dict(zip(("source", "target"), pair, strict=True)) | {"support": support if shots else "none"}
        tidy |= {"fps": 100 * (3 + QUALITY[method]) ** 4, "ap": 90.0, "macro_auc": 88.0, "eer": 12.5, "paper_auc": 91.0}
        tidy |= {"parameters": 857610.0, "adapt_seconds": 0.1, "train_seconds": 30.0}
        facts = {"wins": wins, "frames": (len(labels), b"", b""), "untrained": method in UNTRAINED}
        yield tidy, {key: tidy[key] for key in (*ENTRY, "seed")} | facts


def made(which=QUALITY, pairs=PAIRS, shots=(0, 5), shifts=0):
    """The page; `shifts`: whether each K counts frames of its own."""
    random, made_up = np.random.default_rng(0), []
    for pair in pairs:
        for method in list(which) if pair != ("ped1", "ped2") else ["apn", "memae", "framediff"]:
            for count in shots if method not in UNTRAINED else (0,):
                made_up += rows_of(method, pair, count, random)
    tidy, counted = pd.DataFrame([one for one, _ in made_up], columns=COLUMNS), pd.DataFrame([c for _, c in made_up])
    counted["frames"] = [
        (*frames, shots * shifts) for frames, shots in zip(counted["frames"], counted["shots"], strict=True)
    ]
    described, places = boards(tidy, counted)
    entries = []
    for key, group in tidy.groupby(ENTRY, sort=False):
        facts = group[["auc", "ap", "macro_auc", "eer", "paper_auc", "fps", "parameters"]].mean()
        facts = {**facts, **group[["adapt_seconds", "train_seconds"]].mean()}
        gain = {"gain": 0.7, "gain_low": -1.2, "gain_high": 2.6} if key[ENTRY.index("shots")] else {"gain": None}
        entries.append(
            dict(zip(ENTRY, key, strict=True)) | facts | gain | {"spread": 1.5 if len(group) > 1 else None}
            | {"auc_low": 50.0, "auc_high": 99.0, "reverted": 0, "delay": None, "seeds": len(group), "status": "done"}
            | {"cells": [f"c{len(entries)}"], "place": places.get(key), "command": f"bench run --method '{key[0]}'"}
        )  # fmt: skip
    names = {entry[key] for entry in entries for key in ("method", "tuning", "source", "target")}
    page = {"version": "0", "protocol": "fair", "boards": described, "critical": critical_differences(entries)}
    page |= {"entries": entries, "labels": {name: label(name) for name in names}, "problems": [], "targets": {}}
    cell = {"seed": 0, "status": "done", "made": {}, "command": "bench run", "ranks": "", "auc": 1.0}
    page |= {"cells": {entry["cells"][0]: cell for entry in entries}, "controls": ["random", "ramp"]}
    return json.loads(json.dumps(page | {"published": {"ped2": FIGURES}})), counted


@pytest.fixture(scope="module")
def page_and_counted():
    return made()


@pytest.fixture(scope="module")
def page(page_and_counted):
    return page_and_counted[0]


ROWS = "#boards > section > .scroll tbody tr"  # not those of what was published


def section(view, name):
    return view.locator(".board", has=view.locator(f"[aria-label='{name}']"))


def shown(view, name):
    """Of each row of a board: its method as typed, K, AUC, and whether that is bold."""
    if section(view, name).locator(".more", has_text="All").count():
        section(view, name).locator(".more").click()
    read = """lines => lines.map(line => [line.querySelector(".method a").textContent,
        [...line.querySelectorAll(".method small span")].map(each => each.textContent),
        line.querySelector(".adaptation").textContent.includes("K\u00a0=\u00a05") ? 5 : 0,
        parseFloat(line.querySelector(".auc").textContent), Boolean(line.querySelector(".auc b"))])"""
    lines = section(view, name).locator("> .scroll tbody tr").evaluate_all(read)
    return [(method + (f"[{','.join(words)}]" if words else ""), *rest) for method, words, *rest in lines]


def of_pair(page, name):
    return [entry for entry in page["entries"] if f"{entry['source']} → {entry['target']}" == name]


def unbeaten(counted, name, methods=None):
    """By the comparison of two: rows that none beats at one-sided 5 % over the number of others."""
    mine = counted[counted["source"] + " → " + counted["target"] == name]
    rows = {key: list(group["wins"]) for key, group in mine.groupby(["method", "shots"]) if key[0] != "random"}
    rows = {key: wins for key, wins in rows.items() if methods is None or key[0] in methods}

    beaten = set()
    for one, other in combinations(rows, 2):
        gap = paired_difference(rows[one], rows[other])
        if gap.p / 2 * (len(rows) - 1) < 0.05:
            beaten.add(other if gap.mean > 0 else one)
    return set(rows) - beaten, len(rows)


def test_rows_of_different_pairs_are_never_in_one_list(show, page):
    view = show(page)
    names = [f"{source} → {target}" for source, target in sorted(PAIRS)]
    assert [" ".join(text.split()) for text in view.locator("#boards h2").all_inner_texts()] == names
    for name in names:
        rows = shown(view, name)
        expected = sorted(of_pair(page, name), key=lambda entry: -entry["auc"])
        assert [(method, shots) for method, shots, *_ in rows] == [(e["method"], e["shots"]) for e in expected]
        assert [auc for _, _, auc, _ in rows] == [pytest.approx(entry["auc"], abs=0.051) for entry in expected]


def test_bold_is_what_no_other_row_beats(show, page_and_counted):
    page, counted = page_and_counted
    view = show(page)
    for name in ("street → plaza", "street → ped2"):
        best, rows = unbeaten(counted, name)
        assert 1 < len(best) < rows  # neither the highest alone nor all
        assert {(method, shots) for method, shots, _, bold in shown(view, name) if bold} == best
        assert f"the {len(best)} of {rows} rows" in section(view, name).locator(".verdict").inner_text()


def test_bold_is_among_the_rows_that_are_shown(show, page_and_counted):
    page, counted = page_and_counted
    view = show(page, "#method=mpn,memae,framepred")
    best, rows = unbeaten(counted, "street → plaza", ("mpn", "memae", "framepred"))
    found = {(method, shots) for method, shots, _, bold in shown(view, "street → plaza") if bold}
    assert found == best and len(best) < rows


def test_nothing_is_bold_where_nothing_can_be_told(show, page):
    view = show(page, f"#method={LONG}")
    assert len(shown(view, "street → ped2")) == 2
    assert view.locator("#boards b").count() == 0
    assert "no row here beats another" in section(view, "street → ped2").locator(".verdict").inner_text()


def test_rows_that_count_different_frames_are_not_told_apart(show):
    """By protocol paper, which counts fewer frames the more shots there are."""
    view = show(made(["apn", "memae", "mpn"], shifts=1)[0])
    text = "Nothing in bold: rows count different frames."
    assert view.locator("#boards .verdict").all_inner_texts() == [text] * 3
    assert view.locator("#boards b").count() == 0
    assert section(view, "street → plaza").locator(".behind", has_text="highest").count() == 2  # of its column, too
    text = view.inner_text("#across .verdict")
    assert "of the 4 rows that 3 pairs share, over 2 targets, on each by the mean over its sources" in text


def test_a_row_of_one_training_is_named_where_others_have_several():
    random = np.random.default_rng(0)
    rows = [each for method in ("apn", "memae", "framediff") for each in rows_of(method, ("ped1", "ped2"), 0, random)]
    tidy, counted = pd.DataFrame([one for one, _ in rows], columns=COLUMNS), pd.DataFrame([c for _, c in rows])
    alone = (counted["method"] != "memae") | (counted["seed"] == 0)
    (whole,), (less,) = (boards(tidy[kept], counted[kept])[0] for kept in (alone | True, alone))
    assert "of these fits alone" not in whole["caption"] and "one seed of memae: of these fits" in less["caption"]


def test_marks_that_captions_explain_stand_beside_a_row(show, page):
    best = max(of_pair(page, "street → plaza"), key=lambda entry: entry["auc"])
    marked = best | {"marks": "†§"}
    view = show(page | {"entries": [marked if entry is best else entry for entry in page["entries"]]})
    assert f"{best['auc']:.1f}†§" in section(view, "street → plaza").locator("tbody .auc").first.inner_text()
    assert view.locator("#across a", has_text="†§").count() == 1


def test_a_row_that_failed_says_so_and_ranks_nowhere(show, page):
    broken = page["entries"][0] | {"auc": None, "status": "failed", "place": None, "spread": None, "auc_low": None}
    cell = page["cells"]["c0"] | {"status": "failed", "reason": "Traceback: out of <b>memory</b>", "auc": None}
    view = show(page | {"entries": [broken, *page["entries"][1:]], "cells": page["cells"] | {"c0": cell}})
    rows = section(view, f"{broken['source']} → {broken['target']}").locator("> .scroll tbody tr")
    section(view, f"{broken['source']} → {broken['target']}").locator(".more").click()
    last = rows.last.locator(".auc").inner_text()
    assert last.split() == ["–", "failed"]
    rows.last.locator("a").click()
    view.wait_for_selector("#cell h2")
    assert "This cell is failed." in view.inner_text("#cell") and "out of <b>memory</b>" in view.inner_text("#cell")


def test_how_far_a_row_is_behind_has_the_interval_of_two(show, page_and_counted):
    page, counted = page_and_counted
    view = show(page, "#all=street+→+plaza")
    mine = counted[counted["target"] == "plaza"]
    rows = {key: list(group["wins"]) for key, group in mine.groupby(["method", "shots"])}
    aucs = {key: np.mean([wins.auc for wins in each]) for key, each in rows.items() if key[0] != "random"}
    top = max(aucs, key=aucs.get)
    texts = section(view, "street → plaza").locator("tbody td.behind").all_inner_texts()
    for (method, shots, *_), text in zip(shown(view, "street → plaza"), texts, strict=True):
        if (method, shots) == top:
            assert text == "highest"
            continue
        gap = paired_difference(rows[method, shots], rows[top], same_fits=method == top[0])
        numbers = [float(word.strip("[],")) for word in text.replace("−", "-").split()]
        assert numbers == [pytest.approx(100 * value, abs=0.11) for value in (gap.mean, gap.low, gap.high)]


def test_mean_ranks_are_over_what_pairs_share(show, page):
    view = show(page)
    view.click("#across .more")
    ranked = {}
    for line in view.locator("#across tbody tr").all():
        method = " ".join(line.locator(".method").inner_text().split())
        ranked[method, 5 if "5" in line.locator(".adaptation").inner_text() else 0] = line.locator(".rank").inner_text()
    wide = pd.DataFrame([entry for entry in page["entries"] if entry["source"] == "street"])
    wide = wide[wide["method"] != "random"].pivot(index=["method", "shots"], columns="target", values="auc")
    mean = rankdata(-wide.to_numpy(), axis=0).mean(1)  # train-head on ped2 and scene-head on plaza: one way
    expected = dict(zip(wide.index, mean, strict=True))
    assert len(ranked) == len(expected) + 1 and ranked["random", 0] == "–"
    for (method, shots), rank in expected.items():
        short, options = label(method)
        assert ranked[" ".join([short, ", ".join(options)]).strip(), shots] == f"{rank:.2f}"
    text = view.inner_text("#across .verdict")
    assert f"of the {len(wide)} rows that 2 pairs share" in text and "ped1 → ped2 is not counted" in text
    difference = critical_difference(len(wide), 2)
    assert f"critical difference {difference:.1f}" in text
    assert view.locator("#across .rank b").count() == (0 if difference > mean.max() - mean.min() else None)


def test_sources_of_one_target_are_one_data_set(show):
    """Three pairs of two targets: what was trained otherwise is no other test set."""
    page, _ = made(["apn", "memae", "framediff"])
    view = show(page)
    wide = pd.DataFrame(page["entries"]).pivot_table(
        index=["method", "shots"], columns=["source", "target"], values="auc"
    )
    mean = rankdata(-wide.T.groupby(level="target").mean().to_numpy(), axis=1).mean(0)
    shown = [float(text) for text in view.locator("#across td.rank").all_inner_texts()]
    assert sorted(shown) == sorted(np.round(mean, 2)) and wide.shape[1] == 3
    assert f"critical difference {critical_difference(len(wide), 2):.1f}" in view.inner_text("#across .verdict")


def test_mean_ranks_in_bold_are_those_within_the_critical_difference(show, page):
    least = [0.01] * len(page["critical"])
    view = show(page | {"critical": least})
    assert view.locator("#across .rank b").count() == 1  # the best alone
    assert "do not differ from the best" in view.inner_text("#across .verdict")


def test_no_name_is_cut_and_options_stand_below(show, page):
    view = show(page)
    link = view.locator("#boards a", has_text="apn").first
    assert LONG not in view.inner_text("#boards") and "prototypes=20" in view.inner_text("#boards")
    assert link.is_visible()
    cut = "e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'auto'"
    assert not any(view.locator(".board *:not(svg *, .unseen)").evaluate_all(f"all => all.map({cut})"))


def test_all_columns_fit_a_desk_and_a_card_on_a_phone(show, page):
    view = show(page)
    for box in view.locator("#boards .scroll").all():
        assert box.evaluate("e => e.scrollWidth <= e.clientWidth")
    view = show(page, width=390)
    assert view.evaluate("document.documentElement.scrollWidth") <= 390
    card = view.locator("#boards tbody tr", has_text="K").first
    for name in [
        "method",
        "adaptation",
        "auc",
        "behind",
        "gain",
        "macro_auc",
        "ap",
        "eer",
        "paper_auc",
        "fps",
        "adapt_seconds",
        "command",
    ]:
        box = card.locator(f".{name}").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] > 0, name
    named = card.locator(".ap").evaluate("e => getComputedStyle(e, '::before').content")
    assert "AP" in named  # each number under its own name, as there is no head above it


def test_sort_by_mouse_keyboard_and_menu(show, page):
    view = show(page)
    view.click("#board-0 th button[data-key=auc]")
    rising = [auc for _, _, auc, _ in shown(view, "ped1 → ped2")]
    assert rising == sorted(rising)
    view.focus("#board-1 th button[data-key=method]")
    view.keyboard.press("Enter")
    methods = [method for method, *_ in shown(view, "street → ped2")]
    assert methods == sorted(methods)
    view.focus("#board-1 th button[data-key=method]")
    view.keyboard.press("Enter")
    assert view.evaluate("document.activeElement.dataset.key") == "method"
    assert view.evaluate("document.activeElement.closest('section').id") == "board-1"
    assert view.get_attribute("#board-1 thead th.method", "aria-sort") == "descending"
    view.select_option("#f-sort", "fps")
    order = {entry["method"]: entry["fps"] for entry in page["entries"]}
    speeds = [order[method] for method, *_ in shown(view, "street → ped2")]
    assert speeds == sorted(speeds, reverse=True)


def tick(view, key, value):
    view.click(f".menu[data-key={key}] summary")
    view.locator(f".menu[data-key={key}] label", has_text=value).click()
    view.keyboard.press("Escape")


def test_the_address_shows_the_same_again(show, page):
    view = show(page)
    tick(view, "target", "ped2")
    tick(view, "shots", "5")
    view.fill("#f-method", f"{LONG}, MEMAE")
    view.select_option("#f-sort", "fps")
    view.click("#f-order")
    first = view.inner_text("#boards")
    assert view.locator(ROWS).count() == 3  # nothing at K = 0, as K was chosen
    again = show(page, f"#{view.url.partition('#')[2]}")
    assert again.inner_text("#boards") == first
    assert again.input_value("#f-method") == f"{LONG}, MEMAE" and again.input_value("#f-sort") == "fps"
    assert "5" in again.inner_text(".menu[data-key=shots] summary")
    again.click("#boards tbody a >> nth=0")
    again.click("text=← All boards")
    again.locator("#boards").wait_for()  # the page turns after the click; of what is hidden the text is another
    assert again.inner_text("#boards") == first
    again.click("text=Reset")
    assert again.locator("#boards > section").count() == 3 and again.url.endswith("#")


def test_commas_within_brackets_belong_to_options(show, page):
    assert show(page, "#method=mpn,memae").locator(ROWS).count() > 2
    assert show(page, "#method=other[a,mpn,b]").locator(ROWS).count() == 0


def test_rows_that_are_open_are_in_the_address(show, page):
    view = show(page)
    assert section(view, "street → plaza").locator("> .scroll tbody tr").count() == 8
    section(view, "street → plaza").locator(".more").click()
    again = show(page, f"#{view.url.partition('#')[2]}")
    assert section(again, "street → plaza").locator("> .scroll tbody tr").count() == len(
        of_pair(page, "street → plaza")
    )
    assert section(again, "street → ped2").locator("> .scroll tbody tr").count() == 8


def test_what_an_address_asks_for_in_vain_is_said(show, page):
    view = show(page, "#target=avenue&shots=5&colour=red&sort=behind&constructor=1&sort=constructor")
    assert "target avenue, colour, sort behind, constructor, sort constructor" in view.inner_text("#lost")
    assert all(shots == 5 for _, shots, *_ in shown(view, "street → ped2"))
    assert "cell constructor" in show(page, "#cell/constructor").inner_text("#lost")


def test_budgets_are_never_shown_together(show, page):
    long = [entry | {"budget": "paper", "auc": 99.0, "cells": [f"p{n}"]} for n, entry in enumerate(page["entries"][:5])]
    more = page["boards"] + [page["boards"][2] | {"budget": "paper", "apart": None}]
    both = page | {"entries": page["entries"] + long, "boards": more}
    both |= {"cells": page["cells"] | {f"p{n}": page["cells"]["c0"] for n in range(5)}}
    view = show(both)
    assert f"of {len(both['entries'])} rows, of budget quick; others: paper." in view.inner_text("#count")
    assert "99.0" not in [text.split()[0] for text in view.locator("#boards tbody .auc").all_inner_texts()]
    tick(view, "budget", "paper")
    assert view.locator("#boards > section").count() == 1
    assert {text.split()[0] for text in view.locator("#boards tbody .auc").all_inner_texts()} == {"99.0"}
    assert "5 of" in view.inner_text("#count") and "of budget paper; others: quick." in view.inner_text("#count")
    assert "budget" not in show(page).inner_text("#count")
    assert "5 of" in show(both | {"budget": "paper"}).inner_text("#count"), "the budget that was run last here"


def test_csv_holds_the_rows_that_are_shown(show, page):
    view = show(page, "#target=plaza&shots=0")
    with view.expect_download() as caught:
        view.click("#csv")
    text = caught.value.path().read_text(encoding="utf-8")
    lines = list(csv.DictReader(io.StringIO(text)))
    expected = sorted(
        (e for e in page["entries"] if e["target"] == "plaza" and not e["shots"]), key=lambda entry: -entry["auc"]
    )
    assert [line["method"] for line in lines] == [entry["method"] for entry in expected]
    for line, entry in zip(lines, expected, strict=True):
        assert float(line["auc"]) == entry["auc"] and line["command"] == entry["command"] and line["gain"] == ""
        assert (line["source"], line["target"], line["budget"]) == ("street", "plaza", "quick")


def test_the_command_of_a_row_is_copied(show, page):
    view = show(page)
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = view.locator("#board-0 td.command button").first
    view.evaluate("() => { window.setTimeout = () => 0; }")  # it says so for a moment, which who is slow would miss
    button.click()
    view.locator("#board-0 td.command button", has_text="Copied").wait_for()  # the clipboard may take a moment
    best = max(of_pair(page, "ped1 → ped2"), key=lambda entry: entry["auc"])
    assert view.evaluate("navigator.clipboard.readText()") == best["command"]
    assert best["command"] in button.get_attribute("title")


def test_published_figures_stand_beside_their_target_with_their_protocol(show, page):
    view = show(page)
    line = section(view, "ped1 → ped2").locator(".published summary").inner_text()
    assert "trained on ped2 itself: 98.2 (apn 98.2)" in line and "trained on shanghaitech: 90.2 (mpn 90.2)" in line
    assert "no contest" in line
    assert section(view, "street → plaza").locator(".published").count() == 0
    section(view, "ped1 → ped2").locator(".published summary").click()
    text = section(view, "ped1 → ped2").locator(".published table").inner_text()
    assert "normalisation video-minmax" in text and "not stated" in text and "a note" in text


def test_captions_are_those_of_each_board(show, page):
    view = show(page)
    texts = view.locator("#boards .caption").all_inner_texts()
    assert texts == [board["caption"] for board in page["boards"]]
    assert len({tuple(board[key] for key in BOARD) for board in page["boards"]}) == len(texts) == 3


def test_points_of_speed_are_named_and_lead_to_their_cell(show, page):
    view = show(page)
    panel = view.locator("#speed figure", has_text="street → plaza")
    names = panel.locator("text.name")
    fastest = max(of_pair(page, "street → plaza"), key=lambda entry: (entry["fps"], entry["auc"]))
    assert label(fastest["method"]).name in " ".join(names.all_text_contents()) and names.count() >= 4
    boxes = [name.bounding_box() for name in names.all()]
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            assert apart or one["y"] + one["height"] <= other["y"] + 4 or other["y"] + other["height"] <= one["y"] + 4
    assert panel.locator("a.point").count() == len(of_pair(page, "street → plaza")) - 1  # not random
    mark = panel.locator("a.point").first
    mark.focus()
    said = panel.locator("figcaption").inner_text()
    assert said == mark.get_attribute("aria-label") and "frames/s" in said
    view.keyboard.press("Enter")
    view.wait_for_selector("#cell h2")
    assert view.is_hidden("#overview")


def test_many_videos_are_small_and_fold(show, page):
    """107 videos, as ShanghaiTech has: a compact grid, the rest on demand."""
    videos = [{"name": f"v{n}", "length": 40, "spans": [[30, 40]], "stills": None} for n in range(107)]
    ranks = {"ranks": "AAAA" * (14 * 107 // 3 + 1), "first": 26, "counts": [14] * 107}
    cell = page["cells"]["c0"] | ranks | {"alarms": [], "misses": []}
    targets = {entry["target"]: videos for entry in page["entries"]}
    view = show(page | {"cells": page["cells"] | {"c0": cell}, "targets": targets}, "#cell/c0")
    assert view.locator(".timeline").count() == 24
    assert view.locator(".timelines").bounding_box()["height"] < 500
    view.click("text=All 107 videos")
    assert view.locator(".timeline").count() == 107
    assert view.locator(".timelines").bounding_box()["height"] < 2000
    assert view.evaluate("document.activeElement.getAttribute('aria-label')") == "Frames of v24"


def test_headings_and_tables_are_told_to_a_screen_reader(show, page):
    view = show(page, width=390)  # where tables are drawn as cards
    table = view.get_by_role("table", name="street → plaza")
    assert table.get_by_role("row").count() >= 8 and table.get_by_role("rowheader").count() == 8
