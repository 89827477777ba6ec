"""Figures of many curves: which are drawn, which are left out, and which lie on one another. Captions say all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crossvad.present.figures.layout import SCENES

MOST = 12  # curves whose names a reader finds in a legend
NAMED = 6  # of those left out that a caption names
SAME = 0.1  # points of AUC, or percent: less than the width of a line


def readable(
    points: pd.DataFrame,
    keys: Sequence[str],
    name: Callable[[Mapping[str, Any]], str],
    most: int = MOST,
    what: str = "curves",
) -> tuple[pd.DataFrame, list[str]]:
    """Keep the points of so many curves as can be read, and say which are left out, and how to ask for them.

    Kept are of each method, whatever its options, the curve that most panels have, of these the highest; then, where
    curves are of one K, that of the method unadapted; then the next of each, for as long as there is room.

    Args:
        points: rows with the keys `SCENES`, and `auc`; those of a `level` are no curves, and stay.
        keys: that tell curves apart.
        name: of a curve, by these keys.
        most: how many.
        what: they are called.
    """
    curves = points[~points["level"].astype(bool)] if "level" in points else points
    groups = curves.groupby(list(keys), sort=False, dropna=False)
    panels = curves[[*keys, *SCENES]].drop_duplicates().groupby(list(keys), sort=False, dropna=False).size()
    order = pd.DataFrame({"panels": panels, "auc": groups["auc"].mean()})
    if len(order) <= most:
        return points, []
    ranked = order.sort_values(["panels", "auc"], ascending=False, kind="stable")
    if "shots" in keys:  # what adapting gains is seen beside what was there before it
        later = pd.Series(_methods(ranked)).duplicated().to_numpy()
        adapted = ranked.index.get_level_values("shots") > 0
        ranked = ranked.assign(turn=later * (1 + adapted)).sort_values("turn", kind="stable")
    turns = ranked.groupby(_methods(ranked), sort=False).cumcount().to_numpy()
    lost = [*ranked.iloc[turns.argsort(kind="stable")].index[most:]]
    kept = points[~points.index.isin(curves.index) | ~pd.Series(_lines(points, keys), points.index).isin(lost)]
    names = [name(dict(zip(keys, line, strict=True))) for line in lost]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    which = "that most panels have, and of these the highest" if order["panels"].nunique() > 1 else "that is highest"
    then = ", then it unadapted, then its next" if "shots" in keys else ", then its next"
    facts = [
        f"{len(lost)} of {len(order)} {what} are left out, as nobody can read so many",
        f"drawn are of each method the one {which}{then}; choose by --where method=… or --where tuning=…",
        f"left out: {' | '.join(names[:NAMED])}{more}",
    ]
    return kept.reset_index(drop=True), facts


def coinciding(curves: Mapping[str, Mapping[Any, ArrayLike]]) -> list[str]:
    """Say which curves lie on one another wherever they are drawn, so that only one of them is seen.

    Args:
        curves: by name, what is drawn of each in % by where that is: a number, or several along a line.
    """
    groups: list[list[str]] = []
    for name, drawn in curves.items():
        for group in groups:
            other = curves[group[0]]
            if drawn and drawn.keys() == other.keys() and all(_alike(drawn[at], other[at]) for at in drawn):
                group.append(name)
                break
        else:
            groups.append([name])
    return [f"lie on one another: {' | '.join(group)}" for group in groups if len(group) > 1]


def _alike(one: ArrayLike, other: ArrayLike) -> bool:
    return bool(np.abs(np.asarray(one, float) - np.asarray(other, float)).max() <= SAME)


def _methods(curves: pd.DataFrame) -> pd.Index:
    """Name the method of each curve, without its options."""
    return curves.index.get_level_values("method").str.split("[").str[0]


def _lines(points: pd.DataFrame, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    return [*points[list(keys)].itertuples(index=False, name=None)]
