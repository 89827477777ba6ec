"""Trained methods: from memory, from the store, or trained now. Cells that differ only later on share a fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossvad.adapters.base import Adapter, Frozen, Log
from crossvad.adapters.options import Budget, Precision
from crossvad.adapters.tunings.base import NoTuning, Tuning, adapt
from crossvad.adapters.tunings.rate_search import EPISODES, QUERY, RateSearch, search_rate
from crossvad.datasets.base import Dataset, Video
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import CannotKeep
from crossvad.datasets.readers.excerpts import origin
from crossvad.datasets.readers.file_identity import parsing, small_text
from crossvad.execution.adaptation import ready_to_adapt
from crossvad.execution.checkpoints import Checkpoints, Watched, forget
from crossvad.execution.decoding import Decoder, training_videos
from crossvad.execution.device import now
from crossvad.execution.layouts import CLIPS, Layout, arrange, lay_out, usual
from crossvad.execution.model_state import (
    ANEW,
    SURVIVES,
    load_model,
    lost_state,
    read_tensors,
    save_model,
    save_tensors,
)
from crossvad.execution.precision import computing_in
from crossvad.execution.progress import Reporter, Update
from crossvad.execution.scoring import Fitted, arrays, scoring_batch
from crossvad.execution.tensorboard import Write, curve_writer
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.names import number_of
from crossvad.planning.specs import MethodSpec
from crossvad.store.scores import Cues
from crossvad.store.store import Store

WAITING = "another process is at it, and is waited for"
HELDOUT_CLIPS = 64  # of the source, to calibrate scores where there is no support set
CURVE_POINTS = 100
FACTS, TUNING = "fit.json", "tuning.safetensors"  # in the folder of a fit or a preparation, beside the model's files


class Diverged(ValueError):
    """A loss that is no number any more."""


@dataclass(frozen=True)
class Stage:
    """A step on a method's way to a target that is kept: its training or, given a tuning, what that prepares."""

    kind: str  # of place in the store
    key: str  # of it there
    title: str
    tuning: Tuning | None
    make: Callable[[], Adapter]  # builds the method, which has learned nothing yet
    fresh: Callable[[], ClipSource]  # what it learns from, with draws from their start
    precision: Precision = "float32"  # that it trains in


