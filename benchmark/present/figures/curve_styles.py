"""How to draw each of several curves, so that a reader tells them apart, and what the legend calls them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import pandas as pd

from crossvad.planning.catalogue import NO_TUNING
from crossvad.present.figures.curve_points import LEVELS, Along
from crossvad.present.figures.style import COLOURS, DASHES, MARKERS, CurveStyle
from crossvad.present.words import named

LEVEL_DASHES: tuple[Any, ...] = ((0, (4, 3)), (0, (1, 2)), (0, (6, 2, 1, 2)))


def styles(points: pd.DataFrame, along: Along) -> dict[tuple[Any, ...], CurveStyle]:
    """Choose how to draw each curve, by the values of `along.line`; no two alike.

    Markers and colours tell curves apart. Where several methods have several curves each, so that a reader looks for
    those of one method, colours tell methods apart, and dashes the tuning and what else there is. When colours have run
    out they come again, with other dashes. Up to `crowds.MOST` are told apart.
    """
    curves = points.loc[~points["level"], list(along.line)].drop_duplicates()
    lines = [*curves.itertuples(index=False, name=None)]
    methods = curves["method"].value_counts(sort=False)
    grouped = (methods > 1).sum() > 1
    ways = list(dict.fromkeys(line[1:] for line in lines if line[1] != NO_TUNING))
    chosen: dict[tuple[Any, ...], CurveStyle] = {}
    for number, line in enumerate(lines):
        again, colour = divmod(list(methods.index).index(line[0]) if grouped else number, len(COLOURS))
        way = ways.index(line[1:]) if grouped and line[1:] in ways else 0
        dash = again * max(1, len(ways) if grouped else 1) + way
        chosen[line] = CurveStyle(COLOURS[colour], MARKERS[number % len(MARKERS)], DASHES[dash % len(DASHES)])
    return chosen


def level_dashes(points: pd.DataFrame) -> dict[str, Any]:
    """Choose how to draw the lines of what learns nothing, by their methods; no two of `crowds.MOST_LEVELS` alike."""
    names = points.loc[points["level"], "method"].unique()
    ordered = sorted(names, key=lambda name: (LEVELS.index(name.partition("[")[0]), name))
    return dict(zip(ordered, cycle(LEVEL_DASHES), strict=False))


def label(line: Mapping[str, Any]) -> str:
    """Name a curve by its method and how it was adapted."""
    parts = [named(key, value) for key, value in line.items()]
    return ", ".join(part for part in parts if part not in ("none", "K = 0"))
