"""Which camera a test video is of, as far as stored scores tell, and what to call it"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crossvad.store.store import Record, Store

Copy = tuple[str, str]  # of a target's test video: its name and digest


def copy_of(record: Record) -> Copy:
    """Tell which test video a cell is of."""
    return record.cell.target, record.cell.target_digest.rpartition("+")[2]


def cameras_of_targets(store: Store, records: Iterable[Record]) -> dict[Copy, list[str]]:
    """Name the camera of each test video, (V,), for every target of these cells of which that is known.

    A camera is a test scene, which is what was adapted as one, or is numbered so at K = 0. A cell that adapted to each
    test video by itself does not tell which of them are of one scene; any other cell of the same video does. One of
    each target is read.
    """
    told = [record for record in records if record.status == "done" and not record.cell.policy.per_video]
    names: dict[Copy, list[str]] = {}
    for copy, record in {copy_of(record): record for record in told}.items():
        scores = store.scores(record.cell)
        names[copy] = camera_names(record.cell.target, scores.videos, scores.units)
    return names


def camera_names(target: str, videos: Sequence[str], scenes: NDArray[np.int64]) -> list[str]:
    """Name the camera of each video: by its target and, where that has several, by what names of its videos share.

    Args:
        target: name of the data set.
        videos: names of its test videos, (V,).
        scenes: number of each one's scene, (V,).

    >>> camera_names("campus", ["01_0014", "01_0015", "02_0128"], np.array([0, 0, 1]))
    ['campus/01', 'campus/01', 'campus/02']
    """
    numbers = np.unique(scenes).tolist()
    if len(numbers) == 1:
        return [target] * len(videos)
    shared = [_shared([video for video, own in zip(videos, scenes, strict=True) if own == one]) for one in numbers]
    while all(len(words) > 1 for words in shared) and len({words[-1] for words in shared}) == 1:
        shared = [words[:-1] for words in shared]  # such as "test"
    names = ["-".join(words) for words in shared]
    if len(set(names)) < len(names) or "" in names:
        names = [str(place) for place in range(1, len(numbers) + 1)]
    return [f"{target}/{names[numbers.index(scene)]}" for scene in scenes.tolist()]


def _shared(names: Sequence[str]) -> list[str]:
    """The words that all of these names begin with, without the last of a name, which tells videos apart."""
    words = [re.findall(r"[^\W_]+", name) for name in names]
    words = [each[:-1] or each for each in words]
    shared = []
    for same in zip(*words, strict=False):
        if len(set(same)) > 1:
            break
        shared.append(same[0])
    return shared