class Fitter:
    """Fits the methods of one grid. Keeps the last fit at hand, as consecutive cells mostly share it."""

    def __init__(self, grid: Grid, store: Store, decoder: Decoder, device: torch.device, reporter: Reporter) -> None:
        self.grid, self.store, self.decoder, self.device, self.reporter = grid, store, decoder, device, reporter
        self.tunings = {tuning.label: tuning for tuning in grid.tunings}
        self._last: Fitted | None = None
        self._broken: dict[str, Exception] = {}  # key of a stage -> why it failed, which need not be tried again

    def fitted(self, cell: Cell, method: MethodSpec, source: Dataset) -> Fitted:
        """The cell's method, trained on its source and prepared by its tuning."""
        if self._last is None or self._last.key != cell.prepared_key:
            self._last = None  # let go of the old one before the new one is built
            self._last = self._fit(cell, method, source)
        return self._last

    def _fit(self, cell: Cell, method: MethodSpec, source: Dataset) -> Fitted:
        make = partial(build, method, self.grid.budget, cell.seed, self.device)
        adapter = make()
        facts: dict[str, Any] = {"parameters": adapter.parameter_count()}
        tuning = self.tunings[cell.tuning].build() if cell.tuning in self.tunings else NoTuning()
        if not adapter.needs_source:
            return Fitted(cell.prepared_key, adapter, tuning, {}, facts, precision=method.arithmetic.precision)
        # Each stage draws from the start of the seed, whether the one before was stored or not.
        fresh = partial(source_clips, source, adapter, self.decoder, self.device, cell.seed)
        title = f"Train {method.label} on {cell.source}"
        arithmetic = method.arithmetic
        fit = Stage("fits", cell.fit_key, title, None, make, fresh, arithmetic.training_precision)
        adapter, stored = self._taken(fit, adapter)
        facts["train_seconds"] = stored["seconds"]
        facts["diagnostics"] = {name: curve[-1][1] for name, curve in stored["curves"].items() if name != "loss"}
        if tuning.learns:
            torch.manual_seed(cell.seed)
            title = f"Prepare {method.label} for {cell.tuning}"
            if len(fresh().scenes) == 1:
                title += f" (one scene in {cell.source}: episodes are of different times of it)"
            stage = Stage("prepared", cell.prepared_key, title, tuning, make, fresh)
            adapter, stored = self._taken(stage, adapter)
            facts["prepare_seconds"] = stored["seconds"]
            for name, (least, median, most) in (described := tuning.described()).items():
                self.reporter.say(f"  step sizes of {name}: {least:.3g} to {most:.3g}, median {median:.3g}")
            facts |= {"step_sizes": described} if described else {}
        with computing_in(arithmetic.precision, self.device):
            heldout = heldout_scores(adapter, fresh(), self.grid.budget)
        return Fitted(cell.prepared_key, adapter, tuning, heldout, facts, fresh, arithmetic.precision)

    def decided(self, cells: Sequence[Cell], fitted: Fitted) -> dict[Cell, tuple[Tuning, RateSearch | None]]:
        """The tuning of each of some cells of one fit, with the search that chose its rate, where it was open."""
        tunings: dict[Cell, tuple[Tuning, RateSearch | None]] = {cell: (fitted.tuning, None) for cell in cells}
        if not fitted.tuning.rate_is_open or fitted.source is None:
            return tunings
        for shots in sorted({cell.shots for cell in cells if cell.shots}):
            alike = [cell for cell in cells if cell.shots == shots]
            self.store.take_in("searches", {cell.search_key for cell in alike})
            self._search([cell for cell in alike if not self._search_folder(cell).is_dir()], fitted)
            for cell in alike:
                path = self._search_folder(cell) / "search.json"
                with parsing(path, "holds no search", ANEW):
                    search = RateSearch(**json.loads(small_text(path)))
                tunings[cell] = (fitted.tuning.with_rate(search.chosen), search)
        return tunings

    def _search(self, cells: Sequence[Cell], fitted: Fitted) -> None:
        """Choose the rate for each of some cells of equal shots, and store it."""
        if not cells or fitted.source is None:
            return
        tuning, first = fitted.tuning, cells[0]
        title = f"Choose {tuning.rate} of {first.tuning} on {first.source}, {number_of(first.shots, 'shot')}"
        with torch.no_grad():
            features = fitted.adapter.frozen_features(fitted.source().batch(CLIPS))
        any_rate = tuning.with_rate(tuning.RATES[0])
        moving, _ = ready_to_adapt(fitted.adapter, features, any_rate, self.grid.budget, self.device)
        with self.reporter.task(title) as update:
            episodes = fitted.source().unseen(EPISODES, first.shots, QUERY)
            counts = sorted({cell.steps for cell in cells})
            searches = search_rate(moving, tuning, episodes, counts, update)
        for cell in cells:
            with self.store.writing("searches", cell.search_key) as draft:
                (draft / "search.json").write_text(json.dumps(asdict(searches[cell.steps])))

    def _search_folder(self, cell: Cell) -> Path:
        return self.store.place("searches", cell.search_key)

    def _taken(self, stage: Stage, adapter: Adapter) -> tuple[Adapter, dict[str, Any]]:
        """Take a stage of a method from the store, made and put there first unless it is there.

        What comes is always what the store holds, in a fresh method: no score can rest on what is not saved.
        """
        if stage.key in self._broken:
            raise self._broken[stage.key]
        folder = self.store.place(stage.kind, stage.key)
        if not (folder / FACTS).is_file():
            with self.store.claim(stage.kind, stage.key, lambda: self.reporter.say(f"  {stage.title}: {WAITING}")):
                self.store.take_in(stage.kind, [stage.key])
                if not (folder / FACTS).is_file():
                    try:
                        self._write(stage, adapter)
                    except CannotKeep:
                        raise
                    except Exception as error:
                        self._broken[stage.key] = error
                        raise
        forget(self.store, stage.key)  # of another process that trained the same, and was killed
        loaded = stage.make()
        load_fitted(loaded, stage.tuning, folder, self.device)
        with parsing(folder / FACTS, "holds no facts of a training", ANEW):
            stored: dict[str, Any] = json.loads(small_text(folder / FACTS))
        return loaded, stored

    def _write(self, stage: Stage, adapter: Adapter) -> None:
        """Make a stage of a method, in place, and store it."""
        watched = Watched()
        checkpoints = Checkpoints(self.store, stage.key, watched, self.reporter.say)
        with (
            self.reporter.task(stage.title) as update,
            self.store.writing(stage.kind, stage.key) as draft,
            curve_writer(self.store.place("curves", stage.key)) as write,
        ):
            layout = usual(adapter)
            if stage.tuning is None:
                layout = arrange_learning(adapter, stage.fresh(), self.grid.budget, stage.precision)
            started, log = now(self.device), _logging(update, watched, write)
            if stage.tuning is None:
                adapter.checkpoints = checkpoints
                adapter.arithmetic = partial(computing_in, stage.precision, self.device, steps=True)
            try:
                state = train(adapter, stage.fresh(), self.grid.budget, log, stage.tuning)
            except Diverged:
                checkpoints.remove()
                raise
            finally:
                checkpoints.release()
                for name in ("checkpoints", "arithmetic"):
                    vars(adapter).pop(name, None)  # no part of the method
            facts = {"seconds": checkpoints.seconds + now(self.device) - started, "curves": watched.curves}
            facts["layout"] = layout
            save_model(adapter, draft)
            if stage.tuning is not None:
                save_tensors(state, draft / TUNING)
            loaded = stage.make()
            load_fitted(loaded, stage.tuning, draft, self.device)
            check_saved(adapter, loaded, stage.fresh(), self.grid.budget)
            if len(watched.curves) > 1:
                ends = [f"{name} {curve[-1][1]:.3g}" for name, curve in watched.curves.items()]
                self.reporter.say(f"  {', '.join(ends)}")
            (draft / FACTS).write_text(json.dumps(facts))


