"""Figures of many curves: which are drawn, which are left out, and which lie on one another. Captions say all of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossvad.datasets.wording import condition
from crossvad.present.figures.layout import SCENES, scene_name

MOST = 12  # curves whose names a reader finds in a legend
MOST_LEVELS = 3  # grey lines that are told apart by their dashes
NAMED = 6  # of those left out that a caption names
Scene = tuple[Hashable, ...]  # a source and a target
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
    which = "that most panels have, and of these the highest" if order["panels"].nunique() > 1 else "that is highest"
    then = ", then it unadapted, then its next" if "shots" in keys else ", then its next"
    facts = [
        f"{len(lost)} of {len(order)} {what} are left out, as nobody can read so many",
        f"drawn are of each method the one {which}{then}; choose by "
        + condition("method=…", pattern=True)
        + " or "
        + condition("tuning=…", pattern=True),
        f"left out: {_some(names)}",
    ]
    return kept.reset_index(drop=True), facts


def readable_levels(points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep so many lines of a `level` as can be told apart, chosen as `readable` chooses curves, and all curves."""
    levels = points[points["level"]].drop(columns="level")
    kept, _ = readable(levels, ["method", "tuning"], itemgetter("method"), MOST_LEVELS)
    lost = sorted({*levels["method"]} - {*kept["method"]})
    facts = [f"left out of the grey lines: {_some(lost)}"] if lost else []
    return points[~points["method"].isin(lost)].reset_index(drop=True), facts


def coinciding(curves: Mapping[str, Mapping[Scene, ArrayLike]], same: float = SAME) -> list[str]:
    """Say which curves lie on one another, and in which panels unless in all that have them: only one of them is seen.

    Args:
        curves: by name, what is drawn of each by its panel's source and target: numbers, as many where two are alike.
        same: two curves are one to the eye where no two of their numbers differ by more.
    """
    groups: dict[tuple[str, ...], list[Scene]] = {}
    for panel in dict.fromkeys(panel for drawn in curves.values() for panel in drawn):
        here = {name: np.asarray(drawn[panel], float) for name, drawn in curves.items() if panel in drawn}
        for group in _alike(here, same):
            groups.setdefault(group, []).append(panel)
    facts = []
    for group, panels in groups.items():
        everywhere = len(panels) == len({panel for name in group for panel in curves[name]})
        where = "" if everywhere else f" in {', '.join(map(scene_name, panels))}"
        facts.append(f"lie on one another{where}: {' | '.join(group)}")
    return facts


def _alike(drawn: Mapping[str, NDArray[np.float64]], same: float) -> list[tuple[str, ...]]:
    """Group the names of what is drawn alike in one panel; of what is like nothing else there is no group."""
    groups: list[list[str]] = []
    for name, curve in drawn.items():
        for group in groups:
            first = drawn[group[0]]
            if curve.shape == first.shape and np.abs(curve - first).max(initial=0) <= same:
                group.append(name)
                break
        else:
            groups.append([name])
    return [tuple(group) for group in groups if len(group) > 1]


def _some(names: Sequence[str]) -> str:
    """Name the first few of some curves, and count the others."""
    return " | ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _methods(curves: pd.DataFrame) -> pd.Index:
    """Name the method of each curve, without its options."""
    return curves.index.get_level_values("method").str.split("[").str[0]


def _lines(points: pd.DataFrame, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    return [*points[list(keys)].itertuples(index=False, name=None)]
