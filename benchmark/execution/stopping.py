"""A run that is stopped from outside: by ctrl-C, SIGTERM as schedulers send it, a closed terminal, or its time."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

OF_TERMINAL = (signal.SIGINT, signal.SIGHUP)  # what all processes of a run hear, of which one is to deal with it


class TimeUp(KeyboardInterrupt):
    """The time that a run was given is over."""


class WatchCut(KeyboardInterrupt):
    """A watch was stopped a second time, before it had ended."""


def heed_termination(*others: signal.Signals) -> None:
    """Have SIGTERM, SIGHUP and other signals stop this process as ctrl-C does: what is done is kept, and said.

    SIGHUP, which comes when the terminal is closed, stays ignored where it is, as under nohup.
    """
    ending = [signal.SIGTERM, *others]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        ending.append(signal.SIGHUP)

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for each in ending:
            signal.signal(each, signal.SIG_IGN)  # once is enough: what comes of it must not be interrupted
        leave_closed_terminal()
        raise KeyboardInterrupt

    for number in ending:
        signal.signal(number, interrupt)


def leave_closed_terminal() -> None:
    """Have what is written to a terminal that is gone go nowhere, lest each word of a stop fails in its turn."""
    for stream in (1, 2):
        try:
            os.ttyname(stream)
        except OSError as error:
            if error.errno == errno.EIO:  # and not of a file or a pipe
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


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
    """Have the first ctrl-C, SIGTERM or SIGHUP within call `stop`; in the main thread.

    The next ctrl-C or SIGTERM does what it did before, the next SIGHUP nothing; under nohup no SIGHUP does.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def once(number: int, frame: FrameType | None) -> None:
        before[signal.SIGHUP] = signal.SIG_IGN  # a shell that ends passes on what the terminal has sent already
        restore()
        leave_closed_terminal()
        stop()

    for number, handler in before.items():
        if (number, handler) != (signal.SIGHUP, signal.SIG_IGN):
            signal.signal(number, once)
    try:
        yield
    finally:
        restore()


def _time_is_up(number: int, frame: FrameType | None) -> NoReturn:
    raise TimeUp
