"""Lines handed on by a thread of its own, so that nobody who takes them slowly keeps a camera waiting."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from crossvad.datasets.words import number_of

LAST_WORDS = 10.0  # seconds that are left for what waits when the watch is over
CUT_SHORT = 1.0  # likewise, when it is cut


class Handing(threading.Thread, ABC):
    """Hands lines on. That it fails is told once, until all that waits is handed on; lost lines are counted."""

    most = 100  # lines that wait; then the oldest gives way

    def __init__(self, taker: str, done: str, tell: Callable[[str], None]) -> None:
        """Begin.

        Args:
            taker: who takes the lines.
            done: what is done to a line that is handed on, such as posted.
            tell: called with what an operator should know, also from a thread of its own.
        """
        super().__init__(daemon=True, name=taker)
        self._taker, self._done, self._tell, self._failing = taker, done, tell, False
        self._given = self._taken = 0  # lines: that were to be handed on, and that were taken
        self._waiting: queue.Queue[str | None] = queue.Queue(self.most)
        self.over = threading.Event()  # nothing more comes: what waits should not be dwelt on
        self.start()

    @abstractmethod
    def handed(self, line: str) -> str:
        """Hand a line on, however long that takes; returns what to tell of why it could not be, or nothing."""

    def put(self, line: str) -> None:
        """Have a line handed on soon; returns at once."""
        self._given += 1
        while True:
            try:
                self._waiting.put_nowait(line)
                return
            except queue.Full:
                self._forget_one()

    def close(self, cut: bool = False) -> None:
        """Hand on what waits, if that takes no more than some seconds, fewer if the watch is cut; tell what was not."""
        self.over.set()
        if self._waiting.full():
            self._forget_one()
        self._waiting.put_nowait(None)
        self.join(CUT_SHORT if cut else LAST_WORDS)
        if self._lost:
            self._tell(f"{self._taker}: {self._lost}")

    def run(self) -> None:
        """Hand on what comes, in order."""
        while (line := self._waiting.get()) is not None:
            if problem := self.handed(line):
                self._fails(problem)
                continue
            self._taken += 1
            if self._failing and self._waiting.empty():
                self._failing = False
                self._tell(f"{self._taker} takes alarms again{self._lost and '; ' + self._lost}")

    @property
    def _lost(self) -> str:
        lost = self._given - self._taken
        return f"not {self._done} so far: {lost:,} of {number_of(self._given, 'line')} of JSON" if lost else ""

    def _fails(self, how: str) -> None:
        if not self._failing:
            self._failing = True
            self._tell(f"{self._taker} {how}")

    def _forget_one(self) -> None:
        with suppress(queue.Empty):
            self._waiting.get_nowait()
            self._fails(f"is too slow: the oldest of {self.most} lines that wait is left out")
