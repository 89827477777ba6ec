"""The check of every frame and every checksum: what `Dataset.check`, which decodes nothing, cannot see."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator

from crossvad.datasets.base import SPLITS, Dataset, Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.published_dataset import PublishedDataset
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.patience import Beat, in_time, out_of_patience, patience


def inspect(
    dataset: Dataset,
    splits: Collection[Split] = SPLITS,
    jobs: int | None = None,
    progress: Callable[[int, int, str], None] = lambda done, of, note: None,
) -> list[Problem]:
    """Decode every frame of these splits, `jobs` (default: one per core) videos at a time, and compare checksums.

    Calls `progress(frames done, of, video)`, also in the midst of one. Leaves out videos whose length cannot be read:
    `Dataset.check` tells.
    """
    videos = [
        (split, video, length) for split in splits for video in dataset.videos(split) if (length := _length(video))
    ]
    done, of, telling, seconds = 0, sum(length for _, _, length in videos), threading.Lock(), patience()
    found: dict[int, list[Problem]] = {}

    def check(number: int, beat: Beat) -> None:
        split, video, length = videos[number]
        left, note = length, video.name

        def alive(frames: int = 0) -> None:
            nonlocal done, left
            beat()
            with telling:
                frames = min(frames, left)
                done, left = done + frames, left - frames
                progress(done, of, note)

        found[number] = [_problem(error) for error in damage(video, alive)]
        if not found[number] and isinstance(dataset, PublishedDataset):
            note = f"checksum of {video.name}"
            found[number] = list(dataset.against_checksum(video, split, alive))
        note = video.name
        alive(left)

    for number in in_time(range(len(videos)), check, jobs or os.cpu_count() or 1, seconds):
        found[number] = [_problem(out_of_patience(videos[number][1].name, seconds))]
    return [problem for number in range(len(videos)) for problem in found[number]]


def damage(video: Video, seen: Callable[[int], None] = lambda frames: None) -> Iterator[InputError]:
    """Yield what is wrong with a video's frames: each damaged image of a folder, or a file's first damage.

    Calls `seen` now and then, with the number of frames since.
    """
    if isinstance(video.source, FrameFolder):
        yield from video.source.damage(lambda: seen(1))
        return
    try:
        for block in video.source.blocks(None, channels=3):
            seen(len(block))
    except InputError as error:
        yield error


def _problem(error: InputError) -> Problem:
    return Problem("error", error.where, error.problem, error.fix)


def _length(video: Video) -> int:
    """Number of frames; 0 where it cannot be read."""
    try:
        return len(video)
    except InputError:
        return 0
