"""How cameras do, on the terminal: a line each that stays and changes, or plain lines once a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table

from crossvad.execution.progress import Reporter
from crossvad.live.camera_watch import CameraWatch
from crossvad.present.terminal import plain_table
from crossvad.present.words import digits

EVERY, PLAIN_EVERY = 0.5, 60.0  # seconds
COLUMNS = ("camera", "state", "frames/s", "score", "line", "alarms", "unscored", "holes")


class Rates:
    """Frames a second of each camera since it was last asked for."""

    def __init__(self, watches: Sequence[CameraWatch]) -> None:
        self._then = time.monotonic()
        self._frames = {watch.name: watch.frames for watch in watches}
        self.rates = dict.fromkeys(self._frames, 0.0)

    def measure(self, watches: Sequence[CameraWatch]) -> None:
        """Measure anew."""
        now = time.monotonic()
        for watch in watches:
            fresh = (watch.frames - self._frames[watch.name]) / (now - self._then)
            self.rates[watch.name] += 0.3 * (fresh - self.rates[watch.name]) if self.rates[watch.name] else fresh
            self._frames[watch.name] = watch.frames
        self._then = now


def row(watch: CameraWatch, rate: float) -> list[str]:
    """Say how a camera does, column by column: see `COLUMNS`."""
    return [
        watch.name,
        watch.state,
        f"{rate:.1f}",
        "–" if watch.score is None else digits(watch.score),
        "–" if watch.line is None else digits(watch.line.level),
        "–" if watch.alarms is None else str(watch.alarms.count),
        f"{100 * watch.unscored / max(1, watch.frames):.0f} %",
        str(watch.windows.holes),
    ]


@contextmanager
def board(watches: Sequence[CameraWatch], reporter: Reporter) -> Iterator[Callable[[], None]]:
    """Show how cameras do whenever what this yields is called and the time has come."""
    if reporter.quiet:
        yield lambda: None
        return
    rates = Rates(watches)
    last = time.monotonic()

    def due(every: float) -> bool:
        nonlocal last
        if time.monotonic() - last < every:
            return False
        last = time.monotonic()
        rates.measure(watches)
        return True

    def table() -> Table:
        return plain_table(COLUMNS, [row(watch, rates.rates[watch.name]) for watch in watches])

    if not reporter.console.is_terminal:

        def tell() -> None:
            if due(PLAIN_EVERY):
                for watch in watches:
                    name, state, rate, score, line, alarms, *_ = row(watch, rates.rates[watch.name])
                    reporter.say(f"{name}: {state}, {rate} frames/s, score {score}, line {line}, alarms {alarms}")

        yield tell
        return
    # What is printed meanwhile appears above it; where alarms go to a file or a pipe, they are left alone.
    with Live(
        table(),
        console=reporter.console,
        auto_refresh=False,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=False,
    ) as live:

        def show() -> None:
            if due(EVERY):
                live.update(table(), refresh=True)

        yield show
        rates.measure(watches)
        live.update(table(), refresh=True)
