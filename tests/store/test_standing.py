"""How far a run is, told from another process while it lives, and by nobody afterwards."""

import os
import signal
import time

import pytest

from crossvad.execution.reporting import KeepingReporter
from crossvad.store.standing import kept, standings
from crossvad.tabulation.standing import tabulate

SLOW = ("def score(self, clips):", "def score(self, clips):\n        import time; time.sleep(0.2)")


def test_a_reporter_keeps_what_it_is_told(store):
    with kept(store, "bench run …") as file:
        file.path.parent.mkdir(parents=True)
        reporter = KeepingReporter(file, quiet=True)
        reporter.reached(3, 8)
        with reporter.task("  Train") as update:
            update(5, 10, "loss 1")
            assert file.standing.now == {"Train": (5, 10, "loss 1")}
        with reporter.board() as show:
            show(0, "Train a", 1, 2, "")
            show(1, "Train b", 1, 2, "")
            show(0, "Score a", 2, 2, "")
            assert file.standing.now == {"1: Score a": (2, 2, ""), "2: Train b": (1, 2, "")}
            show(1, "", 0, 0, "")
        file.write(at_once=True)
        (found,) = standings(store)
        assert (found.command, found.done, found.cells, found.process) == ("bench run …", 3, 8, os.getpid())
        assert found.now == {"1: Score a": (2, 2, "")}
    assert standings(store) == [] and not file.path.exists()


@pytest.mark.parametrize(("left", "told"), [(None, "–"), (300.0, "5 min")])
def test_status_tells_how_long_a_run_may_still_take_where_anything_tells(store, left, told):
    with kept(store, "bench run …") as file:
        file.path.parent.mkdir(parents=True)
        KeepingReporter(file, quiet=True).reached(1, 8, left)
        ((frame, _),) = tabulate(standings(store), []).parts
        assert frame["left"].tolist() == [told]


ENDLESS = (
    '{"now": {}, "command": "", "host": "", "began": "", "process": Infinity, "cells": 1, "done": 1, "seconds": 1}'
)
STRANGE = ["{", "[]", "{}", '{"now": 3}', '{"now": {}, "other": 1}', '{"now": {"a": 4}}', ENDLESS, "[" * 100_000]


@pytest.mark.parametrize("written", STRANGE, ids=range(len(STRANGE)))
def test_what_is_no_standing_is_passed_over(store, written):
    folder = store.place("status", "")
    folder.mkdir(parents=True)
    (folder / "0123456789abcdef.json").write_text(written)
    with store.claim("status", "0123456789abcdef"):
        assert standings(store) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_status_says_how_far_a_run_is_until_it_is_killed(
    start_bench, bench, plugin, store, north, south, tmp_path, jobs
):
    words = ["run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    words += ["--method", plugin(SLOW), "--seed", "0,1,2,3,4,5", "--quiet", "--jobs", jobs]
    run = start_bench(*words, "--results", store.root.parent, log=tmp_path / "log")
    deadline, said = time.monotonic() + 600, ""
    while " of 12 " not in said or "adapt and score" not in said:
        assert run.is_alive() and time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.2)
        said = bench("status", "--results", store.root.parent).out if store.root.is_dir() else ""
    assert "1 run going on here" in said and "bench run" in said
    os.kill(run.pid, signal.SIGKILL)
    run.join()
    said = bench("status", "--results", store.root.parent).out
    assert "no run going on here" in said and "since" not in said  # nor a table without a row
    store.sweep()
    assert not [*store.place("status", "").iterdir()]


def test_a_folder_that_is_not_there_is_named(bench, tmp_path):
    done = bench("status", "--results", tmp_path / "nothing")
    assert done.code == 2 and "nothing: is no folder" in done.err
