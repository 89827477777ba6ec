"""Clips of frames as they come: T consecutive ones each, and none across a hole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Frames
from crossvad.datasets.clips import ClipSpec, clip_count
from crossvad.live.stream import LiveFrame


@dataclass(frozen=True)
class Run:
    """Frames that follow one another, and the clips of them that nobody has had yet."""

    frames: Sequence[LiveFrame]
    clips: int  # one frame apart, from the first frame on

    @property
    def pixels(self) -> Frames:
        """The frames (N, H, W, C)."""
        return np.stack([frame.small for frame in self.frames])


class Windows:
    """Keeps the last T - 1 frames, as clips begin in what came before."""

    def __init__(self, clip: ClipSpec) -> None:
        self.clip = clip
        self.holes = 0
        self._kept: list[LiveFrame] = []
        self._last: LiveFrame | None = None  # of all; of clips of one frame none is kept

    def runs(self, frames: Sequence[LiveFrame]) -> Iterator[Run]:
        """Split what came into runs, the first of which goes on from what came before."""
        for frame in frames:
            if self._last is not None and not frame.follows(self._last):
                self.holes += 1
                if (run := self._run()).clips:
                    yield run
                self._kept = []
            self._kept.append(frame)
            self._last = frame
        if (run := self._run()).clips:
            yield run
            self._kept = self._kept[len(self._kept) - self.clip.frames + 1 :]

    def _run(self) -> Run:
        return Run(self._kept, clip_count(len(self._kept), self.clip))


def chosen(clips: int, most: int | None) -> NDArray[np.int64]:
    """Which of some clips are scored: all of them, or `most` as evenly spread as can be, the last one among them."""
    if most is None or clips <= most:
        return np.arange(clips)
    return np.linspace(clips - 1, 0, most).round().astype(np.int64)[::-1] if most > 1 else np.array([clips - 1])
