"""The alarm line of a camera: set once, on its first seconds, and no lower in false alarms than these can bear.

The highest score of each of n seconds is kept. Were the seconds to come like those, each would be above the k-th
highest of these in k of n + 1 cases at most: that holds whatever scores look like, and nothing is extrapolated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.present.words import digits

HOUR = 3600.0


@dataclass(frozen=True)
class AlarmLine:
    """A score above which a frame is an alarm, and what it rests on."""

    level: float
    rate: float  # false alarms an hour that it allows, at most
    seconds: int  # that it was set on
    above: int  # of these have a score above it

    @property
    def told(self) -> str:
        """One sentence on how much evidence it is."""
        return (
            f"line {digits(self.level)}, set on {self.seconds} s taken for normal, {self.above} of them above it: if "
            f"what comes is like these, up to {self.rate:.3g} false alarms an hour; fewer take a longer " + noun("look")
        )


def least_rate(seconds: int) -> float:
    """False alarms an hour, below which no line can be set by so many seconds."""
    return HOUR / (seconds + 1)


def seconds_for(rate: float) -> int:
    """How many seconds a line of so many false alarms an hour takes, at least."""
    return max(1, math.ceil(HOUR / rate - 1 - 1e-9))


def check_rate(rate: float | None, seconds: int) -> None:
    """Refuse a rate that so many seconds say nothing about.

    Raises:
        InputError: fewer false alarms an hour are asked for than they bear.
    """
    if rate is not None and seconds < seconds_for(rate):
        problem = f"is less than the {least_rate(seconds):.3g} an hour that {seconds} s of looking can tell of"
        fewest = option("false_alarms", math.ceil(least_rate(seconds)))
        fix = "say " + option("look", seconds_for(rate), "s") + ", or " + fewest
        raise InputError(option("false_alarms", rate), problem, fix)


def set_line(highest: Sequence[float], rate: float | None) -> AlarmLine:
    """Set the line by the highest score of each second.

    Args:
        highest: one of each second, at least one.
        rate: false alarms an hour to allow; None: as few as so many seconds bear.

    Raises:
        InputError: they do not bear that rate.
    """
    seconds = len(highest)
    check_rate(rate, seconds)
    allowed = 1 if rate is None else min(seconds, math.floor(rate / HOUR * (seconds + 1) + 1e-9))
    level = float(np.sort(np.asarray(highest, float))[-allowed])
    above = int((np.asarray(highest) > level).sum())
    return AlarmLine(level, allowed * HOUR / (seconds + 1), seconds, above)


class SecondsSeen:
    """The highest score of each second of a stream, as scores come."""

    def __init__(self) -> None:
        self.highest: list[float] = []
        self._second: tuple[int, int] | None = None  # that is not over: connection, and which second of it
        self._most = -math.inf

    def add(self, connection: int, at: float, score: float) -> None:
        """Take the score of a frame, `at` so many seconds of a connection."""
        second = connection, int(at)
        if self._second is not None and second != self._second:
            self.highest.append(self._most)
            self._most = -math.inf
        self._second, self._most = second, max(self._most, score)
