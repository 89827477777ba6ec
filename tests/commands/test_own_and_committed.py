"""A run shows its own cells; a table of committed ones among one's own says which they are."""

from __future__ import annotations

import json
import re
import shutil

import pytest

import crossvad
from crossvad.store.store import Store
from made import committed_alone

SMOKE = ("--budget", "smoke", "--quiet", "--shots", "0")


@pytest.fixture(scope="module")
def published(tmp_path_factory, make_grid, run_grid):
    """A results folder as it is cloned: committed cells, and none of one's own."""
    store = Store(tmp_path_factory.mktemp("published") / "results")
    grid = make_grid("framediff", "framediff[pool=p99]", "support-mean", shots=[0, 2])
    return committed_alone(store, run_grid(store, grid))


@pytest.fixture
def cloned(published, tmp_path):
    return shutil.copytree(published, tmp_path / "results")


@pytest.fixture
def ran(bench, cloned, north, south):
    """`bench run` of one method beside the untrained ones, some of which are committed."""
    return bench("run", "--source", f"path:{north}", "--target", f"path:{south}", "--method", "ramp", *SMOKE)


def read_page(path):
    """The data of a report's page."""
    (data,) = re.findall(r'<script type="application/json" id="page">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(data)


def test_a_run_is_of_its_own_cells(ran, cloned):
    assert ran.code == 0 and "p99" not in ran.out and "‡" not in ran.out
    own = Store(cloned, only="runs").records()
    assert len(own) == 6 and {"framediff", "support-mean"} < {record.cell.method for record in own}


def test_committed_cells_among_ones_own_are_marked(bench, ran, tmp_path):
    for words in (["table", "--rows", "method"], ["compare"], ["gain"]):
        done = bench(*words, "--format", "md")
        marked = [line for line in done.out.splitlines() if line.startswith("|") and "‡" in line]
        assert marked and not any(name in line for line in marked for name in ("ramp", "random", "extrapolate"))
        assert "‡: committed in reference/, not run here (--where place=runs leaves it out)" in done.out
    assert "p99" in bench("table").out and "p99" not in bench("table", "--where", "place=runs").out
    drawn = bench("plot", "matrix").out
    assert "2 of 8 cells are committed ones of reference/ (--where place=runs leaves them out)" in drawn


def test_each_board_of_a_report_says_which_of_its_own_cells_are_committed(bench, ran, north, south, tmp_path):
    """And the page opens with the budget that was run last."""
    other = ("--source", f"path:{south}", "--target", f"path:{north}", "--method", "ramp", "--quiet", "--shots", "0")
    assert bench("run", *other, "--budget", "demo").code == 0
    assert bench("report").code == 0
    page = read_page(tmp_path / "report.html")
    captions = {(board["budget"], board["source"]): board["caption"] for board in page["boards"]}
    mixed, own = captions["smoke", f"path:{north.name}"], captions["demo", f"path:{south.name}"]
    assert "‡: committed in reference/" in mixed and "committed" not in own and page["budget"] == "demo"
    shutil.rmtree(tmp_path / "results" / "runs" / "cells")
    assert bench("report").code == 0
    page = read_page(tmp_path / "report.html")
    assert "committed" not in page["boards"][0]["caption"] and page["budget"] == ""


def test_a_board_of_committed_cells_beside_ones_own_says_so(bench, cloned, north, south, tmp_path):
    other = ("--source", f"path:{south}", "--target", f"path:{north}", "--method", "ramp", "--quiet", "--shots", "0")
    assert bench("run", *other, "--budget", "smoke").code == 0
    assert bench("report").code == 0
    captions = {board["source"]: board["caption"] for board in read_page(tmp_path / "report.html")["boards"]}
    told = "4 cells, all committed in reference/, not run here (--where place=runs leaves them out)"
    assert told in captions[f"path:{north.name}"] and "committed" not in captions[f"path:{south.name}"]


def test_nothing_is_marked_where_all_are_of_one_place(bench, ran, cloned):
    for place in ("runs", "reference"):
        done = bench("table", "--where", f"place={place}", "--format", "md")
        assert done.code == 0 and "‡" not in done.out
    shutil.rmtree(cloned / "runs")
    assert "‡" not in bench("table", "--format", "md").out


def test_python_takes_a_place_too(ran, cloned):
    assert len(crossvad.load_results(cloned, where={"place": "runs"})) == 6
    assert len(crossvad.load_results(cloned, where={"place": "reference"})) == 4
    frame = crossvad.load_results(cloned).to_frame()
    assert frame.groupby("place").size().to_dict() == {"reference": 2, "runs": 6}


def test_the_first_table_after_a_run_is_of_its_own_budget(bench, north, south, cloned):
    """Where committed cells are of another budget, a bare table is of what one has just run, and says so."""
    where = ("--source", f"path:{north}", "--target", f"path:{south}", "--method", "ramp", "--quiet", "--shots", "0")
    assert bench("run", *where, "--budget", "demo").code == 0
    done = bench("table", "--format", "md")
    assert done.code == 0 and "budget demo" in done.out and "p99" not in done.out
    assert "your own cells of budget demo, which ran last; 4 more cells of smoke (--where budget=smoke)" in done.out
    assert bench("table", "--where", "budget=smoke", "--format", "md").out.count("‡") == 0
    both = bench("table", "--where", "budget=smoke,demo")
    assert both.code == 2 and "would mix budgets" in both.err
    shutil.rmtree(cloned / "runs")
    assert bench("table").code == 0
