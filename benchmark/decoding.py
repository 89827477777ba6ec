"""The frames of a grid: every video decoded once, at the budget's size, and read from the cache ever after."""

from __future__ import annotations

from collections.abc import Iterable

from crossvad.adapters.base import Budget
from crossvad.datasets.base import Frames, Video
from crossvad.datasets.cache import FrameCache
from crossvad.progress import Reporter


class Decoder:
    """A frame cache seen at one budget's size and channels."""

    def __init__(self, cache: FrameCache, budget: Budget) -> None:
        self.cache, self.budget = cache, budget

    def frames(self, video: Video) -> Frames:
        """The video's frames (N, H, W, C), uint8, memory-mapped.

        Raises:
            InputError: a file is missing, truncated or not what it seems.
        """
        return self.cache.open(video, (self.budget.size, self.budget.size), self.budget.channels)

    def fill(self, videos: Iterable[tuple[str, Video]], reporter: Reporter) -> None:
        """Decode what the cache lacks of these videos, each given with the name of its data set. Raises as `frames`."""
        wanted = list(dict.fromkeys(videos))
        with reporter.task("Decode video") as update:
            for done, (dataset, video) in enumerate(wanted):
                update(done, len(wanted), f"{dataset} {video.name}")
                self.frames(video)
            update(len(wanted), len(wanted), "")
