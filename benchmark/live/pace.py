"""Which place of evenly spaced ones each frame of a stream takes: clips are cut of neighbouring places alone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

ASSUMED = 1 / 25  # seconds between frames where nothing tells
REMEMBERED = 50  # steps, whose median is the usual one: a camera may change its rate, as many do at dusk
LONGEST = 10.0  # seconds between time stamps: what is longer, or goes back, is a stream that began anew


@dataclass(frozen=True)
class Step:
    """From one frame to the next."""

    places: int  # 1: the next one; more: frames between them are missing
    seconds: float


class Pace:
    """Follows the time stamps of a stream, or takes frames as they come where there are none."""

    def __init__(self, rate: float | None) -> None:
        """Begin with the frames per second that the stream claims, if any."""
        self._steps: deque[float] = deque([1 / rate] if rate else [], maxlen=REMEMBERED)
        self._last: float | None = None

    def step(self, stamp: float | None) -> Step:
        """Say how far a frame is from the one before it, by its time stamp in seconds."""
        usual = median(self._steps) if self._steps else ASSUMED
        last, self._last = self._last, stamp
        if stamp is None or last is None:
            return Step(1, usual)
        passed = stamp - last
        if not 0 < passed < LONGEST:
            return Step(2, usual)
        self._steps.append(passed)
        return Step(max(1, round(passed / usual)), passed)
