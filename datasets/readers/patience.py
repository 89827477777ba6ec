"""Work on many files by threads, of which one that hangs is given up and named, while the others go on.

No thread can be ended from outside: one that is given up is left to itself, and the process does not wait for it.
"""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from crossvad.datasets.errors import InputError

PATIENCE = 300.0  # seconds without a sign of life; a decoder goes through the whole of a long file to count its frames
OVERSLEPT = 1.0  # seconds
GRACE = 5.0  # seconds that threads have to end when all is stopped

Item = TypeVar("Item")
Beat = Callable[[], None]


class Abandoned(Exception):
    """Nobody waits for this piece of work any more."""


def patience(unsaid: float = PATIENCE) -> float:
    """Seconds that a file may take without a sign of life: $CROSSVAD_PATIENCE, or what counts where that says nothing.

    Raises:
        InputError: that is no number above 0.
    """
    said = os.environ.get("CROSSVAD_PATIENCE") or str(unsaid)
    with suppress(ValueError):
        if 0 < (seconds := float(said)) < math.inf:
            return seconds
    raise InputError(f"CROSSVAD_PATIENCE={said}", "is no number of seconds", "say one above 0, such as 600")


def out_of_patience(where: object, seconds: float) -> InputError:
    """Say of a file that it was given up."""
    fix = "leave it out or re-encode it; a slow disk may need more: CROSSVAD_PATIENCE=SECONDS"
    return InputError(where, f"gave no sign of life for {seconds:.0f} s", fix)


class _Task(threading.Thread, Generic[Item]):
    """One item's work, and when it last showed that it lives."""

    def __init__(self, item: Item, work: Callable[[Item, Beat], None], ended: queue.SimpleQueue[_Task[Item]]) -> None:
        super().__init__(daemon=True)
        self.item, self.work, self.ended = item, work, ended
        self.last, self.abandoned = time.monotonic(), False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do the work, and say so."""
        try:
            self.work(self.item, self.beat)
        except BaseException as error:
            self.error = error
        self.ended.put(self)

    def beat(self) -> None:
        """Show that the work goes on."""
        if self.abandoned:
            raise Abandoned
        self.last = time.monotonic()


def in_time(items: Iterable[Item], work: Callable[[Item, Beat], None], jobs: int, seconds: float) -> list[Item]:
    """Work on items, several at a time. Returns those that were given up.

    Args:
        items: each worked on by a thread.
        work: is given the item, and what to call now and then; that raises `Abandoned` once nobody waits any more.
        jobs: how many at a time.
        seconds: that an item may go without such a call.

    Raises:
        Exception: what the work on an item raised; no more of it is begun then.
    """
    waiting, late = deque(items), []
    ended: queue.SimpleQueue[_Task[Item]] = queue.SimpleQueue()
    running: list[_Task[Item]] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_Task(waiting.popleft(), work, ended))
                running[-1].start()
            asked = time.monotonic()
            due = max(asked, min(task.last for task in running) + seconds)
            with suppress(queue.Empty):
                task = ended.get(timeout=due - asked)
                if task in running:
                    running.remove(task)
                    if task.error is not None:
                        raise task.error
            if time.monotonic() > due + OVERSLEPT:  # this process was stopped, and they with it
                for task in running:
                    task.last = time.monotonic()
            for task in [each for each in running if time.monotonic() - each.last > seconds]:
                task.abandoned = True
                running.remove(task)
                late.append(task.item)
    finally:
        for task in running:
            task.abandoned = True
        until = time.monotonic() + GRACE
        for task in running:
            task.join(max(0.0, until - time.monotonic()))
    return late
