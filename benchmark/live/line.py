"""The alarm line of a camera: set once, on its first seconds, and no lower in false alarms than these can bear.

The highest score of each of n seconds is kept. Were the seconds to come like those, each would be above the k-th
highest of these in k of n + 1 cases at most: that holds whatever scores look like, and nothing is extrapolated.

A second in which more frames are scored has a higher highest score. So seconds that did not come whole are no evidence,
and once a line is set no more frames a second are scored than it was set on.
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
SAVED = 2.5  # scores that may come later than they are due: frames do so, too


@dataclass(frozen=True)
class AlarmLine:
    """A score above which a frame is an alarm, and what it rests on."""

    level: float
    rate: float  # false alarms an hour that it allows, at most
    seconds: int  # that it was set on
    above: int  # of these have a score above it
    share: float = 1.0  # of the frames of these seconds that could be scored were

    @property
    def told(self) -> str:
        """One sentence on how much evidence it is."""
        percent = min(99, max(1, round(100 * self.share)))
        share = f"; {percent} % of the frames were scored, and no more a second will be"
        return (
            f"line {digits(self.level)}, set on {self.seconds} s taken for normal, {self.above} of them above it: if "
            f"what comes is like these, up to {self.rate:.3g} false alarms an hour; fewer take a longer "
            + noun("look")
            + (share if self.share < 1 else "")
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


def set_line(highest: Sequence[float], rate: float | None, share: float = 1.0) -> AlarmLine:
    """Set the line by the highest score of each second.

    Args:
        highest: one of each second, at least one.
        rate: false alarms an hour to allow; None: as few as so many seconds bear.
        share: of the frames that could be scored were.

    Raises:
        InputError: they do not bear that rate.
    """
    seconds = len(highest)
    check_rate(rate, seconds)
    allowed = 1 if rate is None else min(seconds, math.floor(rate / HOUR * (seconds + 1) + 1e-9))
    level = float(np.sort(np.asarray(highest, float))[-allowed])
    above = int((np.asarray(highest) > level).sum())
    return AlarmLine(level, allowed * HOUR / (seconds + 1), seconds, above, share)


class SecondsSeen:
    """The highest score of each whole second of a stream, as scores come.

    Not of the first and the last one of a connection, nor of the last one before a gap: they are whole by chance.
    """

    def __init__(self) -> None:
        self.highest: list[float] = []
        self._scores = 0  # in these seconds
        self._second: tuple[int, int] | None = None  # that is not over: connection, and which second of it
        self._whole = False  # whether that began after its connection did
        self._pace = math.inf  # the fewest seconds from one with a score to the next: 1 unless frames are rarer
        self._now: list[float] = []

    def add(self, connection: int, at: float, score: float) -> None:
        """Take the score of a frame, `at` so many seconds of a connection."""
        second = connection, int(at)
        if second != self._second:
            goes_on = self._second is not None and connection == self._second[0]
            if self._second is not None and goes_on:
                passed = second[1] - self._second[1]
                self._pace = min(self._pace, passed)
                goes_on = passed <= self._pace
            if self._whole and goes_on:
                self.highest.append(max(self._now))
                self._scores += len(self._now)
            self._second, self._whole, self._now = second, goes_on, []
        self._now.append(score)

    @property
    def density(self) -> float:
        """Scores a second, of the seconds that count; there is one at least."""
        return self._scores / len(self.highest)


class NoDenser:
    """Chooses which frames are scored: evenly, and in the long run no more a second than a line was set on."""

    def __init__(self, density: float) -> None:
        self.density = density  # scores a second
        self._connection, self._last, self._due = 0, 0.0, 0.0

    def allows(self, connection: int, at: float) -> bool:
        """Whether the next frame is to be scored, `at` so many seconds of a connection."""
        if connection != self._connection:
            self._connection, self._last, self._due = connection, at, 0.5
        self._due = min(SAVED, self._due + (at - self._last) * self.density)
        self._last = at
        due = self._due > 0.5 - 1e-6
        self._due -= due
        return due
