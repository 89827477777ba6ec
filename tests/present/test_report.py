"""`bench report`: what is in the page, and the page in a browser."""

import base64
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from conftest import paint, write_camera, write_frames
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.tidy import counted_frames, table
from crossvad.execution.progress import Reporter
from crossvad.planning.protocol import FAIR
from crossvad.present import report, report_cells
from crossvad.present.tables import REVERTED
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Store

EVIL = "<script>alert(1)<"  # a name may not hold a slash
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    """Cells on a camera one of whose videos has markup for a name."""
    camera = write_camera(tmp_path_factory.mktemp("evil") / "south", 5)
    write_frames(camera / "test" / EVIL, paint(40, 3, 33))
    (camera / "labels.csv").write_text(f"video,start,end\na,32,40\nc,30,36\n{EVIL},33,40\n")
    store = Store(tmp_path_factory.mktemp("report"))
    grid = make_grid("framepred", "framediff", "random", shots=[0, 2], seeds=[0, 1], targets=[OwnFolder(camera)])
    return store, run_grid(store, grid), camera


class Here(Thumbnails):
    """Stills of one folder, under the name by which cells know it."""

    def _open(self, target):
        return super()._open(f"path:{self.root}")


@pytest.fixture(scope="module")
def page(finished):
    store, records, camera = finished
    return report.gather(store, records, FAIR, [], Here(camera), Reporter(quiet=True))


def test_numbers_are_those_of_the_table(finished, page):
    store, records, _ = finished
    tidy = table(store, records, FAIR)
    for entry in page["entries"]:
        mine = tidy[(tidy["method"] == entry["method"]) & (tidy["shots"] == entry["shots"])]
        assert entry["seeds"] == len(mine) == len(entry["cells"])
        assert entry["auc"] == pytest.approx(mine["auc"].mean(), abs=1e-4)
        one = [page["cells"][key]["auc"] for key in entry["cells"]]
        assert sorted(one) == pytest.approx(sorted(mine["auc"]), abs=1e-4)
    assert len(page["cells"]) == len(tidy) and sum(len(entry["cells"]) for entry in page["entries"]) == len(tidy)
    adapted = [entry for entry in page["entries"] if entry["shots"]]
    bare = {entry["method"]: entry["auc"] for entry in page["entries"] if not entry["shots"]}
    assert adapted
    for entry in adapted:
        assert entry["gain"] == pytest.approx(entry["auc"] - bare[entry["method"]], abs=1e-3)
        assert entry["gain_low"] <= entry["gain"] <= entry["gain_high"]


def test_curves_are_the_ranks_of_the_scores(finished, page):
    store, records, _ = finished
    for record in records:
        cell = page["cells"][record.cell.key]
        counted = counted_frames(store.scores(record.cell), FAIR, record.cell.shots, record.facts["fusion"])
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
    videos = {video["name"]: video for target in page["targets"].values() for video in target}
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


# ---- in a real browser -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(page, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report.render(page), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def view(browser, address):
    """The page at desk width; fails the test that leaves a message on the console, or a request."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab, said, asked = context.new_page(), [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    yield tab
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [address]


def column(view, number: int) -> list[str]:
    cells = view.locator(f"#board tbody td:nth-child({number})").all_inner_texts()
    return [cell.split()[0].removesuffix(REVERTED) for cell in cells]


def test_sort_by_mouse_and_keyboard(view, page):
    auc = [entry["auc"] for entry in page["entries"]]
    assert column(view, 2) == [f"{value:.1f}" for value in sorted(auc, reverse=True)]
    view.click("#board th button[data-key=auc]")
    assert column(view, 2) == [f"{value:.1f}" for value in sorted(auc)]
    view.focus("#board th button[data-key=method]")
    view.keyboard.press("Enter")
    assert column(view, 1) == sorted(entry["method"] for entry in page["entries"])
    assert view.evaluate("document.activeElement.dataset.key") == "method"
    assert view.get_attribute("#board th:first-child", "aria-sort") == "ascending"


def test_filter(view, page):
    view.fill("#f-text", "diff, RANDOM")
    assert set(column(view, 1)) == {"framediff", "random"}
    view.fill("#f-text", "")
    view.select_option("#f-shots", label="2")
    assert set(column(view, 5)) == {"2"}
    assert view.locator("#board tbody tr").count() == sum(entry["shots"] == 2 for entry in page["entries"])


def test_open_a_cell_and_come_back(view, page):
    view.focus("#board tbody a >> nth=0")
    view.keyboard.press("Enter")
    view.wait_for_selector(".timeline")
    assert view.locator(".timeline").count() == 4 and view.is_hidden("#overview")
    assert EVIL in view.locator(".timeline >> nth=0").inner_text()
    chart = view.locator(".chart >> nth=1")
    chart.focus()
    view.keyboard.press("Home")
    assert chart.get_attribute("aria-valuenow") == "26" and "frame 26, normal" in chart.get_attribute("aria-valuetext")
    before = view.locator(".timeline .still >> nth=1").get_attribute("aria-label")
    view.keyboard.press("End")
    assert "frame 39, abnormal" in chart.get_attribute("aria-valuetext")
    assert view.locator(".timeline .still >> nth=1").get_attribute("aria-label") != before
    box = chart.bounding_box()
    view.mouse.move(box["x"] + box["width"] * 33.5 / 40, box["y"] + 5)
    assert "frame 33" in chart.get_attribute("aria-valuetext")
    view.go_back()
    view.wait_for_selector("#overview")
    assert view.is_visible("#overview") and view.is_hidden("#cell")


@pytest.mark.parametrize("place", ["", "cell"])
def test_nothing_sticks_out_at_phone_width(view, place):
    view.set_viewport_size({"width": 390, "height": 800})
    if place:
        view.click("#board tbody a >> nth=0")
        view.wait_for_selector(".timeline")
    assert view.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark(view):
    light = view.evaluate("getComputedStyle(document.body).backgroundColor")
    view.emulate_media(color_scheme="dark")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") != light == "rgb(255, 255, 255)"
