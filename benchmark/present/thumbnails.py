"""Small frames of stored cells' test videos, where the data is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from crossvad.datasets.base import Frames, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import resized
from crossvad.planning.registry import get_dataset


class Thumbnails:
    """Frames of targets' test videos by name, `height` pixels high, in their own shape and in colour."""

    def __init__(self, root: Path, height: int = 96) -> None:
        """Look for targets below the data root."""
        self.root, self.height = root, height
        self._videos = cache(self._open)

    def frames(self, target: str, video: str, wanted: Sequence[int]) -> list[Frames] | None:
        """These frames of a test video, uint8 (h, w, 3) each; None where the target or that video is not at hand.

        What is not at hand is nothing to stop for: scores are stored, and footage may lie elsewhere.
        """
        found = self._videos(target).get(video)
        try:
            return None if found is None else self._read(found, wanted)
        except (InputError, KeyError):
            return None

    def _open(self, target: str) -> dict[str, Video]:
        """The test videos of a target by name; none where it cannot be opened, or is known by its name alone."""
        try:
            scenes = get_dataset(target, self.root).scenes("test")
        except InputError:
            return {}
        return {video.name: video for scene in scenes for video in scene.videos}

    def _read(self, video: Video, wanted: Sequence[int]) -> list[Frames]:
        """In one pass, as most sources can only be read in order."""
        found: dict[int, Frames] = {}
        position = min(wanted)
        for block in video.source.blocks(None, 3, position, max(wanted) + 1):
            high, wide = block.shape[1:3]
            size = self.height, max(1, round(self.height * wide / high))
            places = [place for place in range(len(block)) if position + place in wanted]
            if places:
                small = resized(block[places], size)
                found |= {position + place: frame for place, frame in zip(places, small, strict=True)}
            position += len(block)
        return [found[number] for number in wanted]
