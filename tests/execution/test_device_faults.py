"""Processes that train together: what they make is what one makes, and none outlives the run, however that ends."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.execution.checkpoints import FILE
from crossvad.store.store import Store
from live_made import until

SMOKE = {"budget": "smoke", "shots": 0, "quiet": True, "device": "cpu"}
METHODS = '''
import os, signal, time
from pathlib import Path

import torch.distributed as dist

from crossvad.adapters.methods.framepred import FramePrediction
from crossvad.execution import checkpoints

HERE, TAKEN = Path(__file__).parent, []


def on_rank(number):
    return dist.is_initialized() and dist.get_rank() == number


class Slow(FramePrediction):
    """Takes its time, is kept at every step, and comes to no end where several train it."""

    def loss(self, clips):
        if dist.is_initialized():
            (HERE / f"process-{os.getpid()}").touch()
            checkpoints.EVERY = 0
            TAKEN.append(1)
            time.sleep(0.2 if len(TAKEN) < 8 else 600)
        return super().loss(clips)


class Raising(FramePrediction):
    def loss(self, clips):
        if on_rank(1):
            raise ArithmeticError("not this one")
        return super().loss(clips)


class Killed(FramePrediction):
    def loss(self, clips):
        if on_rank(1):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(clips)
'''


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(METHODS)
    return f"{tmp_path / 'mine.py'}:"


def curve(results: Path, key: str) -> np.ndarray:
    """Losses of a stored training."""
    facts = json.loads((Store(results).place("fits", key) / "fit.json").read_text())
    return np.array(facts["curves"]["loss"])


def only(results: crossvad.Results, method: str):
    (record,) = [record for record in results.records if record.cell.method.endswith(method)]
    return record


def test_a_cell_is_the_same_but_for_what_its_record_says(north, south, tmp_path):
    """Its name, and its scores up to rounding."""
    ask = partial(crossvad.run, source=north, target=south, methods="mpn", **SMOKE)
    alone = only(ask(results=tmp_path / "1"), "mpn")
    together = only(ask(results=tmp_path / "2", devices=2), "mpn")
    assert alone.cell == together.cell
    assert together.facts["training_devices"] == 2 and "training_devices" not in alone.facts
    assert (
        together.facts["device"] == "cpu" and together.facts["diagnostics"].keys() == alone.facts["diagnostics"].keys()
    )
    curves = [curve(tmp_path / name, alone.cell.fit_key) for name in ("1", "2")]
    np.testing.assert_allclose(curves[0], curves[1], 1e-5)
    scores = [Store(tmp_path / name).scores(alone.cell).cues for name in ("1", "2")]
    for cue, values in scores[0].items():
        np.testing.assert_allclose(scores[1][cue], values, 1e-3, 1e-3)


def test_what_goes_wrong_with_one_ends_all_and_is_named(north, south, mine, tmp_path):
    methods = [mine + "Raising", mine + "Killed"]
    results = crossvad.run(source=north, target=south, methods=methods, **SMOKE, results=tmp_path / "r", devices=2)
    raised, killed = only(results, "Raising"), only(results, "Killed")
    assert raised.status == killed.status == "failed"
    assert "device 2 of 2: ArithmeticError: not this one" in raised.reason
    assert "mine.py" in raised.reason and 'raise ArithmeticError("not this one")' in raised.reason  # its own traceback
    assert "device 2 of 2: its process was killed by signal 9" in killed.reason
    assert {record.status for record in results.records if ":" not in record.cell.method} == {"done"}
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("stop", ["ctrl-C", signal.SIGTERM, signal.SIGKILL], ids=str)
def test_stopping_a_run_leaves_no_process_and_it_goes_on_with_another_number(stop, north, south, mine, tmp_path, capfd):
    words = ["run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    words += ["--method", mine + "Slow", "--device", "cpu", "--devices", "2", "--results", str(tmp_path / "r")]
    command = [sys.executable, "-c", "from crossvad.cli import main; main()", *words]
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # else not, where the tests run in the background
    piped = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    run = subprocess.Popen(command, **piped, start_new_session=True, preexec_fn=heeded)
    kept, deadline = tmp_path / "r" / "runs" / "unfinished", time.monotonic() + 600
    while not list(kept.glob(f"[!.]*/{FILE}")) and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    processes = [int(path.name.partition("-")[2]) for path in tmp_path.glob("process-*")]
    assert len(processes) == 2
    if stop == "ctrl-C":
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    else:
        run.send_signal(stop)
    _, said = run.communicate(timeout=600)
    assert "Traceback" not in said
    if stop != signal.SIGKILL:
        assert run.returncode == 1 and "The same command goes on where this one was." in said
    until(lambda: not any(map(alive, processes)))
    ask = partial(crossvad.run, source=north, target=south, methods=mine + "Slow", **(SMOKE | {"quiet": False}))
    record = only(ask(results=tmp_path / "r"), "Slow")
    assert record.status == "done" and not kept.exists() and "resumes after step" in capfd.readouterr().err
    whole = only(ask(results=tmp_path / "whole"), "Slow")
    curves = [curve(tmp_path / name, whole.cell.fit_key) for name in ("r", "whole")]
    np.testing.assert_allclose(curves[0], curves[1], 1e-5)


def alive(process: int) -> bool:
    """Whether it runs: not even as one that nobody has asked about how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("more", [{"jobs": 2}, {"launcher": "slurm"}])
def test_several_jobs_are_refused(more, tmp_path):
    with pytest.raises(InputError, match=r"^devices=2: is one training at a time on this machine, and goes with no"):
        crossvad.run(source="synthetic-street", target="synthetic-plaza", results=tmp_path, devices=2, **more)


def test_a_method_alone_that_cannot_be_split_is_refused_before_anything_is_trained(north, south, tmp_path):
    ask = partial(crossvad.run, source=north, target=south, methods="lmn", results=tmp_path)
    with pytest.raises(InputError, match="lmn, devices=2: its training cannot be split"):
        ask(**SMOKE, devices=2)
    assert not Store(tmp_path).place("fits", "").exists()
    ask(**SMOKE)
    again = ask(**(SMOKE | {"shots": 1}), devices=2)  # it is trained: on one device, and stored
    assert {record.status for record in again.records} == {"done"}