def build(method: MethodSpec, budget: Budget, seed: int, device: torch.device) -> Adapter:
    """A fresh method, drawn from the start of a seed, that has learned nothing yet; in eval mode.

    Raises:
        InputError: it cannot be built at this budget.
    """
    torch.manual_seed(seed)
    adapter = method.build(budget).to(device)
    for held in [part.network for part in adapter.modules() if isinstance(part, Frozen)]:
        lay_out(held, usual(held))  # copies of the method share it
    return lay_out(adapter, usual(adapter)).eval()


def source_clips(source: Dataset, adapter: Adapter, decoder: Decoder, device: torch.device, seed: int) -> ClipSource:
    """What a method may learn from at the decoder's budget, with draws from the start of the seed."""
    videos = training_videos(source, decoder.budget)
    owners = scene_numbers(source, videos)
    footage = [decoder.frames(video, adapter.extra_inputs) for video in videos]
    return ClipSource(footage, adapter.clip, device, seed, owners)


def scene_numbers(source: Dataset, videos: Sequence[Video]) -> list[int]:
    """Number of the training scene that each of some training videos, or excerpts of them, is of."""
    scenes = enumerate(source.scenes("train"))
    owner = {video.source.identity: number for number, scene in scenes for video in scene.videos}
    return [owner[origin(video.source).identity] for video in videos]


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
    clips = source.batch(CLIPS, adapter.training_strides)
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


def fitted_folder(store: Store, cell: Cell, tuning: Tuning) -> Path:
    """Where the store keeps a cell's method as it was before it met the target."""
    return store.place("prepared", cell.prepared_key) if tuning.learns else store.place("fits", cell.fit_key)


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


def _logging(update: Update, watched: Watched, write: Write) -> Log:
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
                watched.curves.setdefault(name, []).append((step, values[name]))
                write(step, {name: values[name]})
        update(step, of, f"{first} {value:.4g}")

    return log
