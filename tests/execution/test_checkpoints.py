"""A training that is cut off resumes at its checkpoint, and ends with the numbers of one that was not cut off."""

import os
import signal
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource
from crossvad.execution import checkpoints
from crossvad.execution.checkpoints import FILE, Checkpoints, Watched, _read, _save
from crossvad.execution.fitting import build
from crossvad.execution.memory_layouts import Layout, lay_out, layout_of
from crossvad.execution.training import Diverged, train
from crossvad.planning import registry
from crossvad.store.store import Store
from crossvad.verification.conformance import moving_squares
from doubles import Honest, TinyGan, spec
from live_made import until
from made import CPU, SMOKE

STEPS, CUT = 6, 4  # the fourth step is taken, and lost
BUDGET = replace(SMOKE, schedule=Schedule(STEPS, 2, 1e-3))
KEY = "f" * 16
METHODS = [
    "apn", "lmn", "memae-2d", "framepred[paper]", "zxvad", "amc", "rgan[lstm=small]", "convae",
    "stackrnn[backbone=random,clips=4]", TinyGan,
]  # fmt: skip


class CutOff(Exception):
    """As a killed process ends: no code of ours runs after it."""


@pytest.fixture(autouse=True)
def kept_at_every_step(monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)


def trained(
    store: Store, method: object, cut: int = 0, layout: Layout = "channels last"
) -> tuple[Adapter, list[int], list[str]]:
    """A method, the steps that it logged, and what was said, of a training that is cut off at a step, or not."""
    named = registry.get_method(method) if isinstance(method, str) else spec(method)
    adapter, steps, said = lay_out(build(named, BUDGET, 0, CPU), layout), [], []
    source = ClipSource([moving_squares(SMOKE.size, 60, number) for number in range(2)], adapter.clip, CPU, seed=0)
    adapter.checkpoints = Checkpoints(store, KEY, Watched(), said.append)

    def log(step: int, of: int, values: dict[str, float]) -> None:
        if step == cut:
            raise CutOff
        steps.append(step)

    with suppress(CutOff):
        train(adapter, source, BUDGET, log)
    return adapter, steps, said


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_it_ends_as_if_it_had_not_been_cut_off(store, method, tmp_path):
    """Bit for bit: weights, memories and statistics."""
    whole, steps, said = trained(Store(tmp_path / "other"), method)
    assert steps == [1, 2, 3, 4, 5, 6] and said == []
    _, first, _ = trained(store, method, CUT)
    torch.manual_seed(99)  # another process
    torch.rand(7)
    later, second, said = trained(store, method)
    assert first == [1, 2, 3] and second == [4, 5, 6]
    assert said == ["  resumes after step 3"]
    expected, came = whole.state_dict(), later.state_dict()
    assert expected.keys() == came.keys() and all(torch.equal(value, came[name]) for name, value in expected.items())


def test_it_goes_on_in_the_layout_that_it_was_in(store, tmp_path):
    """Whatever a probe would say by now: sums are rounded otherwise in another."""
    whole, *_ = trained(Store(tmp_path / "other"), "lmn", layout="rows")
    trained(store, "lmn", CUT, layout="rows")
    later, *_ = trained(store, "lmn", layout="channels last")
    assert layout_of(later) == "rows"
    assert all(torch.equal(value, later.state_dict()[name]) for name, value in whole.state_dict().items())


def test_without_the_moments_it_would_end_otherwise(store, monkeypatch, tmp_path):
    """So that the test above can fail."""
    whole, *_ = trained(Store(tmp_path / "other"), "framepred")
    trained(store, "framepred", CUT)
    monkeypatch.setattr(torch.optim.AdamW, "load_state_dict", lambda self, state: None)
    later, *_ = trained(store, "framepred")
    assert any(not torch.equal(value, later.state_dict()[name]) for name, value in whole.state_dict().items())


@pytest.mark.parametrize("harm", [b"", b"no file of torch's", "half", "other"])
def test_what_cannot_be_read_begins_anew(store, harm, tmp_path):
    whole, *_ = trained(Store(tmp_path / "other"), "memae-2d")
    trained(store, "lmn" if harm == "other" else "memae-2d", CUT)
    path = store.place("unfinished", KEY) / FILE
    if harm != "other":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if harm == "half" else harm)
    later, steps, said = trained(store, "memae-2d")
    assert steps == [1, 2, 3, 4, 5, 6] and "trains from the start" in said[0] and str(path) in said[0]
    assert all(torch.equal(value, later.state_dict()[name]) for name, value in whole.state_dict().items())


