"""A run that is stopped from outside: by ctrl-C, by SIGTERM as schedulers send it, or as its time is up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class TimeUp(KeyboardInterrupt):
    """The time that a run was given is over."""


class WatchCut(KeyboardInterrupt):
    """A watch was stopped a second time, before it had ended."""


def heed_termination(*others: signal.Signals) -> None:
    """Have SIGTERM, and other signals, stop this process as ctrl-C does: what is done is kept, and said."""
    for number in (signal.SIGTERM, *others):
        signal.signal(number, _interrupt)


@contextmanager
def limited_to(seconds: float | None) -> Iterator[None]:
    """Stop what is done within by a `TimeUp` once so many seconds are over; None: never. In the main thread alone."""
    if seconds is None:
        yield
        return
    before = signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def stopped_by(stop: Callable[[], None]) -> Iterator[None]:
    """Have the first ctrl-C or SIGTERM within call `stop`, and the next do what it did before; in the main thread."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def once(number: int, frame: FrameType | None) -> None:
        restore()
        stop()

    for number in numbers:
        signal.signal(number, once)
    try:
        yield
    finally:
        restore()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough: what comes of it must not be interrupted
    raise KeyboardInterrupt


def _time_is_up(number: int, frame: FrameType | None) -> NoReturn:
    raise TimeUp
