"""The arrays of a cell: raw scores per frame and cue, and maps"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from crossvad.datasets.base import Size, Track
from crossvad.datasets.errors import UNSEEN

Cues = dict[str, NDArray[np.float64]]


ARRAYS = ("lengths", "units", "labels", "support_units", "support_labels")  # of Scores, beside the cues


GROUPS = ("cues", "support", "heldout")
KINDS = {name: "biu" if "labels" in name else "iu" for name in ARRAYS}  # of NumPy's
RATIO = 50  # of what is unpacked, beyond 256 MB, to what it is unpacked from: scores and maps do not pack so well


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
    """Read what `save_scores` wrote; never unpickles.

    Raises:
        ValueError, KeyError, …: as damaged files make readers raise nearly anything; or there are other arrays there.
    """
    with opened(path) as file:
        groups: dict[str, Any] = {group: {} for group in GROUPS}
        for name in file.files:
            group, _, cue = name.partition("/")
            if cue:
                groups[group][cue] = file[name]
        videos = file["videos"]
        arrays: dict[str, Any] = {name: file[name] for name in ARRAYS}
    _demand(videos, "videos", "U")
    for name, kinds in KINDS.items():
        _demand(arrays[name], name, kinds)
    for name, array in [("videos", videos), *arrays.items()][:3]:
        if len(array) != len(videos):
            raise ValueError(f"{name} has {len(array)} for {len(videos)}")
    for group, cues in groups.items():
        for cue, values in cues.items():
            _demand(values, f"{group}/{cue}", "fiu")
    for name in (*videos.tolist(), *groups["cues"]):
        if UNSEEN.search(name):
            raise ValueError(f"a name is {name!r}")
    made = Scores(videos=videos.tolist(), **arrays, **groups)
    frames = sum(map(int, made.lengths))
    if wrong := unequal(made, frames):
        raise ValueError("; ".join(wrong))
    if (made.lengths < 0).any():
        raise ValueError("a length is negative")
    if any(len(labels) and not 0 <= labels.min() <= labels.max() <= 1 for labels in (made.labels, made.support_labels)):
        raise ValueError("a label is neither 0 nor 1")
    return made


def load_labels(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the labels alone of what `save_scores` wrote, by test video.

    Raises:
        ValueError, KeyError, …: as `load_scores`.
    """
    with opened(path) as file:
        videos, lengths, labels = file["videos"], file["lengths"], file["labels"]
    return dict(zip(videos.tolist(), np.split(labels, np.cumsum(lengths)[:-1]), strict=True))


def same_labels(ones: Mapping[str, NDArray[np.uint8]], others: Mapping[str, NDArray[np.uint8]]) -> bool:
    """Whether labels by test video are those of the same videos, and the same."""
    return ones.keys() == others.keys() and all(np.array_equal(ones[video], others[video]) for video in ones)


def unequal(scores: Scores, frames: int) -> list[str]:
    """Tell which arrays of a cell have another length than the number of frames or of support clips."""
    wrong = [f"labels has {len(scores.labels)} for {frames}"] if len(scores.labels) != frames else []
    wrong += [
        f"cue {cue!r} has {len(row)} frames of {frames}" for cue, row in scores.cues.items() if len(row) != frames
    ]
    clips = len(scores.support_units)
    if scores.support and not clips:
        return [*wrong, "support scores at 0 shots"]
    support = scores.support.items()
    return wrong + [f"support cue {cue!r} has {len(row)} clips of {clips}" for cue, row in support if len(row) != clips]


@contextmanager
def opened(path: Path) -> Iterator[NpzFile]:
    """Open a file of arrays, none of which is unpickled, and that takes no more memory than such a file may.

    Raises:
        ValueError, …: as `load_scores`.
    """
    with ZipFile(path) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    if unpacked > max(2**28, RATIO * path.stat().st_size):
        raise ValueError(f"it unpacks to {unpacked >> 20} MB")
    with np.load(path, allow_pickle=False) as file:
        yield file


def _demand(array: NDArray[Any], name: str, kinds: str, dimensions: int = 1) -> None:
    if array.ndim != dimensions or array.dtype.kind not in kinds:
        raise ValueError(f"{name} is of type {array.dtype} and shape {array.shape}")


def load_maps(path: Path) -> Maps:
    """Read what `save_maps` wrote; never unpickles.

    Raises:
        ValueError, KeyError, …: as `load_scores`.
    """
    with opened(path) as file:
        maps, size, derived = file["maps"], file["size"], file["derived"]
        lengths, frames, boxes = (file[f"track_{name}"] for name in ("lengths", "frames", "boxes"))
    _demand(maps, "maps", "f", 3)
    _demand(size, "size", "iu")
    _demand(derived, "derived", "b", 0)
    _demand(lengths if len(lengths) else np.empty(0, np.int64), "track_lengths", "iu")  # none is an array of floats
    _demand(frames, "track_frames", "iu")
    _demand(boxes, "track_boxes", "fiu", 2)
    if len(size) != 2 or not all(0 < side < 2**16 for side in (*size, *maps.shape[1:])):
        raise ValueError(f"maps of {maps.shape[1:]} are of frames of {size.tolist()}")
    if (lengths < 0).any() or sum(map(int, lengths)) != len(frames) or boxes.shape != (len(frames), 4):
        raise ValueError("tracks have other lengths than they say")
    if (frames < 0).any() or (frames >= len(maps)).any() or not np.isfinite(boxes).all():
        raise ValueError("tracks are of no frames, or endless")
    ends = np.cumsum(lengths, dtype=np.int64)[:-1]
    parts = zip(np.split(frames, ends), np.split(boxes, ends), strict=True)
    tracks = [Track(frames, boxes) for frames, boxes in parts if len(frames)]
    return Maps(maps, (int(size[0]), int(size[1])), tracks, bool(derived))


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
