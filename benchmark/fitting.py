"""Trained methods: from memory, from the store, or trained now. Cells that differ only later on share a fit."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossvad.adapters.base import Adapter, Budget, Log, Tuning
from crossvad.adapters.tuning import NoTuning
from crossvad.clock import now
from crossvad.datasets.base import Dataset
from crossvad.datasets.clips import ClipSource
from crossvad.decoding import Decoder, training_videos
from crossvad.plan import Cell, Grid
from crossvad.progress import Reporter, Update
from crossvad.registry import Method
from crossvad.scoring import Fitted, arrays, scoring_batch
from crossvad.store import Cues, Store

HELDOUT_CLIPS = 64  # of the source, to calibrate scores where there is no support set
CURVE_POINTS = 100

Curves = dict[str, list[tuple[int, float]]]  # name -> (step, value): the loss, and a method's diagnostics


class Fitter:
    """Fits the methods of one grid. Keeps the last fit at hand, as consecutive cells mostly share it."""

    def __init__(self, grid: Grid, store: Store, decoder: Decoder, device: torch.device, reporter: Reporter) -> None:
        self.grid, self.store, self.decoder, self.device, self.reporter = grid, store, decoder, device, reporter
        self.tunings = {tuning.label: tuning for tuning in grid.tunings}
        self._last: Fitted | None = None

    def fitted(self, cell: Cell, method: Method, source: Dataset) -> Fitted:
        """The cell's method, trained on its source and prepared by its tuning."""
        if self._last is None or self._last.key != cell.prepared_key:
            self._last = None  # let go of the old one before the new one is built
            self._last = self._fit(cell, method, source)
        return self._last

    def _fit(self, cell: Cell, method: Method, source: Dataset) -> Fitted:
        torch.manual_seed(cell.seed)
        adapter = on_device(method.build(self.grid.budget), self.device).eval()
        facts: dict[str, Any] = {"parameters": adapter.parameter_count()}
        if not method.cls.trainable:
            return Fitted(cell.prepared_key, adapter, NoTuning(), {}, facts)
        videos = [self.decoder.frames(video) for video in training_videos(source, self.grid.budget)]
        # Each stage draws from the start of the seed, whether the one before was stored or not.
        fresh = partial(ClipSource, videos, adapter.clip, self.device, cell.seed)
        tuning = self.tunings[cell.tuning].build() if cell.tuning in self.tunings else NoTuning()
        stored = self._stage("fits", cell.fit_key, adapter, None, fresh(), f"Train {method.label} on {cell.source}")
        facts["train_seconds"] = stored["seconds"]
        facts["diagnostics"] = {name: curve[-1][1] for name, curve in stored["curves"].items() if name != "loss"}
        kind, key = "fits", cell.fit_key
        if tuning.learns:
            kind, key = "prepared", cell.prepared_key
            torch.manual_seed(cell.seed)
            stored = self._stage(kind, key, adapter, tuning, fresh(), f"Prepare {method.label} for {cell.tuning}")
            facts["prepare_seconds"] = stored["seconds"]
        with np.load(self.store.place(kind, key) / "heldout.npz") as file:
            heldout = {cue: file[cue] for cue in file.files}
        return Fitted(cell.prepared_key, adapter, tuning, heldout, facts)

    def _stage(
        self, kind: str, key: str, adapter: Adapter, tuning: Tuning | None, source: ClipSource, title: str
    ) -> dict[str, Any]:
        """Train the adapter in place or, given a tuning, let that prepare; from the store if it was done before."""
        place = self.store.place(kind, key)
        if not (place / "fit.json").is_file():
            curves: Curves = {}
            with self.reporter.task(title) as update, self.store.writing(kind, key) as draft:
                started, log = now(self.device), _logging(update, curves)
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
                heldout: dict[str, Any] = heldout_scores(adapter, source, self.grid.budget)
                np.savez(draft / "heldout.npz", **heldout)
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


def on_device(adapter: Adapter, device: torch.device) -> Adapter:
    """On the device, in the memory layout that 2-D convolutions are fastest in: up to 1.3 times on a CPU."""
    adapter = adapter.to(device)
    three_dimensional = any(parameter.dim() == 5 for parameter in adapter.parameters())
    return adapter if three_dimensional else adapter.to(memory_format=torch.channels_last)


def _logging(update: Update, curves: Curves) -> Log:
    """A log that feeds the progress bar and `curves`, and stops a training that diverged.

    The first value comes with every step and is thinned; the others, rarer, are kept.
    """

    def log(step: int, of: int, values: dict[str, float]) -> None:
        first, value = next(iter(values.items()))
        if not np.isfinite(value):
            raise ValueError(f"{first} is {value} at step {step} of {of}: training diverged")
        for name in values:
            if name != first or step % max(1, of // CURVE_POINTS) == 0:
                curves.setdefault(name, []).append((step, values[name]))
        update(step, of, f"{first} {value:.4g}")

    return log
