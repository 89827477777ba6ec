"""Tables: tidy rows turned so that a reader sees what they came for. A missing cell prints as –, never as a mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError
from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.frames import Values
from crossvad.evaluation.metrics import METRICS
from crossvad.evaluation.rows import DISTINGUISHING, committed_among_own, spread_unadapted
from crossvad.evaluation.selection import KEYS
from crossvad.planning.names import did_you_mean
from crossvad.present.words import NUMBERS, named

MISSING = "–"
REVERTED = "†"  # marks a cell in which some adaptation was taken back
COMMITTED = "‡"  # marks a committed cell among one's own
STUCK = "§"  # marks a cell of which some cue is one and the same extreme value for many frames
TRANSDUCTIVE = "¶"  # marks a cell whose frames are ranked by the whole test video
# Which column, of shares or truths, says where a mark is due.
MARKS = {REVERTED: "reverted", STUCK: "stuck", TRANSDUCTIVE: "transductive", COMMITTED: "committed"}
BETTER, WORSE = "↑", "↓"  # than a named rival, by more than chance
SIGNS = {1: f" {BETTER}", -1: f" {WORSE}"}
RANK = "mean rank"
FINE = 1.0  # seconds, below which they are told to the thousandth


def pivot(rows: pd.DataFrame, index: list[str], columns: list[str], metric: str = "auc") -> pd.DataFrame:
    """Turn tidy rows into a table of text: `index` down, `columns` across, `metric` in percent in the cells.

    A key that varies within a cell of the table, other than the seed, becomes one more index level, so that no two
    things are ever mixed. Over seeds a cell is the mean ± standard deviation; for one seed it is the value with its
    interval, where the metric has one. Rows may have a column `sign`: 1 or -1 where their entry is better or
    worse than a rival by more than chance, which a mark then shows.

    Raises:
        InputError: an unknown metric or key.
    """
    for name, names in [(metric, METRICS), *((key, KEYS) for key in [*index, *columns])]:
        if name not in names:
            raise InputError(name, "is no such column", f"{did_you_mean(name, names)}choose from {', '.join(names)}")
    needed = [*KEYS, metric, *METRICS[metric].interval, *MARKS.values(), "sign", PLACE]
    rows = rows[[name for name in dict.fromkeys(needed) if name in rows]]  # to move fewer takes half the time
    rows = spread_unadapted(rows) if "shots" in columns and "tuning" in index else rows
    across = [key for key in columns if key not in index]
    others = [key for key in DISTINGUISHING if key not in [*index, *across]]
    keys = [*index, *_varying_within(rows, [*index, *across], others), *across]
    rows = (rows if "sign" in rows else rows.assign(sign=0)).assign(committed=committed_among_own(rows))
    cells = _texts(rows, keys, metric)
    if not across:
        return cells.to_frame(metric)
    order = [sorted(set(rows[key])) if key in NUMBERS else list(dict.fromkeys(rows[key])) for key in across]
    table = cells.unstack(across, fill_value=MISSING)
    table = table.reindex(columns=pd.MultiIndex.from_product(order, names=across) if len(across) > 1 else order[0])
    return table.fillna(MISSING)


def side_by_side(rows: pd.DataFrame, index: list[str], columns: list[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Set several metrics side by side in one table: a `pivot` of each, one beside the other."""
    tables = {metric: pivot(rows, index, columns, metric) for metric in metrics}
    if len(tables) == 1 or not columns:
        return pd.concat(tables.values(), axis=1)
    return pd.concat(tables, axis=1, names=["metric"])


def matrix(rows: pd.DataFrame, metric: str = "auc") -> pd.DataFrame:
    """Set sources against targets, one block a method, the diagonal (same data set) marked with *."""
    table = pivot(rows, ["method", "source"], ["target"], metric)
    sources = table.index.get_level_values("source")
    for target in table.columns:
        same = (sources == target) & (table[target] != MISSING).to_numpy()
        table.loc[same, target] = table.loc[same, target] + " *"
    return table


def _varying_within(rows: pd.DataFrame, keys: list[str], others: list[str]) -> list[str]:
    """List those of other keys of which rows that are alike in `keys` have several values."""
    _, first, cell = np.unique(rows.groupby(keys, dropna=False).ngroup(), return_index=True, return_inverse=True)
    codes = {key: pd.factorize(rows[key])[0] for key in others}
    return [key for key, own in codes.items() if (own != own[first][cell]).any()]


