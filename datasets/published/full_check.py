"""The check of every frame and every checksum: what `Dataset.check`, which decodes nothing, cannot see."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

from crossvad.datasets.base import SPLITS, Dataset, Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.datasets.readers.frame_folder import FrameFolder


def inspect(
    dataset: Dataset,
    splits: Collection[Split] = SPLITS,
    jobs: int | None = None,
    progress: Callable[[int, int, str], None] = lambda done, of, note: None,
) -> list[Problem]:
    """Decode every frame of these splits, `jobs` (default: one per core) videos at a time, and compare checksums.

    Calls `progress(frames done, of, video)`. Leaves out videos whose length cannot be read: `Dataset.check` tells.
    """
    videos = [
        (split, video, length) for split in splits for video in dataset.videos(split) if (length := _length(video))
    ]
    done, of, telling = 0, sum(length for _, _, length in videos), threading.Lock()

    def check(task: tuple[Split, Video, int]) -> list[Problem]:
        nonlocal done
        split, video, length = task
        problems = [Problem("error", error.where, error.problem, error.fix) for error in damage(video)]
        if not problems and isinstance(dataset, PublishedDataset):
            problems = list(dataset.against_checksum(video, split))
        with telling:
            done += length
            progress(done, of, video.name)
        return problems

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        return [problem for problems in pool.map(check, videos) for problem in problems]


def damage(video: Video) -> Iterator[InputError]:
    """Yield what is wrong with a video's frames: each damaged image of a folder, or a file's first damage."""
    if isinstance(video.source, FrameFolder):
        yield from video.source.damage()
        return
    try:
        for _ in video.source.blocks(None, channels=3):
            pass
    except InputError as error:
        yield error


def _length(video: Video) -> int:
    """Number of frames; 0 where it cannot be read."""
    try:
        return len(video)
    except InputError:
        return 0
