"""Adapt a fitted method to each scene (or video) of a target, and score every test frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.adapters.base import Adaptation, Adapter
from crossvad.adapters.options import Budget, Precision
from crossvad.adapters.portions import leading
from crossvad.adapters.tunings.base import Tuning, adaptations
from crossvad.datasets.base import Dataset, Footage, Video
from crossvad.datasets.clips import ClipSource, consecutive, head
from crossvad.datasets.errors import UNSEEN
from crossvad.execution.adaptation import ready_to_adapt
from crossvad.execution.anomaly_maps import located, map_video
from crossvad.execution.decoding import Decoder
from crossvad.execution.device import now
from crossvad.execution.inference import ready_to_score
from crossvad.execution.memory_layouts import features_in, probed_with
from crossvad.execution.precision import computing_in, features_to_score
from crossvad.execution.progress import Update
from crossvad.execution.support import AdaptationUnit, adaptation_units, support_labels
from crossvad.planning.cell import Cell
from crossvad.store.scores import Cues, Maps, Scores

ON_GPU = 2**20  # pixels of clips scored at once: 16 of 256 x 256, which take about what training on 4 does
MOST = 64  # clips, as some methods enlarge small ones


def scoring_batch(adapter: Adapter, budget: Budget, device: torch.device) -> int:
    """How many clips to score at once: what fits where the method was trained, as no gradient is kept.

    Scores do not depend on it. On a GPU they are many, as a few small ones leave it idle most of the time.
    """
    twice = 2 * adapter.schedule(budget).batch
    return twice if device.type == "cpu" else max(twice, min(MOST, ON_GPU // budget.size**2))


@dataclass
class Fitted:
    """A trained method, ready to adapt, and what was learned about it."""

    key: str
    adapter: Adapter
    tuning: Tuning
    heldout: Cues  # its scores of held-out source clips
    facts: dict[str, Any]
    source: Callable[[], ClipSource] | None = None  # what it was trained on, drawn from the start of its seed
    precision: Precision = "float32"  # that it scores in


@dataclass(frozen=True)
class CellRun:
    """A cell to score, and the tuning it adapts by."""

    cell: Cell
    tuning: Tuning


@dataclass
class Scored:
    """What comes of a cell."""

    scores: Scores
    maps: Maps | None
    facts: dict[str, Any]  # adapt_seconds (mean per unit), fps, and what became of the adaptations


def score_cells(
    tasks: Sequence[CellRun],
    fitted: Fitted,
    target: Dataset,
    decoder: Decoder,
    device: torch.device,
    update: Update,
    keep_maps: bool = False,
) -> list[Scored]:
    """Raw scores of cells that differ in shots and steps alone: every frame is decoded once for all of them.

    So are the features of a method with a frozen backbone made once, of support sets and of test video; and one run of
    a tuning gives every number of steps. With `keep_maps`, maps of every test frame are kept beside the scores; the
    method must have them, and the target masks or tracks.

    Raises:
        ValueError: the method gave a score that is not finite.
    """
    units = adaptation_units(target, tasks[0].cell.policy)
    partials = [_Partial(task, fitted.adapter) for task in tasks]
    count = sum(len(unit.videos) for unit in units)
    for unit in units:
        frozen = _brought_to(unit, partials, fitted, decoder, device)
        for part in _parts(fitted.adapter, unit.videos):
            footage = [decoder.frames(video, fitted.adapter.extra_inputs) for video in part]
            with computing_in(fitted.precision, device):
                _score(partials, frozen, footage, decoder.budget, device)
                if keep_maps:
                    _map(partials, footage, decoder.budget, device)
            update(len(partials[0].cues), count, "")
    # Only now, with every score made, are labels looked at, to be stored beside the scores.
    labels = {video.name: target.labels(video.name).astype(np.uint8) for unit in units for video in unit.videos}
    return [_whole(partial, fitted, target, units, labels, keep_maps) for partial in partials]


@dataclass
class _Partial:
    """What one cell has so far."""

    task: CellRun
    method: Adapter  # as it scores the unit at hand
    cues: list[Cues] = field(default_factory=list)  # of each video, at its frames
    supports: list[Cues] = field(default_factory=list)
    maps: list[NDArray[np.float32]] = field(default_factory=list)
    adaptations: list[Adaptation] = field(default_factory=list)
    adapting: float = 0.0  # seconds
    scoring: float = 0.0  # seconds


def _whole(
    partial: _Partial,
    fitted: Fitted,
    target: Dataset,
    units: list[AdaptationUnit],
    labels: dict[str, NDArray[np.uint8]],
    keep_maps: bool,
) -> Scored:
    """What comes of a cell that has all its scores."""
    videos = [(number, video) for number, unit in enumerate(units) for video in unit.videos]
    lengths = np.array([len(video) for _, video in videos])
    facts: dict[str, Any] = {
        "adapt_seconds": partial.adapting / len(units),
        "fps": int(lengths.sum()) / partial.scoring,
    }
    if partial.adaptations:
        facts["adaptations"] = [asdict(adaptation) for adaptation in partial.adaptations]
    scores = Scores(
        videos=list(labels),
        lengths=lengths,
        units=np.array([number for number, _ in videos]),
        labels=np.concatenate(list(labels.values())),
        cues=_joined(partial.cues),
        support=_joined(partial.supports),
        support_units=np.repeat(np.arange(len(partial.supports)), partial.task.cell.shots),
        support_labels=support_labels(partial.task.cell, units, labels, fitted.adapter.clip),
        heldout=fitted.heldout,
    )
    maps = located(target, [video for _, video in videos], partial.maps) if keep_maps else None
    return Scored(scores, maps, facts)


def _brought_to(
    unit: AdaptationUnit, partials: Sequence[_Partial], fitted: Fitted, decoder: Decoder, device: torch.device
) -> Adapter:
    """Adapt each cell's method to a unit's support set, if it has one, and make all ready to score its videos.

    Returns:
        The unadapted method, ready too.
    """
    adapter, budget = fitted.adapter, decoder.budget
    for partial in partials:
        partial.method = adapter
    if unit.support is not None:
        _adapt(partials, fitted, decoder.frames(unit.support, adapter.extra_inputs), budget, device)
    sample = head(decoder.frames(unit.videos[0], adapter.extra_inputs), adapter.clip, probed_with(device), device)
    ready = {
        method: ready_to_score(method, sample, budget, device, fitted.precision)
        for method in dict.fromkeys([adapter, *(partial.method for partial in partials)])
    }
    for partial in partials:
        partial.method = ready[partial.method]
    return ready[adapter]


def _adapt(partials: Sequence[_Partial], fitted: Fitted, frames: Footage, budget: Budget, device: torch.device) -> None:
    """Adapt each cell's method for one unit, on the head of a video."""
    adapter, started = fitted.adapter, now(device)
    clips = head(frames, adapter.clip, max(partial.task.cell.shots for partial in partials), device)
    with torch.no_grad():
        features = adapter.frozen_features(clips)
    shared = now(device) - started
    shown = features_to_score(adapter, clips, features, fitted.precision, device)
    # Cells of equal shots and rate are points of one run.
    runs: dict[tuple[int, Tuning], list[_Partial]] = {}
    for partial in sorted(partials, key=lambda partial: partial.task.cell.steps):
        runs.setdefault((partial.task.cell.shots, partial.task.tuning), []).append(partial)
    for (shots, tuning), of_run in runs.items():
        support_features = leading(features, shots)
        moving, layout = ready_to_adapt(adapter, support_features, tuning, budget, device)
        spent, started = shared, now(device)
        torch.manual_seed(partials[0].task.cell.seed)
        counts = [partial.task.cell.steps for partial in of_run]
        results = adaptations(moving, features_in(support_features, layout), counts, tuning)
        for partial, method in zip(of_run, results, strict=True):
            spent += now(device) - started
            partial.method = method.eval()
            partial.adapting += spent
            if method.adaptation is not None:
                partial.adaptations.append(method.adaptation)
            with computing_in(fitted.precision, device):
                partial.supports.append(arrays(method.score(leading(shown, shots))))
            started = now(device)


