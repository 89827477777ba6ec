"""Cells that fail: which are tried again, when a run gives up, and what takes down nothing but itself."""

import re
import time

import numpy as np
import pytest
import torch

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.store import store as store_module
from crossvad.store.records import Record
from crossvad.store.store import Store

COUNTED = """
        from pathlib import Path
        with open(Path(__file__).with_suffix(".tries"), "a") as file:
            file.write("x")
        raise ArithmeticError("it will not be trained")
"""
FAILING = ("def loss(self, clips):\n", f"def loss(self, clips):\n{COUNTED}")
GREEDY = ("return (clips - self.level)", "torch.empty(2**60, dtype=torch.uint8)\n        return (clips - self.level)")
FORBIDDEN = "import os\n        if 'FAIL' in os.environ:\n            raise MemoryError('no luck')\n        return {"


@pytest.fixture
def tries(tmp_path):
    """How often a failing plug-in has been tried."""
    return lambda name="mine": len((tmp_path / f"{name}.tries").read_text())


def test_what_failed_is_tried_again_unless_only_what_was_stopped_is(bench, plugin, north, south, tries):
    words = ["run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    words += ["--method", plugin(FAILING)]
    assert bench(*words).code == 1 and tries() == 1
    left = bench(*words, "--retry", "interrupted")
    assert left.code == 1 and tries() == 1  # it says what failed, all the same
    assert "7 in the store, 1 of them failed, 0 to run" in left.err and "it will not be trained" in left.err
    assert bench(*words, "--retry", "failed").code == 1 and tries() == 2
    assert bench(*words).code == 1 and tries() == 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_ends_when_so_many_cells_have_failed(plugin, north, south, tmp_path, jobs):
    methods = [plugin(FAILING, name=f"bad{number}") for number in range(6)]
    pair = {"source": north, "target": south, "shots": 0, "budget": "smoke", "quiet": True}
    results = crossvad.run(**pair, methods=methods, results=tmp_path / "r", jobs=jobs, max_failures=2)
    failed = [record for record in Store(tmp_path / "r").records() if record.status == "failed"]
    assert 2 <= len(failed) <= 1 + jobs  # another may have failed meanwhile
    assert sum(record.status == "failed" for record in results.records) == 2
    all_of_it = crossvad.run(**pair, methods=methods, results=tmp_path / "r")
    assert sum(record.status == "failed" for record in all_of_it.records) == 6


def test_what_failed_for_another_process_meanwhile_is_not_tried_again(plugin, make_grid, run_grid, store, tries):
    grid = make_grid(plugin(FAILING), shots=[0])
    runner = Runner(store, FrameCache(), torch.device("cpu"), Reporter(quiet=True))
    cells = runner.take(grid)
    run_grid(store, grid)
    assert tries() == 1
    for do in (runner.prepare, runner.score):
        assert {record.status for record in do(cells).values()} == {"failed"}
    assert tries() == 1


def test_what_failed_by_a_clock_that_was_ahead_is_tried_again(make_grid, run_grid, store, monkeypatch):
    grid = make_grid("framediff", shots=[0])
    with monkeypatch.context() as ahead:
        ahead.setattr(store_module, "now_in_words", lambda: "2999-01-01T00:00:00.000000+00:00")
        for cell in grid.cells():
            store.write(Record(cell, "failed", "no luck"))
    assert {record.status for record in run_grid(store, grid)} == {"done"}


def test_a_method_that_asks_for_more_memory_than_there_is_fails_alone(plugin, make_grid, run_grid, store):
    records = run_grid(store, make_grid(plugin(GREEDY), "framediff", shots=[0]))
    assert [record.status for record in records] == ["failed", "done"]
    assert "can't allocate memory" in records[0].reason


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_cannot_be_scored_by_mended_labels_is_told_of_and_tried_again(
    bench, plugin, north, camera, monkeypatch, jobs
):
    target = camera("target")
    words = ["run", "--source", f"path:{north}", "--target", f"path:{target}", "--budget", "smoke", "--shots", "0"]
    words += ["--method", plugin(("return {", FORBIDDEN)), "--jobs", jobs]
    assert bench(*words).code == 0
    monkeypatch.setenv("FAIL", "1")
    (target / "labels.csv").write_text("video,start,end\na,32,40\n")
    for waiting in (7, 1):
        failed = bench(*words)
        assert failed.code == 1 and f"{waiting} to run" in failed.err
        assert re.search(
            r"MemoryError: no luck \(mine.py, line \d+; its scores by earlier labels are kept\)", failed.err
        )
    monkeypatch.delenv("FAIL")
    assert bench(*words).code == 0
    assert "7 in the store, 0 to run" in bench(*words).err


def test_a_video_that_breaks_before_it_is_decoded_is_named_and_nothing_is_lost(make_grid, run_grid, store, camera):
    target = camera("target")
    grid = make_grid("framediff", "framepred", targets=[OwnFolder(target)], shots=[0])
    runner = Runner(store, FrameCache(), torch.device("cpu"), Reporter(quiet=True))
    cells = runner.take(grid)  # opens it: all is well
    frame = sorted((target / "test" / "b").iterdir())[20]
    whole = frame.read_bytes()
    frame.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"test/b/020\.png"):
        runner.check(cells)
    assert store.records() == []
    frame.write_bytes(whole)
    assert {record.status for record in run_grid(store, grid)} == {"done"}


def test_a_clock_that_jumps_back_changes_nothing(make_grid, run_grid, store, tmp_path, monkeypatch):
    grid = make_grid("framepred", "lmn", shots=[0, 2])
    run_grid(Store(tmp_path / "steady"), grid)
    hours = iter(range(10**6, 0, -1))  # each look at it shows an hour less
    monkeypatch.setattr(time, "time", lambda: next(hours) * 3600.0)
    monkeypatch.setattr(store_module, "now_in_words", lambda: f"20{next(hours) % 90 + 10}-01-01T00:00:00.000000+00:00")
    first = run_grid(store, grid)
    assert {record.status for record in first} == {"done"}
    assert [record.finished for record in run_grid(store, grid)] == [record.finished for record in first]
    for record in first:
        ours, steady = store.scores(record.cell), Store(tmp_path / "steady").scores(record.cell)
        assert all(np.array_equal(ours.cues[cue], values, equal_nan=True) for cue, values in steady.cues.items())
