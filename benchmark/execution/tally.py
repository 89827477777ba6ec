"""How far a run is, cell by cell, for its user."""

from __future__ import annotations

import time
from collections.abc import Sequence

from crossvad.execution.progress import Reporter
from crossvad.planning.cell import Cell


class Tally:
    """Tells which cells are begun, and how long the others may take."""

    def __init__(self, total: int, reporter: Reporter) -> None:
        self.total, self.reporter = total, reporter
        self._begun = self._done = 0
        self._started = time.monotonic()
        reporter.reached(0, total)

    def begin(self, cells: Sequence[Cell]) -> None:
        """Name cells that are begun."""
        for cell in cells:
            self._begun += 1
            self.reporter.say(f"[{self._begun}/{self.total}] {cell}")
        if self._done:
            left = (time.monotonic() - self._started) * (self.total - self._done) / self._done / 60
            about = f"about {left:.0f} min" if left >= 1 else "less than a minute"
            self.reporter.say(f"  {about} left for all of them")

    def end(self, cells: Sequence[Cell]) -> None:
        """Count cells as done."""
        self._done += len(cells)
        self.reporter.reached(self._done, self.total)
