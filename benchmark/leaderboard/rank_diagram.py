"""The critical-difference diagram: mean ranks on a line each, with half the critical difference to either side.

Two rows are told apart where their bars do not overlap. Demšar's diagram (JMLR 2006) joins rows on one line by bars;
with forty rows nobody can follow those.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from crossvad.datasets.words import number_of
from crossvad.leaderboard.mean_ranks import WAY, Ranks
from crossvad.leaderboard.view import adaptation_text
from crossvad.present.labels import label

WIDTH, NAMES, LINE, TOP = 720, 300, 20, 30  # in the units of the drawing
LETTERS = 46  # of a name, at most: the table beside has it whole


@dataclass(frozen=True)
class DiagramRow:
    """A row of the diagram."""

    name: str
    whole: str
    y: float
    x: float
    low: float
    high: float
    best: bool


@dataclass(frozen=True)
class Diagram:
    """Where everything of a diagram stands."""

    width: int
    height: float
    ticks: list[tuple[float, int]]
    rows: list[DiagramRow]
    limit: float  # the right end of the first row's bar, beyond which bars that begin are told apart from it
    title: str


def diagram(ranks: Ranks) -> Diagram:
    """Lay out the diagram of some mean ranks."""
    half = ranks.difference / 2
    low, high = floor(ranks.means[0] - half), ceil(ranks.means[-1] + half)
    step = max(1, ceil((high - low) / 10))

    def x(rank: float) -> float:
        return round(NAMES + 10 + (rank - low) / (high - low) * (WIDTH - NAMES - 20), 1)

    rows = []
    for number, (way, mean) in enumerate(zip(ranks.ways, ranks.means, strict=True)):
        line = dict(zip(WAY, way, strict=True))
        adapted = f", {adaptation_text(line['tuning'], line['shots'], line['steps']).text}" if line["shots"] else ""
        named = label(line["method"])
        whole = f"{line['method']}{adapted}"
        name = f"{named.name}{'[…]' if named.details else ''}{adapted}" if len(whole) > LETTERS else whole
        y = TOP + LINE * (number + 0.5)
        best = mean - ranks.means[0] <= ranks.difference < ranks.means[-1] - ranks.means[0]
        rows.append(
            DiagramRow(name[:LETTERS], f"{whole}: {mean:.2f}", y, x(mean), x(mean - half), x(mean + half), best)
        )
    height = TOP + LINE * len(rows) + 6
    ticks = [(x(rank), rank) for rank in range(1, high + 1, step) if rank >= low]
    targets = number_of(len(ranks.targets), "target")
    title = f"Mean ranks of {len(rows)} rows over {targets}; bars: half the critical difference"
    return Diagram(WIDTH, height, ticks, rows, x(ranks.means[0] + half), title)
