"""How well a method tells planted anomalies from what is normal, on its source alone: no label, and no target, is read.

Of every drawn scene (`datasets/planting/scenes.py`), each kind of planted clips is told from its controls, before the
method adapts to the clips that lead up to them and after that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning, adaptations
from crossvad.datasets.base import Dataset, Scene, Split
from crossvad.datasets.errors import InputError
from crossvad.datasets.planting import scenes as planting
from crossvad.datasets.planting.kind_names import ALL_KINDS
from crossvad.datasets.planting.scenes import CONTROLS, PlantedScene, PlantedScenes
from crossvad.datasets.words import number_of
from crossvad.evaluation.frames import Values
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.postprocessing import fuse_unit
from crossvad.execution import preflight
from crossvad.execution.decoding import Decoder, count_frames, stop_at, training_videos
from crossvad.execution.fitting import Fitter, scene_numbers
from crossvad.execution.precision import computing_in, features_to_score
from crossvad.execution.progress import Update
from crossvad.execution.scoring import Fitted, arrays, scoring_batch
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.cell import Cell, digest_of
from crossvad.store.scores import Cues
from crossvad.store.store import Store
from crossvad.studies.planted_rows import COLUMNS, as_csv, from_csv, left_out_rows

FILE = "rows.csv"  # in the store, of one method, source and seed
KEPT = 2**29  # bytes of planted clips that are kept from one method to the next; more are made again


class NoTarget(Dataset):
    """In a target's place where there is none: it has no video."""

    name = "none"

    def scenes(self, split: Split) -> list[Scene]:
        """None."""
        return []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Refuse: there is no video.

        Raises:
            InputError: always.
        """
        raise InputError(self.name, "has no video", "choose a target")


def planted_rows(fitter: Fitter) -> Iterator[pd.DataFrame]:
    """Fit, adapt and score every method of a grid on every source and for every seed: rows of each, `COLUMNS`.

    Fits come from the store, and so do rows that it holds. All methods are shown the same clips.

    Args:
        fitter: of a grid of one number of shots, one of steps and one tuning, whose target is `NoTarget`.

    Raises:
        InputError: an input is missing, broken or unsuitable, or a method cannot do what is asked: nothing has been
            trained by then. Or a source shows nobody who could be cut out.
    """
    check(fitter)
    grid = fitter.grid
    methods = {method.label: method for method in grid.methods}
    for source in grid.sources:
        cells = {(cell.method, cell.seed): cell for cell in grid.cells() if cell.source == source.name}
        scenes = scenes_of(source, fitter.decoder)

        def make(cell: Cell, drawn: _Drawn, source: Dataset = source) -> pd.DataFrame:
            fitted = fitter.fitted(cell, methods[cell.method], source)
            tuning = fitter.decided([cell], fitted)[cell][0]
            with fitter.reporter.task(f"Plant in {source.name}, score {cell.method}, seed {drawn.seed}") as update:
                return told_apart(cell, fitted, tuning, drawn, grid.budget, fitter.device, update)

        for seed in grid.seeds:
            drawn = _Drawn(scenes, seed)
            for method in grid.methods:
                cell = cells[method.label, seed if method.cls.stochastic else 0]
                yield _taken(fitter.store, cell, seed, partial(make, cell, drawn))


def check(fitter: Fitter) -> None:
    """Find what could fail before anything is trained, and decode the sources.

    Raises:
        InputError: as `planted_rows`.
    """
    grid, reporter = fitter.grid, fitter.reporter
    fitter.store.check_writable()
    stop_at(count_frames(preflight.all_videos(grid), reporter))
    preflight.check_files(grid, reporter)
    tunings = {tuning.label: tuning.build() for tuning in grid.tunings}
    built = {method.label: preflight.build_method(method, grid.budget) for method in grid.methods}
    sources = {source.name: source for source in grid.sources}
    for method in built.values():
        refuse_unplantable(method)
    for cell in grid.cells():
        method = built[cell.method]
        if method.needs_source:
            preflight.check_source(sources[cell.source], method.clip)
        preflight.check_tuning(cell, method, tunings.get(cell.tuning))
    stop_at(fitter.decoder.fill(preflight.needed_videos(grid), reporter))


def refuse_unplantable(method: Adapter) -> None:
    """Refuse a method that is not shown frames alone, is transductive, or takes longer clips than are planted.

    Raises:
        Refused: that is so.
    """
    name = type(method).__name__
    if method.extra_inputs:
        problem = f"asks for {', '.join(method.extra_inputs)}, which planted clips do not have"
        raise preflight.Refused(name, problem, "leave it out")
    if method.transductive:
        problem = "ranks the frames of whole videos, and planted clips are scored one by one"
        raise preflight.Refused(name, problem, "leave it out")
    before, after = method.clip.scored, method.clip.frames - 1 - method.clip.scored
    if before > planting.BEFORE or after > planting.AFTER:
        problem = f"takes {number_of(before, 'frame')} before the scored one and {after} after it"
        fix = f"planted clips have {planting.BEFORE} and {planting.AFTER}"
        raise preflight.Refused(name, problem, fix)


def scenes_of(source: Dataset, decoder: Decoder) -> PlantedScenes:
    """What can be planted in a source's training video, decoded."""
    videos, names = training_videos(source, decoder.budget), [scene.name for scene in source.scenes("train")]
    owners = [names[number] for number in scene_numbers(source, videos)]
    return PlantedScenes([decoder.frames(video) for video in videos], owners)