def _parts(adapter: Adapter, videos: list[Video]) -> list[list[Video]]:
    """What of a unit's videos has to be scored at once: all of them if the method says so, else each by itself."""
    return [videos] if adapter.scores_scene else [[video] for video in videos]


def _score(
    partials: Sequence[_Partial], adapter: Adapter, videos: list[Footage], budget: Budget, device: torch.device
) -> None:
    """Score videos that are scored at once, by each cell's method; all came from one adapter."""
    clip, batch = adapter.clip, scoring_batch(adapter, budget, device)
    if adapter.scores_scene or adapter.scores_in_order:
        scored = []
        for partial in partials:
            started = now(device)
            clips = [consecutive(frames, clip, batch, device) for frames in videos]
            scored.append([arrays(cues) for cues in partial.method.score_scene(clips)])
            partial.scoring += now(device) - started
    else:
        scored = [[cues] for cues in _score_clips(partials, adapter, videos[0], batch, device)]
    for partial, scores in zip(partials, scored, strict=True):
        for cues, frames in zip(scores, videos, strict=True):
            partial.cues.append({cue: placed(values, clip.scored, len(frames)) for cue, values in cues.items()})


def _map(partials: Sequence[_Partial], videos: list[Footage], budget: Budget, device: torch.device) -> None:
    """Maps of videos, by each cell's method."""
    for partial in partials:
        batch = scoring_batch(partial.method, budget, device)
        partial.maps += [map_video(partial.method, frames, batch, device) for frames in videos]


