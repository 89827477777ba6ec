"""Several processes at a time: what they make is what one makes, and nothing of it is lost with one of them."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.launchers.processes import Processes
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.store.store import Store
from live_made import until
from shared_stores import scores_below

SMOKE = {"budget": "smoke", "shots": [0, 2], "quiet": True}
METHODS = '''
import os, signal, time
from pathlib import Path

from crossvad.adapters.methods.framepred import FramePrediction

TRIED, FIRST = Path(__file__).parent, []


class Counted(FramePrediction):
    """Says how often it is trained."""

    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        with open(TRIED / type(self).__name__, "a") as file:
            file.write("fitted ")


class Held(FramePrediction):
    """Scores in the first process that comes to it; any other holds on, so that a run comes to no end."""

    def score(self, clips):
        if (TRIED / "hold").exists() and not FIRST:
            try:
                (TRIED / "first").touch(exist_ok=False)
            except FileExistsError:
                time.sleep(600)
            FIRST.append("this one")
        return super().score(clips)


class KilledOnce(Counted):
    """Takes its process down, the first time that it scores."""

    def score(self, clips):
        if not (TRIED / "killed").exists():
            (TRIED / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().score(clips)


class KilledAlways(Counted):
    """Takes its process down whenever it trains."""

    def fit(self, source, budget, log):
        with open(TRIED / type(self).__name__, "a") as file:
            file.write("killed ")
        os.kill(os.getpid(), signal.SIGKILL)


class Failing(Counted):
    """Cannot be trained."""

    def fit(self, source, budget, log):
        with open(TRIED / type(self).__name__, "a") as file:
            file.write("failed ")
        raise ArithmeticError("it will not be trained")
'''


def test_scores_are_those_of_one_process(north, south, tmp_path):
    pair = {"source": north, "target": [south, north], "methods": ["framepred", "mpn"], "tuning": ["finetune", "head"]}
    for jobs in (1, 2):
        results = crossvad.run(**pair, **SMOKE, results=tmp_path / str(jobs), jobs=jobs, device="cpu")
        assert {record.status for record in results.records} == {"done"}
    alone, together = scores_below(tmp_path / "1"), scores_below(tmp_path / "2")
    assert len(alone) > 20 and alone == together


def test_what_goes_wrong_takes_nothing_else_down(north, south, tmp_path):
    (tmp_path / "mine.py").write_text(METHODS)
    methods = [f"{tmp_path / 'mine.py'}:{name}" for name in ("KilledOnce", "KilledAlways", "Failing", "Counted")]
    results = crossvad.run(source=north, target=[south, north], methods=methods, **SMOKE, results=tmp_path, jobs=2)
    found = {}
    for record in results.records:
        found.setdefault(record.cell.method.rpartition(":")[2], []).append(record)
    statuses = {name: {record.status for record in records} for name, records in found.items()}
    assert {name: statuses[name] for name in ("KilledOnce", "KilledAlways", "Failing", "Counted", "framediff")} == {
        "KilledOnce": {"done"},
        "KilledAlways": {"failed"},
        "Failing": {"failed"},
        "Counted": {"done"},
        "framediff": {"done"},
    }
    assert all("its process was killed by signal 9, 2 times" in record.reason for record in found["KilledAlways"])
    assert all("it will not be trained" in record.reason for record in found["Failing"])
    tried = {name: (tmp_path / name).read_text() for name in statuses if (tmp_path / name).exists()}
    assert tried == {
        "KilledOnce": "fitted ", "KilledAlways": "killed killed ", "Failing": "failed ", "Counted": "fitted "
    }  # fmt: skip
    assert {len(found[name]) for name in ("KilledOnce", "KilledAlways", "Failing", "Counted")} == {4}


def test_a_process_that_cannot_make_out_the_grid_ends_the_run_and_says_so(north, south, tmp_path, monkeypatch, capfd):
    """Else every cell would fail for a reason that is none of its own."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sitecustomize.py").write_text("raise SystemExit(3)")
    with pytest.raises(InputError, match=r"^jobs: a process ended with exit code \d+ before it could do anything"):
        crossvad.run(source=north, target=south, methods="framepred", **SMOKE, results=tmp_path / "r", jobs=2)
    assert not Store(tmp_path / "r").records()


