"""Small frames of stored cells' test videos, where the data is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from crossvad.datasets.base import Frames, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import resized

WIDEST = 16  # times as wide as high


class Thumbnails:
    """Frames of targets' test videos by name, `height` pixels high, in their own shape and in colour."""

    def __init__(self, root: Path, height: int = 96) -> None:
        """Look for targets below the data root."""
        self.root, self.height = root, height
        self._videos = cache(self._open)

    def frames(self, target: str, video: str, wanted: Sequence[int]) -> list[Frames] | None:
        """Read these frames of a test video, uint8 (h, w, 3) each; None where the target or that video is not at hand.

        What is not at hand is nothing to stop for: scores are stored, and footage may lie elsewhere.
        """
        from crossvad.planning.registry import as_given  # here, as it loads torch: completing an option waits for none

        try:
            source = self._videos(as_given(target)).get(video)
            return None if source is None else self._read(source, wanted)
        except (InputError, KeyError):
            return None

    def _open(self, target: str) -> dict[str, Video]:
        """Open the test videos of a target by name; none where it cannot be opened, or is known by its name alone."""
        from crossvad.planning.registry import get_dataset

        try:
            return {video.name: video for video in get_dataset(target, self.root).videos("test")}
        except InputError:
            return {}

    def _read(self, video: Video, wanted: Sequence[int]) -> list[Frames]:
        """Read frames in one pass, as most sources can only be read in order."""
        frames: dict[int, Frames] = {}
        position = min(wanted)
        for block in video.source.blocks(None, 3, position, max(wanted) + 1):
            high, wide = block.shape[1:3]
            size = self.height, min(max(1, round(self.height * wide / high)), WIDEST * self.height)
            indices = [index for index in range(len(block)) if position + index in wanted]
            if indices:
                small = resized(block[indices], size)
                frames |= {position + index: frame for index, frame in zip(indices, small, strict=True)}
            position += len(block)
        return [frames[number] for number in wanted]
