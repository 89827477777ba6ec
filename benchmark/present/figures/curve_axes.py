"""One panel of curves: its scale, the curves with their intervals, and the lines of what adapts to nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from crossvad.present.figures.curve_points import LEVELS
from crossvad.present.figures.style import GREY, CurveStyle

PANEL = (3.1, 2.5)  # inches: width, height
WIDEST = 4.5  # points of a bar
LEVEL_DASHES: tuple[Any, ...] = ((0, (4, 3)), (0, (1, 2)))


def scale_from_0(axes: Axes, ticks: Sequence[int]) -> float:
    """Set a log scale with 0 at the left of it; returns how far neighbouring ticks are, at least, in points."""
    above = [tick for tick in ticks if tick > 0]
    if above:
        gap = 0.9 * math.log10(above[-1] / above[0]) / (len(above) - 1) if len(above) > 1 else 1.0
        axes.set_xscale("symlog", linthresh=above[0], linscale=gap)
        axes.set_xlim(-0.3 * above[0], above[-1] * 10 ** (0.3 * gap))
    else:
        axes.set_xlim(-1, 1)
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.set_xticks([], minor=True)
    shares = (axes.transScale + axes.transLimits).transform([(tick, 1.0) for tick in ticks])[:, 0]
    return 72 * PANEL[0] * 0.8 * float(np.diff(shares).min(initial=1.0))


def draw_curve(axes: Axes, curve: pd.DataFrame, key: str, style: CurveStyle, aside: float, room: float) -> Artist:
    """Draw one curve along a key, and return what a legend shows of it.

    Args:
        axes: the panel.
        curve: its points; of those that are `repeated` there is a mark already.
        key: what it runs along.
        style: how it looks.
        aside: points that it is moved sideways.
        room: points that it has for itself there: bars are no wider, so that those of many curves stay apart.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    moved = axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    shared: dict[str, Any] = {"color": style.colour, "transform": moved}
    x, y, low, high = (curve[name].to_numpy() for name in (key, "auc", "low", "high"))
    shown = ~curve["repeated"].to_numpy(bool)
    several, bounded = (curve["seeds"].map(len) > 1).to_numpy(), ~np.isnan(low) & shown
    ranged, one = several & bounded, ~several & bounded
    axes.vlines(x[ranged], low[ranged], high[ranged], alpha=0.35, linewidth=min(WIDEST, room), **shared)
    arms = [y[one] - low[one], high[one] - y[one]]
    axes.errorbar(x[one], y[one], arms, fmt="none", elinewidth=0.8, capsize=2, alpha=0.7, **shared)
    (line,) = axes.plot(
        x, y, style.marker, linestyle=style.dash, linewidth=1.5, markersize=5.5, markevery=shown, **shared
    )
    hollow = (curve["reverted"] > 0).to_numpy() & shown
    axes.plot(x[hollow], y[hollow], style.marker, markersize=5.5, markerfacecolor="white", **shared)
    return line


def draw_levels(axes: Axes, levels: pd.DataFrame, per_point: float) -> None:
    """Draw the lines of what learns nothing, named at their right ends; `per_point`: AUC in % per point of height."""
    levels = levels.dropna(subset="auc").sort_values("auc")
    values = levels["auc"].to_list()
    for method, auc, height in zip(levels["method"], values, apart(values, 8 * per_point), strict=True):
        dash = LEVEL_DASHES[LEVELS.index(method.partition("[")[0])]
        axes.axhline(auc, color=GREY, linewidth=0.9, linestyle=dash, zorder=1)
        axes.annotate(
            method,
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=GREY,
        )


def apart(values: Sequence[float], least: float) -> list[float]:
    """Move ascending values as little as need be, so that neighbours are at least so far from each other."""
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and _mean(groups[-1]) - _mean(groups[-2]) < least * sum(map(len, groups[-2:])) / 2:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_mean(group) + least * (rank - (len(group) - 1) / 2) for group in groups for rank in range(len(group))]


def _mean(group: Sequence[float]) -> float:
    return sum(group) / len(group)
