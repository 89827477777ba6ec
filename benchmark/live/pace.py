"""Which place each frame of a stream takes: clips are cut of neighbouring places alone, and lost frames leave theirs.

Not every uneven stream loses frames: a sensor of 30 Hz that sends 25 frames a second leaves out every sixth, and a busy
encoder stamps some late. So a step is a hole if it is long for its camera: by half a usual one more than `COMMON` of
the last ones are. Where steps are even, a single lost frame is a hole. Two are everywhere, as no camera's unevenness
is taken to reach `SURE`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

ASSUMED = 1 / 25  # seconds between frames where nothing tells
REMEMBERED = 50  # steps, whose median is the usual one: a camera may change its rate, as many do at dusk
COMMON = 0.95  # share of the remembered steps: one lost frame in 20 or more is how a camera is, and not a loss
SURE = 2.5  # usual steps; what is longer is a hole, however uneven the camera
AT_ONCE = 1 / 200  # seconds; frames that had waited and come together tell no pace
SILENCE = 1.0  # seconds; a stream without stamps comes in bursts, and only what is longer is taken for a hole in it
LONGEST = 10.0  # seconds between time stamps: what is longer, or goes back, is a stream that began anew


@dataclass(frozen=True)
class Step:
    """From one frame to the next."""

    places: int  # 1: the next one; more: frames between them are missing
    seconds: float


class Pace:
    """Follows the time stamps of a stream, or takes frames as they come where there are none."""

    def __init__(self, rate: float | None, stamped: bool = True) -> None:
        """Begin.

        Args:
            rate: the frames per second that the stream claims, if any.
            stamped: whether stamps are the stream's own; else they say when frames came.
        """
        self._stamped = stamped
        self._steps: deque[float] = deque([1 / rate if rate else ASSUMED], maxlen=REMEMBERED)
        self._last: float | None = None

    def step(self, stamp: float | None) -> Step:
        """Say how far a frame is from the one before it, by its time stamp in seconds."""
        usual = median(self._steps)
        last, self._last = self._last, stamp
        if stamp is None or last is None:
            return Step(1, usual)
        passed = stamp - last
        if not 0 < passed < LONGEST:
            return Step(2, usual)
        common = sorted(self._steps)[int(COMMON * len(self._steps))]
        long = min(common + usual / 2, SURE * usual) if self._stamped else max(SILENCE, SURE * usual)
        hole = passed > long
        if passed > AT_ONCE:
            self._steps.append(passed)
        return Step(max(2, round(passed / usual)) if hole else 1, passed)
