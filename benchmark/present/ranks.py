"""Ranks of a table's rows, by the values that its cells begin with: what reads alike ranks alike."""

from __future__ import annotations

import re

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.evaluation.metrics import METRICS
from crossvad.present.tables import MISSING, RANK, joined_heads
from crossvad.present.words import CONTROLS, controls

VALUE = re.compile(r"-?\d+(?:\.\d+)?")


def with_ranks(table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, str]:
    """Add a last column to a pivoted table of one metric: the mean rank over its columns, 1: best; ties share a rank.

    Columns in which a row has no value do not count, so that every rank is among the same rows; `CONTROLS` have none.
    Of a table of sources and targets, columns that differ in the source alone are one, their mean: a target that was
    asked after three trainings is still one data set.

    Returns:
        The table, its column levels joined into one, and what a caption says of the ranks.

    Raises:
        InputError: there are no two columns in which every row has a value, or they are of one target alone.
    """
    ranked = rankable(table).to_numpy()
    values = pd.DataFrame({column: printed_values(table.iloc[:, column]) for column in range(table.shape[1])})[ranked]
    whole = values.dropna(axis=1)
    if (columns := whole.shape[1]) < 2:
        problem = "cannot rank: no two columns in which every row has a value, of which to take a mean"
        fix = "narrow the rows or columns with " + option("where") + ", or add columns"
        raise InputError(noun("ranks"), problem, fix)
    if of_targets := {"source", "target"} <= {*table.columns.names}:
        levels = table.columns.to_frame(index=False).drop(columns="source")
        alike = levels.groupby([*levels], sort=False).ngroup()
        whole = whole.T.groupby(alike[whole.columns].to_numpy()).mean().T
        if whole.shape[1] < 2:
            problem = "cannot rank: all columns in which every row has a value are of one target"
            raise InputError(noun("ranks"), problem, "add a target with " + option("where"))
    ranks = whole.rank(ascending=lower_is_better(metric)).mean(axis=1)
    means = [f"{ranks[row]:.2f}" if row in ranks.index else MISSING for row in range(len(table))]
    shown = table.set_axis(joined_heads(table), axis=1).assign(**{RANK: means})
    counted = f"{columns} of {table.shape[1]} columns, those in which no row lacks a value"
    once = f", the sources of a target by their mean ({whole.shape[1]} ranks)" if of_targets else ""
    return shown, f"; {RANK}: over {counted}{once}, 1: best; {' and '.join(CONTROLS)} are not ranked"


def lower_is_better(column: str) -> bool:
    """Tell whether the least value of a column is the best: of a metric, or of `RANK`."""
    return column == RANK or not METRICS[column].higher_is_better


def rankable(table: pd.DataFrame) -> pd.Series:
    """Tell which rows of a pivoted table may be ranked, numbered from 0: all but those of `CONTROLS`."""
    shown = table.index.to_frame(index=False)
    return ~controls(shown["method"]) if "method" in shown else pd.Series(True, shown.index)


def printed_values(texts: pd.Series) -> pd.Series:
    """Read the values that cells begin with, numbered from 0; NaN where there is none."""
    matches = [VALUE.match(text) for text in texts.astype(str)]
    return pd.Series([float(match[0]) if match else float("nan") for match in matches])
