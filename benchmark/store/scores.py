"""The arrays of a cell: raw scores per frame and cue, and maps"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Size, Track

Cues = dict[str, NDArray[np.float64]]


ARRAYS = ("lengths", "units", "labels", "support_units", "support_labels")  # of Scores, beside the cues


GROUPS = ("cues", "support", "heldout")


@dataclass(frozen=True)
class Scores:
    """The raw scores of one cell and what evaluation needs beside them. Frames of all test videos stand in one row.

    A cue is NaN at a frame for which no clip gives a score. An adaptation unit is what was adapted as one: a scene, or
    with support from the head of each test video that video.
    """

    videos: list[str]
    lengths: NDArray[np.int64]  # (V,) frames per video
    units: NDArray[np.int64]  # (V,) adaptation unit of each video
    labels: NDArray[np.uint8]  # (N,) 1 = abnormal
    cues: Cues  # each (N,)
    support: Cues  # scores of the support clips by the adapted method, each (S,); empty at 0 shots
    support_units: NDArray[np.int64]  # (S,)
    support_labels: NDArray[np.uint8]  # labels of the frames the support sets span: how contaminated they were
    heldout: Cues  # scores of held-out source clips by the method before it adapts, each (n,)


@dataclass(frozen=True)
class Maps:
    """Where a cell's method saw anomalies, and where they were: what the metrics of location read."""

    maps: NDArray[np.float32]  # (N, h, w), higher = more abnormal; NaN at a frame for which no clip gives one
    size: Size  # height and width of the original frames
    tracks: list[Track]  # the ground truth; frames are numbered in the row of all test videos' frames
    derived: bool  # the tracks were derived from pixel masks


def save_scores(scores: Scores, path: Path) -> None:
    """Write scores as one compressed .npz file."""
    arrays: dict[str, Any] = {"videos": np.array(scores.videos)}
    arrays |= {name: getattr(scores, name) for name in ARRAYS}
    for group in GROUPS:
        arrays |= {f"{group}/{cue}": values for cue, values in getattr(scores, group).items()}
    np.savez_compressed(path, **arrays)


def load_scores(path: Path) -> Scores:
    """Read what `save_scores` wrote; never unpickles."""
    with np.load(path) as file:  # allow_pickle is off
        groups: dict[str, Any] = {group: {} for group in GROUPS}
        for name in file.files:
            group, _, cue = name.partition("/")
            if cue:
                groups[group][cue] = file[name]
        return Scores(videos=file["videos"].tolist(), **{name: file[name] for name in ARRAYS}, **groups)


def save_maps(maps: Maps, path: Path) -> None:
    """Write maps and tracks as one compressed .npz file."""
    np.savez_compressed(
        path,
        maps=maps.maps,
        size=maps.size,
        derived=maps.derived,
        track_lengths=[len(track.frames) for track in maps.tracks],
        track_frames=np.concatenate([np.empty(0, np.int64), *(track.frames for track in maps.tracks)]),
        track_boxes=np.concatenate([np.empty((0, 4)), *(track.boxes for track in maps.tracks)]),
    )
