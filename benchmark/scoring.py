"""Adapt a fitted method to each scene (or video) of a target, and score every test frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.adapters.base import Adapter, Budget, Tuning
from crossvad.clock import now
from crossvad.datasets.base import Dataset, Video
from crossvad.datasets.clips import consecutive, head
from crossvad.decoding import Decoder
from crossvad.locating import located, map_video
from crossvad.plan import Cell
from crossvad.preflight import support_videos
from crossvad.progress import Update
from crossvad.store import Cues, Maps, Scores


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


@dataclass(frozen=True)
class Unit:
    """What is adapted as one: the videos it scores, and the video whose head is its support set, if any."""

    videos: list[Video]
    support: Video | None


def units(target: Dataset, support: str) -> list[Unit]:
    """A unit per test scene or, where the support set is the head of each test video, per test video."""
    scenes = target.scenes("test")
    if support == "none":
        return [Unit(list(scene.videos), None) for scene in scenes]
    heads = support_videos(target, support)
    if support == "test-head":
        return [Unit([video], video) for video in heads]
    return [Unit(list(scene.videos), video) for scene, video in zip(scenes, heads, strict=True)]


def score_cell(
    cell: Cell,
    fitted: Fitted,
    target: Dataset,
    decoder: Decoder,
    device: torch.device,
    update: Update,
    keep_maps: bool = False,
) -> tuple[Scores, Maps | None, dict[str, Any]]:
    """Raw scores of one cell, and what it took: seconds to adapt (mean per unit), frames scored per second.

    With `keep_maps`, maps of every test frame beside them; the method must have them, and the target masks or tracks.

    Raises:
        ValueError: the method gave a score that is not finite.
    """
    clip, batch = fitted.adapter.clip, scoring_batch(fitted.adapter, decoder.budget)
    parts = units(target, cell.support)
    videos = [(number, video) for number, unit in enumerate(parts) for video in unit.videos]
    cues: list[Cues] = []
    supports: list[Cues] = []
    maps: list[NDArray[np.float32]] = []
    adapting = scoring = 0.0
    for unit in parts:
        adapted, started = fitted.adapter, now(device)
        if unit.support is not None:
            torch.manual_seed(cell.seed)
            support = head(decoder.frames(unit.support), clip, cell.shots, device)
            adapted = fitted.adapter.adapt(support, cell.steps, fitted.tuning).eval()
            supports.append(arrays(adapted.score(support)))
        adapting += now(device) - started
        for video in unit.videos:
            started = now(device)
            frames = decoder.frames(video)
            scored = arrays(adapted.score_video(consecutive(frames, clip, batch, device)))
            scoring += now(device) - started
            cues.append({cue: placed(values, clip.scored, len(frames)) for cue, values in scored.items()})
            if keep_maps:
                maps.append(map_video(adapted, frames, batch, device))
            update(len(cues), len(videos), "")
    lengths = np.array([len(video) for _, video in videos])
    # Only now, with every score made, are labels looked at, to be stored beside the scores.
    labels = {video.name: target.labels(video.name).astype(np.uint8) for _, video in videos}
    span = cell.shots + clip.frames - 1 if cell.shots else 0
    scores = Scores(
        videos=list(labels),
        lengths=lengths,
        units=np.array([number for number, _ in videos]),
        labels=np.concatenate(list(labels.values())),
        cues=_joined(cues),
        support=_joined(supports),
        support_units=np.repeat(np.arange(len(supports)), cell.shots),
        # Training video is normal by construction; the head of a test video is whatever it is.
        support_labels=np.concatenate([own[:span] for own in labels.values()])
        if cell.support == "test-head"
        else np.zeros(span, np.uint8),
        heldout=fitted.heldout,
    )
    where = located(target, [video for _, video in videos], maps) if keep_maps else None
    return scores, where, {"adapt_seconds": adapting / len(parts), "fps": int(lengths.sum()) / scoring}


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
