"""`bench report`: what is in the page, and the page in a browser."""

import base64
import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from conftest import paint, write_camera, write_frames
from crossvad.datasets.errors import Problem
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.cell_evaluation import counted_frames
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.evaluation.tidy import table
from crossvad.execution.progress import Reporter
from crossvad.planning.protocol import FAIR
from crossvad.planning.spelling import command
from crossvad.present import captions, report, report_cells
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Store

EVIL = "<script>alert(1)<"  # a name may not hold a slash


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid, north):
    """Cells on two cameras, one of which has a video with markup for a name."""
    camera = write_camera(tmp_path_factory.mktemp("evil") / "south", 5)
    write_frames(camera / "test" / EVIL, paint(40, 3, 33))
    (camera / "labels.csv").write_text(f"video,start,end\na,32,40\nc,30,36\n{EVIL},33,40\n")
    store = Store(tmp_path_factory.mktemp("report"))
    methods = "framepred", "framediff", "framediff[pool=p99]", "random"
    grid = make_grid(*methods, shots=[0, 2], seeds=[0, 1], targets=[OwnFolder(camera), OwnFolder(north)])
    return store, run_grid(store, grid), camera


class Here(Thumbnails):
    """Stills of one folder, under the name by which cells know it."""

    def _open(self, target):
        return super()._open(f"path:{self.root}") if target == "path:south" else {}


@pytest.fixture(scope="module")
def page(finished):
    store, records, camera = finished
    return report.gather(store, records, FAIR, [], Here(camera), Reporter(quiet=True))


def test_numbers_are_those_of_the_table(finished, page):
    store, records, _ = finished
    tidy = table(store, records, FAIR)
    for entry in page["entries"]:
        mine = tidy[(tidy[["method", "target", "shots"]] == [entry[k] for k in ("method", "target", "shots")]).all(1)]
        assert entry["seeds"] == len(mine) == len(entry["cells"])
        assert entry["auc"] == pytest.approx(mine["auc"].mean(), abs=1e-4)
        one = [page["cells"][key]["auc"] for key in entry["cells"]]
        assert sorted(one) == pytest.approx(sorted(mine["auc"]), abs=1e-4)
    assert len(page["cells"]) == len(tidy) and sum(len(entry["cells"]) for entry in page["entries"]) == len(tidy)
    adapted = [entry for entry in page["entries"] if entry["shots"]]
    bare = {(entry["method"], entry["target"]): entry["auc"] for entry in page["entries"] if not entry["shots"]}
    assert adapted
    for entry in adapted:
        assert entry["gain"] == pytest.approx(entry["auc"] - bare[entry["method"], entry["target"]], abs=1e-3)
        assert entry["gain_low"] <= entry["gain"] <= entry["gain_high"]


def test_curves_are_the_ranks_of_the_scores(finished, page):
    store, records, _ = finished
    for record in records:
        cell = page["cells"][record.cell.key]
        counted = counted_frames(ScoredCell(store.scores(record.cell), record.cell.shots, record.facts["fusion"]), FAIR)
        expected = (rankdata(counted.scores) - 0.5) / len(counted.scores)
        ranks = np.frombuffer(base64.b64decode(cell["ranks"]), np.uint8) / report_cells.LEVELS
        assert cell["first"] == FAIR.first_frame(0)
        assert ranks == pytest.approx(expected, abs=0.5 / report_cells.LEVELS + 1e-9)


def test_worst_moments_by_hand():
    rows = pd.DataFrame({
        "video": ["u", "v"],
        "frames": [np.arange(26, 66), np.arange(26, 28)],
        "labels": [np.zeros(40, np.uint8), np.array([1, 0], np.uint8)],
        "scores": [np.arange(40.0), np.array([5.0, 38.5])],
    })  # fmt: skip
    assert report_cells.worst(rows, 0) == [["u", 65, 39.0], ["v", 27, 38.5], ["u", 50, 24.0]]
    assert report_cells.worst(rows, 1) == [["v", 26, 5.0]]


def test_pictures_are_frames(page, finished):
    videos = {video["name"]: video for video in page["targets"]["path:south"]}
    assert set(videos) == {"a", "b", "c", EVIL}
    for name, video in videos.items():
        sheet = video["stills"]
        assert (sheet["count"] - 1) * sheet["step"] < video["length"] <= sheet["count"] * sheet["step"]
        assert sheet["src"].startswith("data:image/jpeg;base64,")
        assert video["spans"] == {"a": [(32, 40)], "b": [], "c": [(30, 36)], EVIL: [(33, 40)]}[name]


def test_stills_are_the_frames_asked_for(finished):
    still = Here(finished[2], height=32).frames("path:south", "a", [7, 33, 2])
    painted = paint(40, 15, 32)
    assert [frame[..., 0].tolist() for frame in still] == [painted[number].tolist() for number in (7, 33, 2)]


def test_without_data_there_are_no_pictures(finished, tmp_path):
    store, records, _ = finished
    bare = report.gather(store, records, FAIR, [], Thumbnails(tmp_path), Reporter(quiet=True))
    assert all(video["stills"] is None for videos in bare["targets"].values() for video in videos)


