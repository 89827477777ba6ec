"""Trained methods: from memory, from the store, or trained now. Cells that differ only later on share a fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossvad.adapters.base import Adapter, Log
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import NoTuning, Tuning
from crossvad.adapters.tunings.rate_search import EPISODES, QUERY, RateSearch, search_rate
from crossvad.datasets.base import Dataset
from crossvad.datasets.clips import ClipSource
from crossvad.execution.decoding import Decoder, training_videos
from crossvad.execution.device import now, on_device
from crossvad.execution.progress import Reporter, Update
from crossvad.execution.scoring import Fitted, arrays, scoring_batch
from crossvad.execution.tensorboard import Write, curve_writer
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.specs import MethodSpec
from crossvad.store.scores import Cues
from crossvad.store.store import Store

HELDOUT_CLIPS = 64  # of the source, to calibrate scores where there is no support set
CURVE_POINTS = 100

Curves = dict[str, list[tuple[int, float]]]  # name -> (step, value): the loss, and a method's diagnostics


class Fitter:
    """Fits the methods of one grid. Keeps the last fit at hand, as consecutive cells mostly share it."""

    def __init__(self, grid: Grid, store: Store, decoder: Decoder, device: torch.device, reporter: Reporter) -> None:
        self.grid, self.store, self.decoder, self.device, self.reporter = grid, store, decoder, device, reporter
        self.tunings = {tuning.label: tuning for tuning in grid.tunings}
        self._last: Fitted | None = None

    def fitted(self, cell: Cell, method: MethodSpec, source: Dataset) -> Fitted:
        """The cell's method, trained on its source and prepared by its tuning."""
        if self._last is None or self._last.key != cell.prepared_key:
            self._last = None  # let go of the old one before the new one is built
            self._last = self._fit(cell, method, source)
        return self._last

    def _fit(self, cell: Cell, method: MethodSpec, source: Dataset) -> Fitted:
        torch.manual_seed(cell.seed)
        adapter = on_device(method.build(self.grid.budget), self.device).eval()
        facts: dict[str, Any] = {"parameters": adapter.parameter_count()}
        if not method.cls.trainable:
            return Fitted(cell.prepared_key, adapter, NoTuning(), {}, facts)
        # Each stage draws from the start of the seed, whether the one before was stored or not.
        fresh = partial(self._clips, source, adapter, cell.seed)
        tuning = self.tunings[cell.tuning].build() if cell.tuning in self.tunings else NoTuning()
        stored = self._stage("fits", cell.fit_key, adapter, None, fresh(), f"Train {method.label} on {cell.source}")
        facts["train_seconds"] = stored["seconds"]
        facts["diagnostics"] = {name: curve[-1][1] for name, curve in stored["curves"].items() if name != "loss"}
        if tuning.learns:
            torch.manual_seed(cell.seed)
            title = f"Prepare {method.label} for {cell.tuning}"
            if len(fresh().scenes) == 1:
                title += f" (one scene in {cell.source}: episodes are of different times of it)"
            stored = self._stage("prepared", cell.prepared_key, adapter, tuning, fresh(), title)
            facts["prepare_seconds"] = stored["seconds"]
            for name, (least, median, most) in (described := tuning.described()).items():
                self.reporter.say(f"  step sizes of {name}: {least:.3g} to {most:.3g}, median {median:.3g}")
            facts |= {"step_sizes": described} if described else {}
        heldout = heldout_scores(adapter, fresh(), self.grid.budget)
        return Fitted(cell.prepared_key, adapter, tuning, heldout, facts, fresh)

    def _clips(self, source: Dataset, adapter: Adapter, seed: int) -> ClipSource:
        """What a method may learn from, with draws from the start of the seed."""
        scenes = {video.name: number for number, scene in enumerate(source.scenes("train")) for video in scene.videos}
        videos = training_videos(source, self.grid.budget)
        owners = [scenes[video.name] for video in videos]
        return ClipSource([self.decoder.frames(video) for video in videos], adapter.clip, self.device, seed, owners)

    def decided(self, cells: Sequence[Cell], fitted: Fitted) -> dict[Cell, tuple[Tuning, RateSearch | None]]:
        """The tuning of each of some cells of one fit, with the search that chose its rate, where it was open."""
        found: dict[Cell, tuple[Tuning, RateSearch | None]] = {cell: (fitted.tuning, None) for cell in cells}
        if not fitted.tuning.rate_is_open or fitted.source is None:
            return found
        for shots in sorted({cell.shots for cell in cells if cell.shots}):
            mine = [cell for cell in cells if cell.shots == shots]
            self._search([cell for cell in mine if not self._search_place(cell).is_dir()], fitted)
            for cell in mine:
                seen = RateSearch(**json.loads((self._search_place(cell) / "search.json").read_text()))
                found[cell] = (fitted.tuning.with_rate(seen.chosen), seen)
        return found

    def _search(self, cells: Sequence[Cell], fitted: Fitted) -> None:
        """Choose the rate for each of some cells of equal shots, and store it."""
        if not cells or fitted.source is None:
            return
        tuning, first = fitted.tuning, cells[0]
        title = f"Choose {tuning.rate} of {first.tuning} on {first.source}, {first.shots} shots"
        with self.reporter.task(title) as update:
            episodes = fitted.source().unseen(EPISODES, first.shots, QUERY)
            counts = sorted({cell.steps for cell in cells})
            chosen = search_rate(fitted.adapter, tuning, episodes, counts, update)
        for cell in cells:
            with self.store.writing("searches", cell.search_key) as draft:
                (draft / "search.json").write_text(json.dumps(asdict(chosen[cell.steps])))

    def _search_place(self, cell: Cell) -> Path:
        return self.store.place("searches", cell.search_key)

    def _stage(
        self, kind: str, key: str, adapter: Adapter, tuning: Tuning | None, source: ClipSource, title: str
    ) -> dict[str, Any]:
        """Train the adapter in place or, given a tuning, let that prepare; from the store if it was done before."""
        place = self.store.place(kind, key)
        if not (place / "fit.json").is_file():
            curves: Curves = {}
            events = self.store.place("curves", key)
            with (
                self.reporter.task(title) as update,
                self.store.writing(kind, key) as draft,
                curve_writer(events) as write,
            ):
                started, log = now(self.device), _logging(update, curves, write)
                if tuning is None:
                    adapter.fit(source, self.grid.budget, log)
                else:
                    state = tuning.prepare(adapter, source, self.grid.budget.episodes, log)
                    _save(state, draft / "tuning.safetensors")
                facts = {"seconds": now(self.device) - started, "curves": curves}
                adapter.eval()
                _save(adapter.state_dict(), draft / "model.safetensors")
                if len(curves) > 1:
                    seen = [f"{name} {curve[-1][1]:.3g}" for name, curve in curves.items()]
                    self.reporter.say(f"  {', '.join(seen)}")
                (draft / "fit.json").write_text(json.dumps(facts))
        adapter.load_state_dict(load_file(place / "model.safetensors", device=str(self.device)))
        if tuning is not None:
            tuning.restore(load_file(place / "tuning.safetensors", device=str(self.device)))
        stored: dict[str, Any] = json.loads((place / "fit.json").read_text())
        return stored


def heldout_scores(adapter: Adapter, source: ClipSource, budget: Budget) -> Cues:
    """A method's scores of held-out source clips, each cue (n,): what it calls normal before it sees a target."""
    parts = [arrays(adapter.score(clips)) for clips in source.heldout(HELDOUT_CLIPS, scoring_batch(adapter, budget))]
    return {cue: np.concatenate([part[cue] for part in parts]) for cue in parts[0]}


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors as they would lie without any special memory layout, which safetensors does not know."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)


def _logging(update: Update, curves: Curves, write: Write) -> Log:
    """A log that feeds the progress bar, `curves` and what writes them elsewhere, and stops a training that diverged.

    The first value comes with every step and is thinned; the others, rarer, are kept.
    """

    def log(step: int, of: int, values: dict[str, float]) -> None:
        first, value = next(iter(values.items()))
        if not np.isfinite(value):
            raise ValueError(f"{first} is {value} at step {step} of {of}: training diverged")
        for name in values:
            if name != first or step % max(1, of // CURVE_POINTS) == 0:
                curves.setdefault(name, []).append((step, values[name]))
                write(step, {name: values[name]})
        update(step, of, f"{first} {value:.4g}")

    return log
