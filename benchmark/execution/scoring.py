"""Adapt a fitted method to each scene (or video) of a target, and score every test frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.adapters.base import Adaptation, Adapter, leading
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import Dataset, Footage, Video
from crossvad.datasets.clips import ClipSource, consecutive, head
from crossvad.execution.adaptation import adaptations
from crossvad.execution.anomaly_maps import located, map_video
from crossvad.execution.decoding import Decoder
from crossvad.execution.device import now
from crossvad.execution.progress import Update
from crossvad.execution.support import adaptation_units, support_labels
from crossvad.planning.cell import Cell
from crossvad.store.scores import Cues, Maps, Scores


def scoring_batch(adapter: Adapter, budget: Budget) -> int:
    """How many clips to score at once: what fits where the method was trained, as no gradient is kept.

    Scores do not depend on it.
    """
    return 2 * adapter.schedule(budget).batch


@dataclass
class Fitted:
    """A trained method, ready to adapt, and what was learned about it."""

    key: str
    adapter: Adapter
    tuning: Tuning
    heldout: Cues  # its scores of held-out source clips
    facts: dict[str, Any]
    source: Callable[[], ClipSource] | None = None  # what it was trained on, drawn from the start of its seed


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
    parts = adaptation_units(target, tasks[0].cell.support)
    videos = [(number, video) for number, unit in enumerate(parts) for video in unit.videos]
    done = [_Growing() for _ in tasks]
    for unit in parts:
        adapted = [fitted.adapter] * len(tasks)
        if unit.support is not None:
            adapted = _adapt(tasks, done, fitted.adapter, decoder.frames(unit.support), device)
        for video in unit.videos:
            _score(done, adapted, fitted.adapter, decoder, video, device)
            if keep_maps:
                for own, method in zip(done, adapted, strict=True):
                    own.maps.append(
                        map_video(method, decoder.frames(video), scoring_batch(method, decoder.budget), device)
                    )
            update(len(done[0].cues), len(videos), "")
    # Only now, with every score made, are labels looked at, to be stored beside the scores.
    labels = {video.name: target.labels(video.name).astype(np.uint8) for _, video in videos}
    found = []
    for task, own in zip(tasks, done, strict=True):
        where = located(target, [video for _, video in videos], own.maps) if keep_maps else None
        lengths = np.array([len(video) for _, video in videos])
        facts: dict[str, Any] = {"adapt_seconds": own.adapting / len(parts), "fps": int(lengths.sum()) / own.scoring}
        if own.adaptations:
            facts["adaptations"] = [asdict(each) for each in own.adaptations]
        scores = Scores(
            videos=list(labels),
            lengths=lengths,
            units=np.array([number for number, _ in videos]),
            labels=np.concatenate(list(labels.values())),
            cues=_joined(own.cues),
            support=_joined(own.supports),
            support_units=np.repeat(np.arange(len(own.supports)), task.cell.shots),
            support_labels=support_labels(task.cell, parts, labels, fitted.adapter.clip),
            heldout=fitted.heldout,
        )
        found.append(Scored(scores, where, facts))
    return found


@dataclass
class _Growing:
    """What one cell has so far."""

    cues: list[Cues] = field(default_factory=list)
    supports: list[Cues] = field(default_factory=list)
    maps: list[NDArray[np.float32]] = field(default_factory=list)
    adaptations: list[Adaptation] = field(default_factory=list)
    adapting: float = 0.0
    scoring: float = 0.0


def _adapt(
    tasks: Sequence[CellRun], done: list[_Growing], adapter: Adapter, frames: Footage, device: torch.device
) -> list[Adapter]:
    """Each task's method for one unit, adapted on the head of a video."""
    started = now(device)
    clips = head(frames, adapter.clip, max(task.cell.shots for task in tasks), device)
    with torch.no_grad():
        seen = adapter.frozen_features(clips)
    shared = now(device) - started
    adapted: dict[int, Adapter] = {}
    # Cells of equal shots and rate are points of one run.
    runs: dict[tuple[int, Tuning], list[int]] = {}
    for number in sorted(range(len(tasks)), key=lambda n: tasks[n].cell.steps):
        runs.setdefault((tasks[number].cell.shots, tasks[number].tuning), []).append(number)
    for (shots, tuning), numbers in runs.items():
        spent, started = shared, now(device)
        torch.manual_seed(tasks[0].cell.seed)
        counts = [tasks[number].cell.steps for number in numbers]
        results = adaptations(adapter, clips[:shots], leading(seen, shots), counts, tuning)
        for number, result in zip(numbers, results, strict=True):
            spent += now(device) - started
            adapted[number] = result.eval()
            done[number].adapting += spent
            if result.adaptation is not None:
                done[number].adaptations.append(result.adaptation)
            done[number].supports.append(arrays(result.score(leading(seen, shots))))
            started = now(device)
    return [adapted[number] for number in range(len(tasks))]


def _score(
    done: list[_Growing], adapted: list[Adapter], adapter: Adapter, decoder: Decoder, video: Video, device: torch.device
) -> None:
    """Scores of one video by each of some methods that came from one."""
    frames, clip, batch = decoder.frames(video), adapter.clip, scoring_batch(adapter, decoder.budget)
    if type(adapter).score_video is not Adapter.score_video:  # it wants the whole video, in order
        for own, method in zip(done, adapted, strict=True):
            started = now(device)
            scored = arrays(method.score_video(consecutive(frames, clip, batch, device)))
            own.scoring += now(device) - started
            own.cues.append({cue: placed(values, clip.scored, len(frames)) for cue, values in scored.items()})
        return
    scores: list[list[Cues]] = [[] for _ in adapted]
    started = now(device)
    for clips in consecutive(frames, clip, batch, device):
        with torch.no_grad():
            seen = adapter.frozen_features(clips)
        shared = now(device) - started
        for own, method, so_far in zip(done, adapted, scores, strict=True):
            started = now(device)
            so_far.append(arrays(method.score(seen)))
            own.scoring += shared + now(device) - started
        started = now(device)
    for own, so_far in zip(done, scores, strict=True):
        joined = _joined(so_far)
        own.cues.append({cue: placed(values, clip.scored, len(frames)) for cue, values in joined.items()})


def arrays(cues: dict[str, Tensor]) -> Cues:
    """Cues as float64 arrays.

    Raises:
        ValueError: a score is not finite; such a cell fails rather than being stored.
    """
    converted = {cue: values.detach().double().cpu().numpy() for cue, values in cues.items()}
    for cue, values in converted.items():
        if not np.isfinite(values).all():
            raise ValueError(f"cue {cue!r} has {int((~np.isfinite(values)).sum())} scores that are not finite")
    return converted


def placed(values: NDArray[np.float64], scored: int, length: int) -> NDArray[np.float64]:
    """Scores of a video's clips put at the frames they are for; NaN at frames without one: (length,)."""
    row = np.full(length, np.nan)
    row[scored : scored + len(values)] = values
    return row


def _joined(parts: list[Cues]) -> Cues:
    return {cue: np.concatenate([part[cue] for part in parts]) for cue in parts[0]} if parts else {}
