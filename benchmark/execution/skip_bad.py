"""`--skip-bad`: training videos that cannot be read are left out, each named and all counted.

Only training videos: a test video that cannot be read stays an error, as scores of the others would be of another
test set.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, FrameSource, Scene, Split, Track
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.readers.excerpts import origin
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.decoding import Decoder, Unreadable, count_frames, training_videos
from crossvad.execution.progress import Reporter
from crossvad.planning.grid import Grid


class Readable(Dataset):
    """A data set without those training videos that cannot be read."""

    def __init__(self, whole: Dataset, bad: dict[FrameSource, InputError]) -> None:
        self.whole, self.bad, self.name = whole, bad, whole.name

    @property
    def parts(self) -> list[Dataset]:
        """The whole data set's parts, without the same videos."""
        return [Readable(part, self.bad) for part in self.whole.parts] if len(self.whole.parts) > 1 else [self]

    def scenes(self, split: Split) -> list[Scene]:
        """The scenes, without the videos that are left out and without scenes that have no other video."""
        if split == "test":
            return self.whole.scenes(split)
        kept = [
            replace(scene, videos=tuple(video for video in scene.videos if video.source not in self.bad))
            for scene in self.whole.scenes("train")
        ]
        return [scene for scene in kept if scene.videos]

    def labels(self, video: str) -> NDArray[np.uint8]:
        """The whole data set's."""
        return self.whole.labels(video)

    def masks(self, video: str) -> NDArray[np.bool_] | None:
        """The whole data set's."""
        return self.whole.masks(video)

    def tracks(self, video: str) -> list[Track] | None:
        """The whole data set's."""
        return self.whole.tracks(video)

    def understood(self) -> list[str]:
        """The whole data set's."""
        return self.whole.understood()

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List the whole data set's problems; those of a video that is left out are warnings."""
        harmless = {(error.where, error.problem) for error in self.bad.values()}
        return [
            replace(problem, severity="warning") if (problem.where, problem.problem) in harmless else problem
            for problem in self.whole.check(splits)
        ]


def without_bad(grid: Grid, reporter: Reporter) -> Grid:
    """Leave the unreadable training videos out of a grid's sources, and of targets of their names. Names the videos.

    Decodes what the sources need, as only that tells which videos are readable.
    """
    decoder = Decoder(FrameCache(), grid.budget)
    sources = [_without_bad(source, decoder, reporter) for source in grid.sources]
    readable = {part.name: part for source in sources for part in (source, *source.parts)}
    return replace(
        grid,
        sources=sources,
        targets=[readable.get(target.name, target) for target in grid.targets],
    )


def _without_bad(source: Dataset, decoder: Decoder, reporter: Reporter) -> Dataset:
    """Leave the unreadable training videos out of one source."""
    bad: dict[FrameSource, InputError] = {}
    kept = Readable(source, bad)
    videos = source.videos("train")
    _leave_out(count_frames(videos, reporter), bad, reporter)
    while unreadable := decoder.fill(training_videos(kept, decoder.budget), reporter):
        _leave_out(unreadable, bad, reporter)  # what is left gives other excerpts, which may lie in other bad parts
    if not bad:
        return source
    reporter.say(f"{source.name}: {len(bad)} of {len(videos)} training videos cannot be read and are left out")
    return kept


def _leave_out(unreadable: list[Unreadable], bad: dict[FrameSource, InputError], reporter: Reporter) -> None:
    """Add videos to those that are left out, and name each."""
    for video, error in unreadable:
        reporter.say(f"left out: {error.where}: {error.problem}")
        bad[origin(video.source)] = error