class _Drawn:
    """The scenes of one seed: kept in memory, unless they are too many, for the next method."""

    def __init__(self, scenes: PlantedScenes, seed: int) -> None:
        self.scenes, self.seed = scenes, seed
        self._kept: list[PlantedScene] = []

    def __iter__(self) -> Iterator[PlantedScene]:
        if len(self._kept) == planting.SCENES:
            yield from self._kept
            return
        kept, size = [], 0
        for scene in self.scenes.drawn(self.seed, planting.SCENES, planting.CLIPS):
            size += sum(clips.nbytes for clips in scene.clips.values())
            if size <= KEPT:
                kept.append(scene)
            yield scene
        self._kept = kept


def told_apart(
    cell: Cell, fitted: Fitted, tuning: Tuning, drawn: _Drawn, budget: Budget, device: torch.device, update: Update
) -> pd.DataFrame:
    """AUC in % of telling each kind of planted clips from its controls, in every scene: `COLUMNS`.

    At K = 0 and, if the method adapts, at the cell's number of shots.
    """
    adapter, lines = fitted.adapter, []
    batch = scoring_batch(adapter, budget, device)
    for number, scene in enumerate(drawn):
        states: dict[int, tuple[Adapter, Cues]] = {0: (adapter, {})}
        if cell.shots:
            states[cell.shots] = _adapted(cell, fitted, tuning, scene.support(adapter.clip, cell.shots, device), device)
        with computing_in(fitted.precision, device):
            scores = _scores(states, fitted, scene, batch, device)
        for shots, by_group in scores.items():
            aucs = {kind: _auc(by_group[CONTROLS[kind]], by_group[kind]) for kind in ALL_KINDS}
            lines.append({**_keys(cell, shots, tuning, drawn.seed), "number": number, "scene": scene.name, **aucs})
        update(number + 1, planting.SCENES, scene.name)
    rows = pd.DataFrame(lines, columns=COLUMNS)
    first = rows.iloc[0]
    nobody = left_out_rows(cell.source, cell.source_digest, cell.budget, first["planting"], drawn.scenes.left_out)
    return pd.concat([rows, nobody], ignore_index=True) if len(nobody) else rows


def _adapted(
    cell: Cell, fitted: Fitted, tuning: Tuning, support: torch.Tensor, device: torch.device
) -> tuple[Adapter, Cues]:
    """The method after it adapted to a scene's support clips, and its scores of them."""
    with torch.no_grad():
        features = fitted.adapter.frozen_features(support)
    torch.manual_seed(cell.seed)
    (method,) = adaptations(fitted.adapter, features, [cell.steps], tuning)
    shown = features_to_score(fitted.adapter, support, features, fitted.precision, device)
    with computing_in(fitted.precision, device):
        return method.eval(), arrays(method.score(shown))


def _scores(
    states: dict[int, tuple[Adapter, Cues]], fitted: Fitted, scene: PlantedScene, batch: int, device: torch.device
) -> dict[int, dict[str, Values]]:
    """Fused scores of every group of clips, by number of shots: what no adaptation changes is made once."""
    found: dict[int, dict[str, Values]] = {shots: {} for shots in states}
    for group in scene.clips:
        clips = scene.shown(group, fitted.adapter.clip, device)
        parts: dict[int, list[Cues]] = {shots: [] for shots in states}
        for start in range(0, len(clips), batch):
            with torch.no_grad():
                features = fitted.adapter.frozen_features(clips[start : start + batch])
            for shots, (method, _) in states.items():
                parts[shots].append(arrays(method.score(features)))
        for shots, (method, support) in states.items():
            cues = {cue: np.concatenate([part[cue] for part in parts[shots]]) for cue in parts[shots][0]}
            found[shots][group] = fuse_unit(cues, support, fitted.heldout, method.fusion)
    return found


def _auc(normal: Values, odd: Values) -> float:
    labels = np.repeat([0, 1], [len(normal), len(odd)]).astype(np.uint8)
    return round(100 * micro_auc(labels, np.concatenate([normal, odd])), 5)


def _keys(cell: Cell, shots: int, tuning: Tuning, seed: int) -> dict[str, str | int]:
    """What a row is of, named as a cell would be: without shots there is no step, nor a tuning that learned nothing."""
    return {
        "method": cell.method,
        "method_version": cell.method_version,
        "source": cell.source,
        "source_digest": cell.source_digest,
        "budget": cell.budget,
        "tuning": cell.tuning if shots or tuning.learns else NO_TUNING,
        "steps": cell.steps if shots else 0,
        "shots": shots,
        "seed": seed,
        "planting": planting.VERSION,
    }


def _taken(store: Store, cell: Cell, seed: int, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Take rows from the store, made and put there first unless they are there."""
    numbers = {"scenes": planting.SCENES, "clips": planting.CLIPS, "planting": planting.VERSION}
    key = digest_of({"prepared": cell.prepared_key, "shots": cell.shots, "steps": cell.steps, "seed": seed, **numbers})
    path = store.place("planted", key) / FILE
    if not path.is_file():
        rows = make()
        with store.writing("planted", key) as draft:
            (draft / FILE).write_text(as_csv(rows), encoding="utf-8")
    return from_csv(path.read_text(encoding="utf-8"))
