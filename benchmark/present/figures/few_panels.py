"""Figures of many panels: which are drawn, and how to ask for the others. Captions say so."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crossvad.datasets.wording import Wording, condition
from crossvad.present.figures.layout import SCENES

MOST = 12  # panels that a reader looks through


def few_panels(
    points: pd.DataFrame, keys: Sequence[str] = SCENES, most: int = MOST, what: str = "panels"
) -> tuple[pd.DataFrame, list[str]]:
    """Keep the points of so many panels as can be read, and say how many are left out, and how to ask for them.

    Kept are those with most points; of equals the first, in the order of their names.

    Args:
        points: rows with the keys; of those whose `auc` is NaN nothing is seen.
        keys: that tell panels apart, by which --where can narrow.
        most: how many.
        what: they are called.
    """
    seen = points[points["auc"].notna()]
    counts = seen.groupby(list(keys)).size().sort_values(ascending=False, kind="stable")
    if len(counts) <= most:
        return points, []
    chosen, lost = (part.to_frame(index=False) for part in (counts.index[:most], counts.index[most:]))
    kept = points[_among(points, chosen, keys)].reset_index(drop=True)
    of = {key: seen[key].nunique() for key in keys}
    narrow = " or ".join(f"{key} ({count} of them)" for key, count in of.items() if count > 1)
    facts = [
        f"{len(lost)} of {len(counts)} {what} are left out, as nobody can read so many",
        f"drawn are those with most points; narrow by {narrow}, such as by " + _example(counts, lost, keys, most),
    ]
    return kept, facts


def without_lost(rows: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows of sources and targets of which points were there before and none are after.

    Any of the three may lack the keys `SCENES`: then nothing is left out.
    """
    if not all({*SCENES} <= {*each.columns} for each in (rows, before, after)):
        return rows
    return rows[~_among(rows, before[~_among(before, after, SCENES)], SCENES)]


def _example(counts: pd.Series, lost: pd.DataFrame, keys: Sequence[str], most: int) -> Wording:
    """Spell the condition that shows most of the panels which are left out, and has room for all that it holds for."""
    panels = counts.index.to_frame(index=False)
    found = []
    for key in keys:
        sizes, more = panels[key].value_counts().to_dict(), lost[key].value_counts().to_dict()
        found += [(sizes[value] > most, -count, key, str(value)) for value, count in more.items()]
    *_, key, value = min(found)
    return condition(f"{key}={value}")


def _among(rows: pd.DataFrame, others: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """Tell for each row whether one of the others has the same keys."""
    wanted = {*others[list(keys)].itertuples(index=False, name=None)}
    return pd.Series([line in wanted for line in rows[list(keys)].itertuples(index=False, name=None)], rows.index)