def test_all_but_tensors_comes_back_as_it_was(tmp_path):
    state = {"a": [1.5, "word", None, True, {3: torch.arange(3), "x": torch.ones(2, 2).bool()}], 2: 2**100, "n": {}}
    _save(state, tmp_path / "file")
    back = _read(tmp_path / "file")
    assert torch.equal(back["a"][4].pop(3), torch.arange(3)) and torch.equal(
        back["a"][4].pop("x"), torch.ones(2, 2).bool()
    )
    assert back == {"a": [1.5, "word", None, True, {}], 2: 2**100, "n": {}}


def test_what_could_be_run_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        _save({"method": object()}, tmp_path / "file")


def test_a_kept_training_is_not_kept_again_at_once(store, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 60.0)
    trained(store, "framepred", CUT)
    assert not store.place("unfinished", KEY).exists()


class Stumbling(Honest):
    """It fails, or is interrupted, at a step of its training; once."""

    at: tuple[int, BaseException] | None = None
    steps = 0

    def training_step(self, clips, optimizers):
        type(self).steps += 1
        if self.at and type(self).steps == self.at[0]:
            raise self.at[1]
        return super().training_step(clips, optimizers)


@pytest.fixture
def stumbling(monkeypatch):
    monkeypatch.setattr(Stumbling, "steps", 0)
    return lambda step, error: monkeypatch.setattr(Stumbling, "at", (step, error))