def _texts(rows: pd.DataFrame, keys: list[str], metric: str) -> pd.Series:
    """Write what a cell of the table says, for each value of the keys in the order in which they come.

    By arrays, as pandas takes a millisecond for a group, and there may be thousands.
    """
    groups = rows.groupby(keys, dropna=False, sort=False)
    numbers = groups.ngroup().to_numpy()
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    sizes = np.diff(starts, append=len(order))
    means, spreads = _means_and_spreads(rows[metric].to_numpy(float)[order], starts, sizes)
    ends = rows[[*METRICS[metric].interval]].to_numpy(float)[order[starts]]
    due = {mark: (rows[column] > 0).to_numpy()[order] for mark, column in MARKS.items() if column in rows}
    due = {mark: np.logical_or.reduceat(is_due, starts) for mark, is_due in due.items() if is_due.any()}
    signs = rows["sign"].to_numpy()[order[starts]]
    texts = []
    for number, (mean, spread) in enumerate(zip(means.tolist(), spreads.tolist(), strict=True)):
        text = _cell(mean, spread, ends[number] if sizes[number] == 1 else ends[number, :0], METRICS[metric].unit)
        if text != MISSING:
            text += "".join(mark for mark, is_due in due.items() if is_due[number]) + SIGNS.get(signs[number], "")
        texts.append(text)
    return pd.Series(texts, groups.size().index, dtype=object)


def _means_and_spreads(values: Values, starts: NDArray[np.intp], sizes: NDArray[np.intp]) -> tuple[Values, Values]:
    """Mean and standard deviation of each of some groups, (groups,) each, which lie one behind another in values, (n,).

    NaN where a value is, and as the spread of a single one.
    """
    means, spreads = np.full((2, len(starts)), np.nan)
    for size in np.unique(sizes):  # groups of one size at once: bit for bit what each by itself would give
        own = values[starts[sizes == size, None] + np.arange(size)]
        means[sizes == size] = own.mean(1)
        if size > 1:
            spreads[sizes == size] = own.std(1, ddof=1)
    return means, spreads


def _cell(mean: float, spread: float, ends: Values, unit: str) -> str:
    """Write the mean of some values and their spread, or the only one with the ends of its interval, (2,) or (0,)."""
    if unit == "s":
        return mean_and_spread(mean, spread, 1 if mean >= FINE else 3)
    if len(ends) and not np.isnan([mean, *ends]).any():  # of a single video there is no interval
        return f"{mean:.1f} [{', '.join(f'{end:.1f}' for end in ends)}]"
    return mean_and_spread(mean, spread, 1)


def marks(cells: pd.DataFrame) -> str:
    """Mark what captions explain of some cells that are shown as one, by those columns of `MARKS` that they have."""
    return "".join(mark for mark, column in MARKS.items() if column in cells and (cells[column] > 0).any())


def marks_of_each(cells: pd.DataFrame) -> list[str]:
    """Mark each of some cells that are shown one by one, as `marks` does."""
    return [marks(cells.iloc[[number]]) for number in range(len(cells))]


def difference_and_interval(difference: float, low: float, high: float) -> str:
    """Write a difference in points with its interval; alone where there is none, and – where there is no difference."""
    if pd.isna(difference):
        return MISSING
    return f"{difference:+.1f}" + ("" if pd.isna(low) else f" [{low:+.1f}, {high:+.1f}]")


def detectable(gap: float) -> str:
    """Write the least difference in points that would have been found, or – where nothing is known of it."""
    return MISSING if pd.isna(gap) else f"{gap:.1f}" if gap < 100 else "> 100"  # which no difference is


def p_value(p: float) -> str:
    """Write a p value, or – where there is none."""
    return MISSING if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def mean_and_spread(mean: float, spread: float, digits: int) -> str:
    """Write `mean ± spread`, the mean alone where there is no spread, or – where there is no mean."""
    if pd.isna(mean):
        return MISSING
    return f"{mean:.{digits}f}" + ("" if pd.isna(spread) else f" ± {spread:.{digits}f}")


def flat_table(table: pd.DataFrame) -> pd.DataFrame:
    """Turn index levels into columns, and join column levels into one name each, metrics as a reader expects them."""
    flat = table.copy()
    flat.columns = pd.Index(joined_heads(table, _label), dtype=object)
    return flat.reset_index()


def joined_heads(table: pd.DataFrame, name: Callable[[object, object], str] = named) -> list[str]:
    """Join the levels of each column into one name, of what `name` makes of a level and its value."""
    heads = [head if isinstance(head, tuple) else (head,) for head in table.columns]
    return [", ".join(map(name, table.columns.names, head)) for head in heads]


def _label(level: object, value: object) -> str:
    return METRICS[str(value)].title if level in (None, "metric") and value in METRICS else named(level, value)