def _score_clips(
    partials: Sequence[_Partial], adapter: Adapter, frames: Footage, batch: int, device: torch.device
) -> list[Cues]:
    """Scores of one video's clips, each by itself, of each cell: frozen features are made once for all methods."""
    scores: list[list[Cues]] = [[] for _ in partials]
    started = now(device)
    for clips in consecutive(frames, adapter.clip, batch, device):
        with torch.no_grad():
            features = adapter.frozen_features(clips)
        shared = now(device) - started
        for partial, cues in zip(partials, scores, strict=True):
            started = now(device)
            cues.append(arrays(partial.method.score(features)))
            partial.scoring += shared + now(device) - started
        started = now(device)
    return [_joined(cues) for cues in scores]


def arrays(cues: dict[str, Tensor]) -> Cues:
    """Cues as float64 arrays.

    Raises:
        TypeError: they are no tensors by name.
        ValueError: there is none, a name cannot be shown, or a score is not finite; such a cell fails rather than
            being stored.
    """
    if not isinstance(cues, dict) or not all(isinstance(values, Tensor) for values in cues.values()):
        raise TypeError(f"a score is {{cue: tensor (B,)}}, but the method gave {type(cues).__name__} of other things")
    if not cues:
        raise ValueError("a score is {cue: tensor (B,)}, but the method gave no cue")
    if odd := [name for name in cues if UNSEEN.search(str(name))]:
        raise ValueError(f"a cue is called {odd[0]!r}, which cannot be shown in a line")
    converted = {cue: values.detach().double().cpu().numpy() for cue, values in cues.items()}
    for cue, values in converted.items():
        if not np.isfinite(values).all():
            what = f"{int((~np.isfinite(values)).sum())} of {values.size} scores that are not finite"
            raise ValueError(f"cue {cue!r} has {what}, in a batch of clips: is there a logarithm or a quotient of 0?")
    return converted


def placed(values: NDArray[np.float64], scored: int, length: int) -> NDArray[np.float64]:
    """Scores of a video's clips put at the frames they are for; NaN at frames without one: (length,)."""
    row = np.full(length, np.nan)
    row[scored : scored + len(values)] = values
    return row


def _joined(parts: list[Cues]) -> Cues:
    return {cue: np.concatenate([part[cue] for part in parts]) for cue in parts[0]} if parts else {}
