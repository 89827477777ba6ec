"""Mean ranks over targets, with the critical difference below which two of them say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crossvad.datasets.words import number_of
from crossvad.evaluation.comparison import by_target
from crossvad.evaluation.statistics import LEVEL, average_ranks, critical_difference
from crossvad.leaderboard.blocks import largest_block
from crossvad.leaderboard.view import Column, Row, Table, Text, adaptation_text, method_text, page_of
from crossvad.present.report_boards import RANKED, Key
from crossvad.present.words import CONTROLS, controls

WAY = ["method", "tuning", "shots", "steps"]
COLUMNS = [
    Column("method", "method", descending=False),
    Column("adaptation", "adaptation", descending=False),
    Column("mean rank", "auc", descending=False),
]


@dataclass(frozen=True)
class Ranks:
    """The mean ranks of one budget's rows, best first."""

    budget: str
    ways: list[Key]  # method, tuning, shots, steps
    means: list[float]  # 1: best
    difference: float  # two means that differ by less say nothing
    pairs: list[tuple[str, str]]  # sources and targets
    table: Table
    summary: str  # which rows may be the best, in a line

    @property
    def targets(self) -> list[str]:
        """What is ranked over: a target's sources count as one."""
        return list(dict.fromkeys(target for _, target in self.pairs))

    @property
    def page(self) -> str:
        """The name of its page."""
        return page_of("ranks", self.budget)


def ranks(counted: pd.DataFrame) -> list[Ranks]:
    """Rank the rows of each budget over the largest block of rows and pairs from which none is missing.

    A row is ranked on each target by its mean AUC over the sources that all rows have there: a target is one data set,
    whatever was learned from. Over one target alone there is no mean rank. A target without training video has
    its first test video for a support set, which counts as the same way to adapt.

    Args:
        counted: rows of `comparison.counted`.
    """
    found = []
    for budget, cells in counted[~controls(counted["method"])].groupby("budget"):
        auc = cells.assign(auc=[wins.auc for wins in cells["wins"]]).groupby([*WAY, "source", "target"])["auc"].mean()
        wide = auc.dropna().unstack(["source", "target"])
        has = {way: set(wide.columns[row.notna().to_numpy()]) for way, row in zip(wide.index, _rows(wide), strict=True)}
        ways, pairs = largest_block(has, lambda pairs: len({pair[1] for pair in pairs}) > 1)
        if not 2 <= len(ways) <= RANKED:
            continue
        block = wide.loc[sorted(ways), sorted(pairs)]
        targets = by_target(block)
        means = average_ranks(targets.to_numpy().T)
        gap = critical_difference(len(block), targets.shape[1], LEVEL)
        found.append(_ranks(str(budget), block, means, gap, len(wide)))
    return found


def _rows(wide: pd.DataFrame) -> list[pd.Series]:
    return [wide.iloc[number] for number in range(len(wide))]


def _ranks(budget: str, block: pd.DataFrame, means: np.ndarray, gap: float, known: int) -> Ranks:
    order = np.argsort(means, kind="stable")
    ways, sorted_means = [block.index[place] for place in order], [float(means[place]) for place in order]
    best = [mean - sorted_means[0] <= gap for mean in sorted_means]
    rows = []
    for way, mean, near in zip(ways, sorted_means, best, strict=True):
        line = dict(zip(WAY, way, strict=True))
        cells = [
            method_text(line["method"], page_of("method", line["method"])),
            adaptation_text(line["tuning"], line["shots"], line["steps"]),
            Text(f"{mean:.2f} ± {gap / 2:.2f}", mean),
        ]
        rows.append(Row(cells, near and not all(best)))
    names = dict.fromkeys(str(way[0]) for way, near in zip(ways, best, strict=True) if near)
    pairs = [(str(pair[0]), str(pair[1])) for pair in block.columns]
    told, targets = ", ".join(f"{source} → {target}" for source, target in pairs), {target for _, target in pairs}
    caption = (
        f"mean rank by AUC over {number_of(len(targets), 'target')}, on each the mean over its sources, 1: best "
        f"({told}); budget {budget}; {len(ways)} of {known} rows, those that have all of these pairs; two rows whose "
        f"± overlap are not told apart: critical difference {gap:.2f} (Nemenyi, over targets, at level "
        f"{1 - LEVEL:.2f}); {' and '.join(CONTROLS)} are not ranked"
    )
    told = f"{sum(best)} of {len(rows)} rows are within the critical difference of the first"
    verdict, brief = f"Bold: {told}.", f"{told}: {', '.join(names)}."
    if all(best):
        verdict = brief = f"None of {len(rows)} rows is ahead of another beyond the critical difference."
    table = Table(f"Mean ranks, {budget}", COLUMNS, rows, caption, verdict)
    return Ranks(budget, ways, sorted_means, gap, pairs, table, brief)
