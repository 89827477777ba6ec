"""A method learns from a source: how that goes, where it ends, and that what is saved of it is what it scores by."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from crossvad.adapters.base import Adapter, Log
from crossvad.adapters.options import Budget, Precision
from crossvad.adapters.tunings.base import NoTuning, Tuning, adapt
from crossvad.datasets.clips import ClipSource
from crossvad.execution.checkpoints import Watched
from crossvad.execution.memory_layouts import Layout, arrange, probed_with, usual
from crossvad.execution.model_state import SURVIVES, load_model, lost_state, read_tensors
from crossvad.execution.precision import computing_in
from crossvad.execution.progress import Update
from crossvad.execution.scoring import arrays, scoring_batch
from crossvad.execution.tensorboard import Write
from crossvad.store.scores import Cues

HELDOUT_CLIPS = 64  # of the source, to calibrate scores where there is no support set
CURVE_POINTS = 100
TUNING = "tuning.safetensors"  # in the folder of a preparation, beside the model's files


class Diverged(ValueError):
    """A loss that is no number any more."""


def arrange_learning(adapter: Adapter, source: ClipSource, budget: Budget, precision: Precision = "float32") -> Layout:
    """Bring a fresh method, in place, into the memory layout that its training is fastest in; returns that.

    Args:
        adapter: the method.
        source: what it is going to learn from; of its draws some are used up.
        budget: that the method was built at.
        precision: that it is going to train in.
    """

    def step(method: Adapter, layout: Layout) -> None:
        with computing_in(precision, source.device, steps=True):
            method.train().training_step(clips, method.optimizers(budget))

    if type(adapter).fit is not Adapter.fit or type(adapter).before_training is not Adapter.before_training:
        return usual(adapter)  # its steps are its own, or over features that are made once
    clips = source.batch(probed_with(source.device), adapter.training_strides)
    return arrange(adapter, "learning", budget, source.device, step, "" if precision == "float32" else precision)


def train(
    adapter: Adapter, source: ClipSource, budget: Budget, log: Log, tuning: Tuning | None = None
) -> dict[str, Tensor]:
    """Fit a method in place to a source or, given a tuning, let that prepare the fitted method; it ends in eval mode.

    Returns:
        What the tuning learned beside the method, for its `restore`.
    """
    state: dict[str, Tensor] = {}
    if tuning is None:
        adapter.fit(source, budget, log)
    else:
        state = tuning.prepare(adapter, source, budget.episodes, log)
    adapter.eval()
    return state


def load_fitted(adapter: Adapter, tuning: Tuning | None, folder: Path, device: torch.device) -> None:
    """Make a fresh method, and the tuning that prepared it, what they were when that folder was written; in place."""
    load_model(adapter, folder, device)
    if tuning is not None and (folder / TUNING).is_file():
        tuning.restore(read_tensors(folder / TUNING, device))


def check_saved(adapter: Adapter, loaded: Adapter, source: ClipSource, budget: Budget) -> None:
    """Refuse a method whose scores rest on attributes that saving loses, as they would be others in the next run.

    Raises:
        ValueError: names the attributes.
    """
    lost = lost_state(adapter, loaded)
    if not lost:
        return
    before = _answers(adapter, source, budget)
    with suppress(Exception):  # it may lack what it scores with
        after = _answers(loaded, source, budget)
        if all(np.allclose(values, after[name], 1e-3, 1e-3) for name, values in before.items()):
            return
    raise ValueError(f"its scores rest on {', '.join(lost)}, set in fit, which saving loses: {SURVIVES}")


def _answers(adapter: Adapter, source: ClipSource, budget: Budget) -> Cues:
    """What a method says of held-out clips of its source, as it is and, where it can be calibrated, after that."""
    answers = heldout_scores(adapter, source, budget)
    if type(adapter).calibrate is not Adapter.calibrate and not adapter.tunable:
        calibrated = adapt(adapter, next(source.heldout(2, 2)), 1, NoTuning())
        answers |= {f"{cue}, calibrated": each for cue, each in heldout_scores(calibrated, source, budget).items()}
    return answers


def heldout_scores(adapter: Adapter, source: ClipSource, budget: Budget) -> Cues:
    """A method's scores of held-out source clips, each cue (n,): what it calls normal before it sees a target."""
    batch = scoring_batch(adapter, budget, source.device)
    parts = [arrays(adapter.score(clips)) for clips in source.heldout(HELDOUT_CLIPS, batch)]
    return {cue: np.concatenate([part[cue] for part in parts]) for cue in parts[0]}


def logging_to(update: Update, watched: Watched, write: Write) -> Log:
    """A log that feeds the progress bar, `watched` and what writes curves elsewhere, and stops what diverged.

    Values that come from the first step on come with every step and are thinned; the others, rarer, are kept.
    """

    def log(step: int, of: int, values: dict[str, float]) -> None:
        if not watched.losses:
            watched.losses.update(values)
        for name in watched.losses & values.keys():
            if not np.isfinite(values[name]):
                raise Diverged(f"{name} is {values[name]} at step {step} of {of}: training diverged")
        first, value = next(iter(values.items()))
        for name in values:
            if name not in watched.losses or step % max(1, of // CURVE_POINTS) == 0:
                watched.curves.setdefault(name, []).append((step, float(values[name])))  # it may be one of NumPy's
                write(step, {name: values[name]})
        update(step, of, f"{first} {value:.4g}")

    return log
