"""A camera of which frames come, and no score: holes leave too few frames in a row."""

from __future__ import annotations

from crossvad.datasets.wording import noun
from crossvad.live.stream import LiveFrame

PATIENCE = 60.0  # seconds of video without a score, after which it is told


class Drought:
    """The frames since a score last came."""

    def __init__(self) -> None:
        self.longest = 0  # of their runs; that in which the score came does not count
        self._seconds, self._holes, self._in_a_row, self._told = 0.0, 0, 0, False
        self._last: LiveFrame | None = None

    def add(self, frame: LiveFrame, seconds: float) -> None:
        """Take the next frame, which comes so many seconds of video after the one before."""
        self._seconds += seconds
        if self._last is not None and not frame.follows(self._last):
            self._holes, self._in_a_row = self._holes + 1, 0
        self._last, self._in_a_row = frame, self._in_a_row + 1
        if self._holes:
            self.longest = max(self.longest, self._in_a_row)

    def end(self) -> None:
        """A score came."""
        self.longest, self._seconds, self._holes, self._told = 0, 0.0, 0, False

    def news(self, method: str, clip: int, span: int) -> str:
        """What to tell, once in a drought; else nothing.

        Args:
            method: its name.
            clip: frames in a row that it scores.
            span: frames in a row that it adapts to first; 0: it need not.
        """
        needed = max(clip, span)
        if self._told or not self._holes or self.longest >= needed or self._seconds <= PATIENCE:
            return ""
        self._told = True
        takes = f"{method} takes {needed} frames in a row, and no more than {self.longest} came"
        fewer = ", or say fewer " + noun("shots") if span > clip else ""
        return f"{PATIENCE:.0f} s gave no score: {takes}; have the camera send at a fixed rate" + fewer
