"""Which place a row may have, given what chance does: never one number where several are possible."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from crossvad.evaluation.frames import Values
from crossvad.evaluation.statistics import ahead_level
from crossvad.leaderboard.view import Text

WHAT = (
    "place: the first and the last that a row may have, given which rows are ahead of which by more than chance "
    "(one-sided, at level 0.05 over the number of other rows); rows whose few seeds differ much may have nearly any; "
    "one of a single seed has that of its one fit alone"
)


class Place(NamedTuple):
    """The first and the last place that a row may have."""

    first: int
    last: int

    @property
    def text(self) -> Text:
        """As it is shown: 1 to 4, or 3 where nothing else is possible."""
        return Text(f"{self.first} to {self.last}" if self.last > self.first else str(self.first), -self.first)


def places(aucs: Sequence[float], p: Values) -> list[Place]:
    """The places that rows may have among one another.

    A row is ahead of another by more than chance where a one-sided test at level 0.05 / (n - 1) says so, so that the
    best of all such test sets has a first place of 1 here 95 times in 100 or more.

    Args:
        aucs: of the n rows.
        p: of no difference of every two of them, two-sided, (n, n); NaN where nothing is known.
    """
    count = len(aucs)
    told = p / 2 < ahead_level(count)  # False for NaN
    ahead = [[bool(aucs[one] > aucs[other] and told[one, other]) for other in range(count)] for one in range(count)]
    return [
        Place(1 + sum(ahead[other][one] for other in range(count)), count - sum(ahead[one])) for one in range(count)
    ]


def in_bold(found: Collection[Place]) -> bool:
    """Whether bold type says anything: some rows may be the best, and others may not."""
    return 0 < sum(place.first == 1 for place in found) < len(found)


def summary(best: Sequence[str], found: Collection[Place]) -> str:
    """Say in a line which rows may be the best."""
    count = sum(place.first == 1 for place in found)
    if not in_bold(found):
        return "No row is ahead of another by more than chance." if found else "Nothing can be told apart here."
    rows = "One row" if count == 1 else f"{count} rows"
    return f"{rows} of {len(found)} may be the best: {', '.join(dict.fromkeys(best))}."


def verdict(found: Sequence[Place], why_not: str = "") -> str:
    """Say what bold type says of a table's rows."""
    if why_not:
        return f"Nothing in bold, and no places: {why_not}."
    best = sum(place.first == 1 for place in found)
    if len(found) < 2:
        return ""
    if best == len(found):
        return f"Nothing in bold: of {len(found)} rows none is ahead of another by more than chance."
    rows = "the one row" if best == 1 else f"the {best} of {len(found)} rows"
    return f"Bold: {rows} that no other is ahead of by more than chance; the best is among them, with 95 % confidence."
