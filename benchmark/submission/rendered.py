"""What this package knows of data sets: of those that it renders copies, labels and scenes, of all the test videos."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.manifest import Manifest
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.planning import registry
from crossvad.planning.archives import stored_target
from crossvad.planning.catalogue import RENDERED
from crossvad.planning.names import listed, split_options
from crossvad.store.store import Record, Store
from crossvad.submission.statement import base_name
from crossvad.verification.integrity import numbered

FIX = "run the cells again with this version of crossvad"


def verify_copies(store: Store, records: Iterable[Record]) -> list[Problem]:
    """Hold cells against the data sets that this package renders: which copy they are of, and the labels of targets.

    Labels and scenes of published sets are held against what is known of them elsewhere (`verification.integrity`); a
    target of which nothing is known is told of, as its labels are the sender's own; so is what lacks test videos.
    """
    problems, targets = list[Problem](), dict[tuple[str, str], Record]()
    for record in records:
        cell = record.cell
        train, _, test = cell.target_digest.rpartition("+")
        for name, split, said in ((cell.source, "train", cell.source_digest), (cell.target, "train", train),
                                  (cell.target, "test", test)):  # fmt: skip
            known = _digest(name, split) if said else ""
            if known and known != said:
                told = f"its {split} split is another copy ({said}) than this package renders ({known})"
                problems.append(Problem("error", name, told, FIX))
        targets.setdefault((cell.target, test), record)
    for (name, _), record in targets.items():  # others have the labels of the first: `integrity.verify_mask`
        if dataset := rendered(name):
            problems += _labels(store, record, dataset)
        elif not _published(name):
            told = "is no data set that this package knows: its labels are the sender's own"
            problems.append(Problem("warning", name, told, "read its figures as such"))
        videos = _test_videos(name)
        if missing := videos - _entries(store, record):
            told = f"lacks {len(missing)} of {len(videos)} test videos"
            problems.append(Problem("warning", name, told, "name the part, or score all of it"))
    return list(dict.fromkeys(problems))


@cache
def rendered(name: str) -> Dataset | None:
    """The data set that this package renders by a name; None if it is of another kind, or there is none."""
    if not all(base_name(part) in RENDERED for part in listed(name, "+")):
        return None
    try:
        return registry.get_dataset(name, Path())
    except InputError:
        return None


@cache
def _digest(name: str, split: str) -> str:
    dataset = rendered(name)
    return dataset.digest("train" if split == "train" else "test") if dataset else ""


def _published(name: str) -> tuple[type[PublishedDataset], Manifest] | None:
    try:
        return stored_target(name)
    except InputError:
        return None


def _labels(store: Store, record: Record, dataset: Dataset) -> list[Problem]:
    scores = store.scores(record.cell)
    known = {video.name: scene.name for scene in dataset.scenes("test") for video in scene.videos}
    ends = np.cumsum(scores.lengths)[:-1]
    for video, labels in zip(scores.videos, np.split(scores.labels, ends), strict=True):
        if video not in known or not np.array_equal(labels, dataset.labels(video)):
            told = f"{video} has other labels than this package renders"
            return [Problem("error", record.cell.target, told, FIX)]
    if numbered(scores.units.tolist()) != numbered(known[video] for video in scores.videos):
        return [Problem("error", record.cell.target, "has other scenes than this package renders", FIX)]
    return []


def lacks_videos(store: Store, records: Iterable[Record]) -> bool:
    """Whether cells lack test videos of a target that this package knows."""
    one_each = {record.cell.target: record for record in records}
    return any(_test_videos(name) - _entries(store, record) for name, record in one_each.items())


def _test_videos(target: str) -> set[str]:
    """The test videos of a target that this package knows; none of another, or of a part that a file names."""
    if dataset := rendered(target):
        return {video.name for video in dataset.videos("test")}
    stored = _published(target)
    if not stored or split_options(target)[1].get("videos", "").endswith(".txt"):
        return set()
    return set(stored[1].test)


def _entries(store: Store, record: Record) -> set[str]:
    """The test videos of a cell, by the names that they are known by."""
    videos, stored = store.scores(record.cell).videos, _published(record.cell.target)
    return set(map(stored[0].entry, videos) if stored else videos)