def test_a_run_that_was_interrupted_goes_on(store, make_grid, run_grid, stumbling, tmp_path):
    grid = make_grid(methods=[spec(Stumbling)], shots=[0])
    other = Store(tmp_path / "other")
    (whole,) = run_grid(other, grid)
    Stumbling.steps = 0
    stumbling(7, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_grid(store, grid)
    (kept,) = store.place("unfinished", "").iterdir()
    assert kept.name == whole.cell.fit_key and not store.place("fits", kept.name).exists()
    Stumbling.steps, Stumbling.at = 0, None
    (record,) = run_grid(store, grid)
    assert Stumbling.steps == 10 - 6 and not store.place("unfinished", "").exists()
    for cue, values in other.scores(whole.cell).cues.items():
        np.testing.assert_array_equal(store.scores(record.cell).cues[cue], values)
    curves = [(s.place("fits", kept.name) / "fit.json").read_text().partition('"curves"')[2] for s in (store, other)]
    assert curves[0] == curves[1]


def test_a_checkpoint_beside_its_fit_is_swept(store, make_grid, run_grid):
    """As another process leaves it that trained the same and was killed."""
    (record,) = run_grid(store, make_grid("framepred", shots=[0]))
    left = store.place("unfinished", record.cell.fit_key)
    left.mkdir(parents=True)
    (left / FILE).write_bytes(b"state")
    run_grid(store, make_grid("framepred", shots=[1]))
    assert not left.exists()


@pytest.mark.parametrize(("error", "kept"), [(Diverged("no number"), False), (OSError("no memory"), True)])
def test_a_training_that_diverged_is_forgotten_and_one_that_failed_is_not(
    store, make_grid, run_grid, stumbling, error, kept
):
    stumbling(7, error)
    (record,) = run_grid(store, make_grid(methods=[spec(Stumbling)], shots=[0]))
    assert record.status == "failed" and store.place("unfinished", "").exists() == kept


class TwoPhases(Honest):
    """It trains twice."""

    def fit(self, source, budget, log):
        super().fit(source, budget, log)
        super().fit(source, budget, log)


@pytest.mark.parametrize("cut", [0, 4])
def test_a_second_phase_is_trained_whole(store, cut, tmp_path):
    whole, *_ = trained(Store(tmp_path / "other"), TwoPhases)
    if cut:
        trained(store, TwoPhases, cut)
    later, steps, _ = trained(store, TwoPhases)
    assert steps == [*range(cut if cut else 1, 7), 1, 2, 3, 4, 5, 6]
    assert all(torch.equal(value, later.state_dict()[name]) for name, value in whole.state_dict().items())


class Counting(Honest):
    """It counts its steps in an attribute, which no checkpoint holds."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.count = 0

    def training_step(self, clips, optimizers):
        self.count += 1
        return super().training_step(clips, optimizers)


def test_what_counts_in_an_attribute_is_not_kept_and_told(store):
    _, _, said = trained(store, Counting, CUT)
    assert said == ["  keeps no checkpoint of this training (count changes, and is neither parameter nor buffer)"]
    _, steps, _ = trained(store, Counting)
    assert steps == [1, 2, 3, 4, 5, 6]


class Growing(Honest):
    """A buffer of it grows as it trains, and a network that it trains with is made late."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.register_buffer("bank", torch.zeros(0))
        self.judge = TrainingOnly(lambda: torch.nn.Linear(3, 1))

    def training_step(self, clips, optimizers):
        self.bank = torch.cat([self.bank, self.judge(clips.new_ones(1, 3))[0].detach()])
        return super().training_step(clips, optimizers)


def test_what_grows_and_what_is_made_late_is_kept(store, tmp_path):
    whole, *_ = trained(Store(tmp_path / "other"), Growing)
    trained(store, Growing, CUT)
    later, steps, _ = trained(store, Growing)
    assert steps == [4, 5, 6] and torch.equal(later.bank, whole.bank) and len(later.bank) == 6


def test_a_disk_that_is_full_ends_no_training(store, monkeypatch, tmp_path):
    whole, *_ = trained(Store(tmp_path / "other"), "framepred")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_tensors", full)
    later, steps, said = trained(store, "framepred")
    assert steps == [1, 2, 3, 4, 5, 6] and len(said) == 1 and "No space left" in said[0]
    assert all(torch.equal(value, later.state_dict()[name]) for name, value in whole.state_dict().items())


def test_another_version_may_end_elsewhere_and_starts_anew(store, monkeypatch):
    trained(store, "framepred", CUT)
    monkeypatch.setattr(checkpoints, "__version__", "9.9")
    _, steps, said = trained(store, "framepred")
    assert steps[0] == 1 and "crossvad 9.9" in said[0] and f"torch {torch.__version__}" in said[0]


def test_killed_amid_its_training_again_and_again(start_bench, plugin, north, south, tmp_path):
    begins = "TAKEN = []\n\nclass Mine(Adapter):\n    hold = __import__('pathlib').Path(__file__).with_name('hold')\n"
    often = "import time; from crossvad.execution import checkpoints; checkpoints.EVERY = 0; time.sleep(0.1)"
    often += "\n        TAKEN.append(1); time.sleep(600 if len(TAKEN) > 3 and self.hold.exists() else 0)"
    slow = ("class Mine(Adapter):", begins), ("def loss(self, clips):", f"def loss(self, clips):\n        {often}")
    hold = tmp_path / "hold"  # after three steps, else a training might be over before the blow falls
    hold.touch()
    words = ["run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    words += ["--method", plugin(*slow), "--quiet", "--results"]
    log, broken, whole = tmp_path / "log", Store(tmp_path / "broken"), Store(tmp_path / "whole")
    seen = [0]
    for more in (1, 2, 3):  # steps that are to be kept before the blow
        process = start_bench(*words, broken.root.parent, log=log)
        until(lambda: not process.is_alive() or _kept(broken) >= seen[-1] + more, 600)  # noqa: B023
        assert process.is_alive(), log.read_text()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        seen.append(_kept(broken))
        assert not list(broken.place("fits", "").glob("[!.]*"))
    assert seen == sorted(set(seen)) and seen[-1] >= 6
    hold.unlink()
    for root in (broken.root.parent, whole.root.parent):
        process = start_bench(*words, root, log=log)
        process.join(600)
        assert process.exitcode == 0, log.read_text()
    for one, other in zip(broken.records(), whole.records(), strict=True):
        for cue, values in whole.scores(other.cell).cues.items():
            np.testing.assert_array_equal(broken.scores(one.cell).cues[cue], values)
    assert not broken.place("unfinished", "").exists()


def _kept(store: Store) -> int:
    """How many steps a killed training had taken when it was kept last."""
    try:
        (path,) = store.place("unfinished", "").glob(f"[!.]*/{FILE}")
        return _read(path)["step"]
    except (ValueError, OSError):  # none yet, or just being replaced
        return 0
