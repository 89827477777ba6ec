"""The frames of a grid: every video decoded once, at the budget's size, and read from the cache ever after."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from crossvad.adapters.options import Budget
from crossvad.datasets.base import Dataset, Footage, Size, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.excerpts import excerpts, shares
from crossvad.datasets.readers.extra_inputs import with_extras
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.patience import Beat, in_time, out_of_patience, patience
from crossvad.execution.progress import Reporter

OPENED_AT_ONCE = 16  # files: most of the time is waiting for a disk


class Unreadable(NamedTuple):
    """A video that cannot be read, and why."""

    video: Video
    error: InputError


def training_videos(source: Dataset, budget: Budget) -> list[Video]:
    """Choose what a budget trains on: a source's training videos, or excerpts of them where there are hours.

    Data sets that are joined share the budget's frames evenly, so that hours of one leave the others room.
    """
    videos = [part.videos("train") for part in source.parts]
    limits = shares([sum(map(len, of_part)) for of_part in videos], budget.source_frames)
    return [part for of_part, limit in zip(videos, limits, strict=True) for part in excerpts(of_part, limit)]


def count_frames(videos: Iterable[Video], reporter: Reporter) -> list[Unreadable]:
    """Open every video once, several at a time, for its length, which is remembered on disk.

    Returns:
        The videos that cannot be opened.
    """
    distinct, seconds = list(dict.fromkeys(videos)), patience()
    refusals: dict[Video, InputError] = {}
    telling, counted = threading.Lock(), itertools.count(1)

    def count(video: Video, beat: Beat) -> None:
        try:
            len(video)
        except InputError as error:
            refusals[video] = error
        beat()  # if nobody waits any more, nothing is told any more
        with telling:
            update(next(counted), len(distinct), video.name)

    with reporter.task("Count frames") as update:
        for video in in_time(distinct, count, OPENED_AT_ONCE, seconds):
            refusals[video] = out_of_patience(video.name, seconds)
    return [Unreadable(video, refusals[video]) for video in distinct if video in refusals]


def stop_at(unreadable: Sequence[Unreadable]) -> None:
    """Raise the first of these errors, if any, with the number of others."""
    if unreadable:
        error, more = unreadable[0].error, len(unreadable) - 1
        others = f" ({more} more videos cannot be read: see bench datasets check)" if more else ""
        raise InputError(error.where, error.problem, error.fix + others)


class Decoder:
    """A frame cache at one budget's size and channels."""

    def __init__(self, cache: FrameCache, budget: Budget) -> None:
        self.cache, self.budget = cache, budget

    @property
    def size(self) -> Size:
        """Height and width of a decoded frame."""
        return self.budget.size, self.budget.size

    def frames(self, video: Video, extra_inputs: Sequence[str] = ()) -> Footage:
        """Open a video's decoded frames (N, H, W, C), uint8, on disk, with the extra inputs of a method beside them.

        Raises:
            InputError: a file is missing, truncated or not a video, or no such extra input can be made.
        """
        frames = self.cache.open(video, self.size, self.budget.channels)
        return with_extras(frames, extra_inputs, lambda: video.source.blocks(None, 3))

    def missing(self, videos: Iterable[Video]) -> list[Video]:
        """List those of the videos that are not decoded yet, each once."""
        return self.cache.missing(dict.fromkeys(videos), self.size, self.budget.channels)

    def bytes(self, video: Video) -> int:
        """Compute the bytes that a decoded video takes on disk."""
        return len(video) * self.budget.size**2 * self.budget.channels

    def fill(self, videos: Iterable[Video], reporter: Reporter, jobs: int | None = None) -> list[Unreadable]:
        """Decode those of the videos that are not cached yet, `jobs` at a time. Returns those that cannot be."""
        with reporter.task("Decode video") as update:
            failed = self.cache.fill(
                list(dict.fromkeys(videos)), self.size, self.budget.channels, jobs, progress=update
            )
        return [Unreadable(video, error) for video, error in failed.items()]
