"""Manifests of the published data sets: frame counts, abnormal frames and checksums. Facts only, no video.

A manifest is one JSON file in `labels/`, named after a data set and its family of labels. With it, someone who has the
frames and no labels can evaluate, and someone whose labels or frames are wrong is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Split
from crossvad.datasets.readers.file_identity import parsing, small_text

LABELS = Path(__file__).parents[1] / "labels"
Span = tuple[int, int]  # first frame, counted from 0, and the one after the last
LONGEST = 10**8  # frames of a video: a month at 30 a second


@dataclass(frozen=True)
class VideoFacts:
    """The published facts of one video."""

    frames: int | None = None  # None where no count is published
    abnormal: tuple[Span, ...] = ()
    sha256: str | None = None  # of the official file, or of the official frames: see `Manifest.checksums`


@dataclass(frozen=True)
class Manifest:
    """The published facts of one data set under one family of labels."""

    dataset: str
    family: str  # who drew the labels, where there are rival ones: `frames`, `masks`
    facts_from: str
    checksums: str  # what the sha256 of a video are of
    train_videos: int  # how many were published, be their names known or not
    train: Mapping[str, VideoFacts]
    test: Mapping[str, VideoFacts]

    def of(self, split: Split) -> Mapping[str, VideoFacts]:
        """The facts of each video of a split, by its name in the manifest."""
        return self.train if split == "train" else self.test

    def count(self, split: Split) -> int:
        """How many videos of a split were published, be their names known or not."""
        return self.train_videos if split == "train" else len(self.test)

    def labels(self, video: str, frames: int) -> NDArray[np.uint8]:
        """Labels (frames,) of a test video in the manifest, 1 = abnormal; spans end where its frames end."""
        return spans_to_labels(self.test[video].abnormal, frames)

    def all_labels(self) -> list[NDArray[np.uint8]]:
        """The labels of every test video whose length is published."""
        return [self.labels(name, facts.frames) for name, facts in self.test.items() if facts.frames]


def load(dataset: str, family: str) -> Manifest:
    """Load the manifest of a data set under a family of labels; it comes with the package.

    Raises:
        InputError: it is not there, or not as `save` writes it.
    """
    path = LABELS / f"{dataset}-{family}.json"
    with parsing(path, "is no manifest", "install the package anew"):
        stored = json.loads(small_text(path))
        splits = {split: {name: _facts(name, facts) for name, facts in stored[split].items()} for split in SPLITS}
        made = Manifest(**{**stored, **splits})
        texts = (made.dataset, made.family, made.facts_from, made.checksums)
        if type(made.train_videos) is not int or not all(isinstance(text, str) for text in texts):
            raise ValueError("what it says of the data set is of another type")
    return made


def _facts(name: str, told: Mapping[str, Any]) -> VideoFacts:
    """The facts of a video, as `_stated` gave them."""
    facts = VideoFacts(told.get("frames"), tuple(map(tuple, told.get("abnormal", ()))), told.get("sha256"))
    ends = [0, *(end for span in facts.abnormal for end in span), LONGEST if facts.frames is None else facts.frames]
    if not all(type(end) is int for end in ends) or sorted(ends) != ends or ends[-1] > LONGEST:
        raise ValueError(f"abnormal spans of {name} are no ranges of its frames")
    if any(len(span) != 2 for span in facts.abnormal) or not isinstance(facts.sha256, str | None):
        raise ValueError(f"facts of {name} are of another type")
    return facts


def families(dataset: str) -> list[str]:
    """The families of labels that a data set has."""
    return sorted(path.stem.removeprefix(f"{dataset}-") for path in LABELS.glob(f"{dataset}-*.json"))


def save(manifest: Manifest, directory: Path | None = None) -> Path:
    """Write a manifest, a line per video, so that a change shows up as one."""
    head = {name: getattr(manifest, name) for name in ("dataset", "family", "facts_from", "checksums", "train_videos")}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    for split in SPLITS:
        videos = [f"  {json.dumps(name)}: {json.dumps(_stated(facts))}" for name, facts in manifest.of(split).items()]
        lines.append(f' "{split}": {{\n' + ",\n".join(videos) + "\n }" if videos else f' "{split}": {{}}')
    path = (directory or LABELS) / f"{manifest.dataset}-{manifest.family}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return path


def _stated(facts: VideoFacts) -> dict[str, object]:
    """The facts of a video that are published, by name."""
    return {name: value for name, value in asdict(facts).items() if value}


def spans_to_labels(spans: Sequence[Span], frames: int) -> NDArray[np.uint8]:
    """Turn spans into labels (frames,), 1 within the spans."""
    labels = np.zeros(frames, np.uint8)
    for start, stop in spans:
        labels[start:stop] = 1
    return labels


def labels_to_spans(labels: NDArray[Any]) -> tuple[Span, ...]:
    """Turn labels (N,) into spans: the runs of frames that are not 0."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(labels) != 0, [0]]).astype(np.int8)))
    return tuple((int(start), int(stop)) for start, stop in edges.reshape(-1, 2))


@dataclass(frozen=True)
class LabelFacts:
    """Counts that a reader of a data set's numbers should know of its labels."""

    frames: int
    abnormal: int
    all_abnormal: int  # videos
    starts_abnormal: dict[int, int] = field(default_factory=dict)  # videos with an abnormal frame among the first n

    @property
    def prevalence(self) -> float:
        """Share of the frames that are abnormal, 0 to 1."""
        return self.abnormal / self.frames


def label_facts(labels: Sequence[NDArray[np.uint8]], heads: Sequence[int] = (1, 5, 14)) -> LabelFacts:
    """Count abnormal frames and videos in a data set's test labels, and the videos that begin abnormal.

    `heads` are numbers of frames: a support set of 1 or 10 clips of 5 frames spans the first 5 or 14.
    """
    return LabelFacts(
        frames=sum(map(len, labels)),
        abnormal=sum(int(each.sum()) for each in labels),
        all_abnormal=sum(bool(each.all()) for each in labels),
        starts_abnormal={head: sum(bool(each[:head].any()) for each in labels) for head in heads},
    )
