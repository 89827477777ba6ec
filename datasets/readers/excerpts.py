"""Excerpts of videos, to learn from when a source is longer than a budget reads, such as UCF-Crime's 128 hours.

An excerpt is a short run of consecutive frames, and a video of its own to whatever comes after. Only its frames are
decoded and cached, so that hours of video cost no more than minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crossvad.datasets.base import Frames, FrameSource, Size, Video
from crossvad.datasets.readers.file_identity import digest

VERSION = 2  # of how excerpts are found in a file; to be raised when the same file would give other frames
LENGTH = 96  # frames: three seconds or so, long enough for few-shot episodes of the longest clips


@dataclass(frozen=True)
class Excerpt:
    """Frames `start` to `stop` of another source."""

    source: FrameSource
    start: int
    stop: int
    source_stamp: str  # taken once for all excerpts of the source

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def identity(self) -> str:
        """The source's identity and the span."""
        return f"{self.source.identity} {self.start}:{self.stop}"

    @property
    def stamp(self) -> str:
        """The source's stamp and the span."""
        return f"{self.source_stamp} {self.start}:{self.stop} version={VERSION}"

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop` of the excerpt. Raises whatever the source raises."""
        end = self.stop if stop is None else min(self.start + stop, self.stop)
        return self.source.blocks(size, channels, self.start + start, end)


def origin(source: FrameSource) -> FrameSource:
    """The source that an excerpt is of; any other source is its own origin."""
    return source.source if isinstance(source, Excerpt) else source


def excerpts(videos: Sequence[Video], limit: int, length: int = LENGTH) -> list[Video]:
    """Cut videos to about `limit` frames in excerpts of `length` frames; the videos themselves if they hold no more.

    Every video gives at least one excerpt and long ones give more, in proportion; where `limit` is too small for that,
    videos spread evenly over the list give one each. Within a video, excerpts lie one in each of equal parts; where
    in it is drawn from the video's identity: the same on every machine, for every method and every seed.
    """
    if sum(map(len, videos)) <= limit:
        return list(videos)
    wanted = max(1, limit // length)
    if wanted < len(videos):
        videos = [videos[index] for index in np.linspace(0, len(videos) - 1, wanted).round().astype(int)]
    total = sum(map(len, videos))
    return [part for video in videos for part in _cut(video, max(1, wanted * len(video) // total), length)]


def shares(wanted: Sequence[int], limit: int) -> list[int]:
    """Share a limit among those that want so much each: evenly, but what one does not want is the others'."""
    given = dict[int, int]()
    for number in sorted(range(len(wanted)), key=lambda number: wanted[number]):
        given[number] = min(wanted[number], (limit - sum(given.values())) // (len(wanted) - len(given)))
    return [given[number] for number in range(len(wanted))]


def _cut(video: Video, count: int, length: int) -> list[Video]:
    """Cut `count` excerpts out of one video, or give the video itself where it is too short for them."""
    if len(video) < count * length or len(video) <= length:
        return [video]
    random = np.random.default_rng(int(digest([video.source.identity])[:16], 16))
    edges = np.linspace(0, len(video), count + 1).astype(int)
    starts = [int(random.integers(low, high - length + 1)) for low, high in pairwise(edges)]
    stamp = video.source.stamp
    return [Video(f"{video.name}@{start}", Excerpt(video.source, start, start + length, stamp)) for start in starts]