def test_no_name_is_markup(page):
    text = report.render(page)
    assert "<script>alert" not in text and len(re.findall("<script", text)) == 2
    (data,) = re.findall(r'<script type="application/json" id="page">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data) == json.loads(json.dumps(page))


def test_command(bench, finished, tmp_path):
    store, _, _ = finished
    results = store.root.parent
    out = tmp_path / "report.html"
    done = bench("report", "--results", results, "--out", out, "--quiet")
    assert done.code == 0 and "cells, " in done.out and "no frames of path:south" in done.out and out.stat().st_size
    assert [path.name for path in tmp_path.glob("*.html*")] == ["report.html"]
    assert bench("report", "--results", results, "--where", "method=nobody", "--out", out).code == 2
    nowhere = bench("report", "--results", results, "--out", tmp_path / "nowhere" / "report.html")
    assert nowhere.code == 2 and "cannot be written" in nowhere.err


def test_a_board_of_each_pair_has_its_own_caption(finished, page):
    store, records, _ = finished
    tidy = table(store, records, FAIR)
    assert [(board["source"], board["target"]) for board in page["boards"]] == [
        ("path:north", "path:north"),
        ("path:north", "path:south"),
    ]
    for board in page["boards"]:
        own = tidy[tidy["target"] == board["target"]]
        assert board["caption"] == captions.caption(own, "auc", *report_cells.METRICS[:5])


def test_every_row_and_cell_is_told_by_its_command(finished, page):
    cells = {record.cell.key: record.cell for record in finished[1]}
    for entry in page["entries"]:
        assert entry["command"] == command([cells[key] for key in entry["cells"]])
        assert f"--seed {','.join(str(cells[key].seed) for key in entry['cells'])} " in entry["command"]
    for key, cell in page["cells"].items():
        assert cell["command"] == command([cells[key]])


def test_adapted_cells_alone_gain_over_those_that_were_not_asked_for(finished, page):
    """`bench report --where shots=2`: where they start from is looked for among all that is stored."""
    store, records, camera = finished
    adapted = [record for record in records if record.cell.shots]
    alone = report.gather(store, adapted, FAIR, [], Here(camera), Reporter(quiet=True), rivals=records)
    gains = {(entry["target"], entry["shots"]): entry["gain"] for entry in page["entries"]}
    assert alone["entries"]
    assert all(entry["gain"] == gains[entry["target"], entry["shots"]] is not None for entry in alone["entries"])
    lost = report.gather(store, adapted, FAIR, [], Here(camera), Reporter(quiet=True))
    assert [entry["gain"] for entry in lost["entries"]] == [None] * len(alone["entries"])


# ---- in a real browser -----------------------------------------------------------------------------------------------


@pytest.fixture
def view(show, page):
    return show(page)


def test_no_name_is_cut(view, page):
    """Its options stand below it, and both are there whole."""
    heads = view.locator(".board tbody th.method").all_inner_texts()
    assert {" ".join(text.split()) for text in heads} == {"framepred", "framediff", "framediff pool=p99", "random"}
    cut = "e => e.scrollWidth > e.clientWidth + 1 || getComputedStyle(e).textOverflow === 'ellipsis'"
    assert not any(view.locator(".board th, .board td, .board h2").evaluate_all(f"all => all.map({cut})"))


def test_open_a_cell_and_come_back(view, page):
    view.focus("#boards section:last-child tbody a >> nth=0")
    view.keyboard.press("Enter")
    view.wait_for_selector(".timeline")
    assert view.locator(".timeline").count() == 4 and view.is_hidden("#overview")
    assert EVIL in view.locator(".timeline >> nth=0").inner_text()
    chart, viewer = view.locator(".chart >> nth=1"), view.locator(".viewer")
    chart.focus()
    view.keyboard.press("Home")
    assert chart.get_attribute("aria-valuenow") == "26" and "frame 26, normal" in chart.get_attribute("aria-valuetext")
    assert "frame 26, normal" in viewer.inner_text()
    before = viewer.locator(".still").get_attribute("aria-label")
    view.keyboard.press("End")
    assert "frame 39, abnormal" in chart.get_attribute("aria-valuetext")
    assert viewer.locator(".still").get_attribute("aria-label") != before
    box = chart.bounding_box()
    view.mouse.move(box["x"] + box["width"] * 33.5 / 40, box["y"] + 5)
    assert "frame 33" in chart.get_attribute("aria-valuetext")
    view.go_back()
    view.wait_for_selector("#overview")
    assert view.is_visible("#overview") and view.is_hidden("#cell")


def test_a_cell_says_its_command_and_caption(view, page):
    key = next(key for key, cell in page["cells"].items() if "--shots 2" in cell["command"])
    view.goto(view.url.partition("#")[0] + f"#cell/{key}")
    assert view.inner_text(".run code") == page["cells"][key]["command"]
    entry = next(entry for entry in page["entries"] if key in entry["cells"])
    board = next(board for board in page["boards"] if board["target"] == entry["target"])
    assert board["caption"] in view.inner_text("#cell .caption")


@pytest.mark.parametrize("place", ["", "cell"])
def test_nothing_sticks_out_at_phone_width(show, page, place):
    view = show(page, f"#cell/{next(iter(page['cells']))}" if place else "", width=390)
    assert view.is_visible(".timeline" if place else ".board")
    assert view.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark(view):
    light = view.evaluate("getComputedStyle(document.body).backgroundColor")
    view.emulate_media(color_scheme="dark")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") != light == "rgb(255, 255, 255)"


def test_what_verify_found_stands_on_the_page(show, page):
    view = show(page | {"problems": [vars(Problem("error", "cell 1", "was <b>changed</b>", "run it again"))]})
    assert view.inner_text("#problems li") == "error: cell 1: was <b>changed</b>; run it again"
