"""Tables: tidy rows turned so that a reader sees what they came for. A missing cell prints as –, never as a mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.evaluation.metrics import METRICS
from crossvad.evaluation.selection import DISTINGUISHING, KEYS, spread_unadapted

MISSING = "–"
CONTROLS = ("random", "ramp")  # what a test set gives away: no detectors, so neither drawn nor ranked
REVERTED = "†"  # marks a cell in which some adaptation was taken back
BETTER, WORSE = "↑", "↓"  # than a named rival, by more than chance
RANK = "mean rank"
VALUE = re.compile(r"-?\d+(?:\.\d+)?")  # a cell begins with its value, as printed: what reads alike ranks alike
NUMBERS = {"shots": "K", "steps": "steps", "seed": "seed"}  # keys that are numbers, and their short names


def pivot(rows: pd.DataFrame, index: list[str], columns: list[str], metric: str = "auc") -> pd.DataFrame:
    """Tidy rows as a table of text: `index` down, `columns` across, `metric` in percent in the cells.

    A key that varies within a cell of the table, other than the seed, becomes one more index level, so that no two
    things are ever mixed. Over seeds a cell is the mean ± standard deviation; for one seed it is the value with its
    interval, where the metric has one. Rows may have a column `sign`: 1 or -1 where their entry is better or
    worse than a rival by more than chance, which a mark then shows.

    Raises:
        InputError: an unknown metric or key.
    """
    for name, known in [(metric, METRICS), *((key, KEYS) for key in [*index, *columns])]:
        if name not in known:
            raise InputError(name, "is no such column", f"choose from {', '.join(known)}")
    rows = spread_unadapted(rows) if "shots" in columns and "tuning" in index else rows
    across = [key for key in columns if key not in index]
    extra = [
        key
        for key in DISTINGUISHING
        if key not in [*index, *across] and (rows.groupby([*index, *across], dropna=False)[key].nunique() > 1).any()
    ]
    keys = [*index, *extra, *across]
    rows = rows if "sign" in rows else rows.assign(sign=0)
    groups = rows.groupby(keys, dropna=False, sort=False)[[metric, *METRICS[metric].interval, "reverted", "sign"]]
    cells = groups.apply(lambda group: _cell(group, metric) + _marks(group))
    if not across:
        return cells.to_frame(metric)
    order = [sorted(set(rows[key])) if key in NUMBERS else list(dict.fromkeys(rows[key])) for key in across]
    table = cells.unstack(across, fill_value=MISSING)
    table = table.reindex(columns=pd.MultiIndex.from_product(order, names=across) if len(across) > 1 else order[0])
    return table.fillna(MISSING)


def side_by_side(rows: pd.DataFrame, index: list[str], columns: list[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Several metrics in one table: a `pivot` of each, one beside the other."""
    tables = {metric: pivot(rows, index, columns, metric) for metric in metrics}
    if len(tables) == 1 or not columns:
        return pd.concat(tables.values(), axis=1)
    return pd.concat(tables, axis=1, names=["metric"])


def matrix(rows: pd.DataFrame, metric: str = "auc") -> pd.DataFrame:
    """Source x target, one block a method, the diagonal (same data set) marked with *."""
    table = pivot(rows, ["method", "source"], ["target"], metric)
    sources = table.index.get_level_values("source")
    for target in table.columns:
        same = (sources == target) & (table[target] != MISSING).to_numpy()
        table.loc[same, target] = table.loc[same, target] + " *"
    return table


def with_ranks(table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, str]:
    """A pivoted table of one metric with a last column, the mean rank over its columns, 1: best; ties share a rank.

    Columns in which a row has no value do not count, so that every rank is among the same rows; `CONTROLS` have none.

    Returns:
        The table, its column levels joined into one, and what a caption says of the ranks.

    Raises:
        InputError: in no column has every row a value.
    """
    ranked = rankable(table).to_numpy()
    values = pd.DataFrame({place: printed_values(table.iloc[:, place]) for place in range(table.shape[1])})[ranked]
    whole = values.dropna(axis=1)
    if whole.empty:
        problem = "cannot rank: in every column some row has no value"
        raise InputError("--ranks", problem, "narrow the rows or columns with --where")
    ranks = whole.rank(ascending=lower_is_better(metric)).mean(axis=1)
    means = [f"{ranks[place]:.2f}" if place in ranks.index else MISSING for place in range(len(table))]
    shown = table.set_axis(flat_table(table).columns[table.index.nlevels :], axis=1).assign(**{RANK: means})
    counted = f"{whole.shape[1]} of {table.shape[1]} columns, those in which no row lacks a value"
    return shown, f"; {RANK}: over {counted}, 1: best; {' and '.join(CONTROLS)} are not ranked"


def lower_is_better(column: str) -> bool:
    """Whether the least value of a column is the best: of a metric, or of `RANK`."""
    return column == RANK or not METRICS[column].higher_is_better


def rankable(table: pd.DataFrame) -> pd.Series:
    """Which rows of a pivoted table may be ranked, numbered from 0: all but those of `CONTROLS`."""
    shown = table.index.to_frame(index=False)
    return ~shown["method"].isin(CONTROLS) if "method" in shown else pd.Series(True, shown.index)


def printed_values(texts: pd.Series) -> pd.Series:
    """The values that cells begin with, numbered from 0; NaN where there is none."""
    found = [VALUE.match(text) for text in texts.astype(str)]
    return pd.Series([float(match[0]) if match else float("nan") for match in found])


def _cell(group: pd.DataFrame, metric: str) -> str:
    values = group[metric].dropna()
    if not len(values) or len(values) < len(group):
        return MISSING
    if len(values) > 1:
        return f"{values.mean():.1f} ± {values.std():.1f}"
    ends = group[[*METRICS[metric].interval]].iloc[0]
    if ends.empty or ends.isna().any():  # of a single video there is no interval
        return f"{values.iloc[0]:.1f}"
    return f"{values.iloc[0]:.1f} [{', '.join(f'{end:.1f}' for end in ends)}]"


def _marks(group: pd.DataFrame) -> str:
    marks = {1: BETTER, -1: WORSE}.get(group["sign"].iloc[0], "")
    return (REVERTED if (group["reverted"] > 0).any() else "") + (f" {marks}" if marks else "")


def mean_and_spread(mean: float, spread: float, digits: int) -> str:
    """`mean ± spread`, the mean alone where there is no spread, or – where there is no mean."""
    if pd.isna(mean):
        return MISSING
    return f"{mean:.{digits}f}" + ("" if pd.isna(spread) else f" ± {spread:.{digits}f}")


def named(key: object, value: object) -> str:
    """A key's value as a reader meets it: K = 5, finetune."""
    return f"{NUMBERS[str(key)]} = {value}" if key in NUMBERS else str(value)


def told(key: object, value: object) -> str:
    """As `named`, and nothing where an unadapted method has none of it."""
    return "" if value == "none" or (key == "steps" and value == 0) else named(key, value)


def flat_table(table: pd.DataFrame) -> pd.DataFrame:
    """Index levels as columns; column levels joined into one name each."""
    flat = table.copy()
    names = table.columns.names
    heads = [head if isinstance(head, tuple) else (head,) for head in table.columns]
    texts = [", ".join(map(named, names, head)) for head in heads]
    flat.columns = pd.Index(texts, dtype=object)
    return flat.reset_index()