def test_a_plugin_that_is_edited_while_processes_start_ends_the_run_and_says_so(
    north, south, tmp_path, plugin, monkeypatch
):
    name, start = plugin(), Processes.start

    def late(self, number):
        plugin((".square().mean()\n", ".abs().mean()\n"))
        return start(self, number)

    monkeypatch.setattr(Processes, "start", late)
    with pytest.raises(InputError, match="file of a plug-in: was changed since the run began"):
        crossvad.run(source=north, target=south, methods=name, **SMOKE, results=tmp_path / "r", jobs=2)
    assert {record.status for record in Store(tmp_path / "r").records()} <= {"done", "interrupted"}


def test_what_another_process_has_scored_meanwhile_is_not_recorded_as_failed(store, make_grid, run_grid):
    grid = make_grid("framediff", shots=[0])
    (record,) = run_grid(store, grid)
    runner = Runner(store, FrameCache(), torch.device("cpu"), Reporter(quiet=True))
    assert runner.record(runner.take(grid), "failed", "too late")[record.cell].status == "done"
    assert store.record(record.cell).status == "done" and len(store.scores(record.cell).labels)


def test_a_run_that_is_stopped_keeps_what_is_done_and_goes_on_from_there(north, south, tmp_path):
    words = ["--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    words += ["--seed", "0,1,2,3", "--method", f"{tmp_path / 'mine.py'}:Held", "--jobs", "2"]
    words += ["--results", str(tmp_path)]
    (tmp_path / "mine.py").write_text(METHODS)
    (tmp_path / "hold").touch()
    command = [Path(sys.executable).with_name("bench"), "run", *words]
    if not command[0].is_file():
        pytest.skip("the command line is not installed beside this Python")
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # else not, where the tests run in the background
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=heeded)
    cells = tmp_path / "runs" / "cells"
    until(lambda: [*cells.glob("[!.]*/scores.npz")] or run.poll() is not None, 600)  # a draft, hidden, may not last
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=600)
    (tmp_path / "hold").unlink()
    assert run.returncode == 1 and "Stopped. The same command goes on where this one was." in said
    assert "Traceback" not in said
    before = {path: path.stat().st_mtime_ns for path in cells.glob("[!.]*/scores.npz")}
    assert before
    again = subprocess.run([*command, "--quiet"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert {record.status for record in Store(tmp_path).records()} == {"done"}
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    assert not Store(tmp_path).leftovers()


def test_objects_are_refused_as_no_other_process_knows_them(north, south, tmp_path):
    with pytest.raises(InputError, match="more than one process: takes names and folders, and not objects"):
        crossvad.run(source=OwnFolder(north), target=south, **SMOKE, results=tmp_path, jobs=2)
    assert not Store(tmp_path).records()


def test_two_runs_of_the_same_share_its_work(start_bench, north, south, tmp_path):
    """As do several machines on one folder: nothing is trained or scored twice, and both have all of it."""
    (tmp_path / "mine.py").write_text(METHODS)
    words = ["--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0,2"]
    words += ["--seed", "0,1,2", "--method", f"{tmp_path / 'mine.py'}:Counted", "--results", str(tmp_path)]
    said = [(tmp_path / f"{number}.out", tmp_path / f"{number}.err") for number in range(2)]
    runs = [start_bench("run", *words, out=out, log=err) for out, err in said]
    for run, (out, err) in zip(runs, said, strict=True):
        run.join(600)
        assert run.exitcode == 0, err.read_text()
        assert "mine.py:Counted" in out.read_text()
    assert (tmp_path / "Counted").read_text() == "fitted fitted fitted "
    assert {record.status for record in Store(tmp_path).records()} == {"done"}
    assert not [*Store(tmp_path).place("claims", "").iterdir()]
    again = tmp_path / "again"
    crossvad.run(
        source=north, target=south, methods=f"{tmp_path / 'mine.py'}:Counted", seeds=[0, 1, 2], **SMOKE, results=again
    )
    assert scores_below(again) == scores_below(tmp_path)
