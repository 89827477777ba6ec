"""How far a run is, cell by cell, for its user."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from crossvad.datasets.words import duration, number_of
from crossvad.execution.progress import Reporter
from crossvad.planning.cell import Cell


class Tally:
    """Tells which cells are begun, and how long the others may take, by what those before them took.

    A training takes minutes and a cell seconds, and the first cells wait for trainings: the two are timed apart. Time
    that passes counts for what it ends with. Where several processes are at work, what ends at once shares it.
    """

    def __init__(self, total: int, reporter: Reporter, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.reporter, self.clock = total, reporter, clock
        self._begun = self._done = 0
        self._waiting: dict[Cell, set[str]] = {}  # for which trainings, by their keys
        self._took: dict[str, list[float]] = {"training": [], "cell": []}  # seconds each, of those that were timed
        self._last = clock()
        reporter.reached(0, total)

    def expect(self, trainings: Mapping[Cell, Collection[str]]) -> None:
        """Take in which trainings cells wait for, by their keys; from now on time is taken."""
        self._waiting = {cell: {*keys} for cell, keys in trainings.items()}
        self._last = self.clock()

    def begin(self, cells: Sequence[Cell]) -> None:
        """Name cells that are begun, and say how long all that are left may take, if anything tells."""
        for cell in cells:
            self._begun += 1
            self.reporter.say(f"[{self._begun}/{self.total}] {cell}")
        if told := self._left():
            self.reporter.say(f"  {told}")

    def trained(self, key: str) -> None:
        """Count a training as made."""
        self._time("training", 1)
        for keys in self._waiting.values():
            keys.discard(key)

    def end(self, cells: Sequence[Cell]) -> None:
        """Count cells as done."""
        if timed := [cell for cell in cells if self._waiting.pop(cell, None) is not None]:
            self._time("cell", len(timed))
        self._done += len(cells)
        left, each = self._work()
        known = "cell" in each and all(what in each for what, count in left.items() if count)
        seconds = sum(count * each[what] for what, count in left.items() if count) if known else None
        self.reporter.reached(self._done, self.total, seconds)

    def _time(self, what: str, count: int) -> None:
        now = self.clock()
        self._took[what] += [(now - self._last) / count] * count
        self._last = now

    def _work(self) -> tuple[dict[str, int], dict[str, float]]:
        """How many trainings and cells are left, and how many seconds one takes where any has been timed."""
        left = {"training": len(set().union(*self._waiting.values())), "cell": len(self._waiting)}
        return left, {what: sum(took) / len(took) for what, took in self._took.items() if took}

    def _left(self) -> str:
        """What is left and how long it may take; nothing, if no cell has been timed."""
        left, each = self._work()
        if "cell" not in each or not left["cell"]:
            return ""
        parts = [
            f"{number_of(count, what)} of {_about(each[what])}"
            for what, count in left.items()
            if count and what in each
        ]
        total = sum(count * each.get(what, 0.0) for what, count in left.items())
        told = f"{_about(total)} left: {', '.join(parts)}"
        if left["training"] and "training" not in each:
            told += f"; and {number_of(left['training'], 'training')}, of which none has been timed yet"
        return told


def _about(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds >= 1 else "less than 1 s"
