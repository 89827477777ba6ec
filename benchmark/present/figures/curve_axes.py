"""One panel of curves: its scale, the curves with their intervals, and the lines of what adapts to nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.transforms import Affine2D

from crossvad.present.figures.style import GREY, CurveStyle

PANEL = (3.1, 2.5)  # inches: width, height
WIDEST = 4.5  # points of a bar
NARROWEST = 130.0  # points that a panel is wide at least, beside the names of lines
ACROSS_TICK = 0.7  # share of the room at a tick that curves are spread over
MARKER = 0.03  # share of such a panel that a marker is wide on either side of its place


def scale_from_0(axes: Axes, ticks: Sequence[int]) -> float:
    """Set a log scale with 0 at the left of it; returns the share of the panel's width that there is at every tick.

    So much lies between neighbouring ticks at least, and of curves that are spread over `ACROSS_TICK` of it no marker
    lies outside of the panel.
    """
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
    edge = min(shares[0], 1 - shares[-1]) - MARKER
    return float(np.diff(shares).min(initial=2 * edge / ACROSS_TICK))


def draw_curve(axes: Axes, curve: pd.DataFrame, key: str, style: CurveStyle, aside: float, room: float) -> Artist:
    """Draw one curve along a key, and return what a legend shows of it.

    Args:
        axes: the panel.
        curve: its points; of those that are `repeated` there is a mark already.
        key: what it runs along.
        style: how it looks.
        aside: share of the panel's width that it is moved sideways.
        room: share that it has for itself there: bars are no wider, so that those of many curves stay apart.
    """
    moved = axes.transScale + axes.transLimits + Affine2D().translate(aside, 0) + axes.transAxes
    shared: dict[str, Any] = {"color": style.colour, "transform": moved}
    x, y, low, high = (curve[name].to_numpy() for name in (key, "auc", "low", "high"))
    shown = ~curve["repeated"].to_numpy(bool)
    several, bounded = (curve["seeds"].map(len) > 1).to_numpy(), ~np.isnan(low) & shown
    ranged, one = several & bounded, ~several & bounded
    axes.vlines(x[ranged], low[ranged], high[ranged], alpha=0.35, linewidth=min(WIDEST, room * NARROWEST), **shared)
    arms = [y[one] - low[one], high[one] - y[one]]
    axes.errorbar(x[one], y[one], arms, fmt="none", elinewidth=0.8, capsize=2, alpha=0.7, **shared)
    (line,) = axes.plot(
        x, y, style.marker, linestyle=style.dash, linewidth=1.5, markersize=5.5, markevery=shown, **shared
    )
    hollow = (curve["reverted"] > 0).to_numpy() & shown
    axes.plot(x[hollow], y[hollow], style.marker, markersize=5.5, markerfacecolor="white", **shared)
    return line


def draw_levels(axes: Axes, levels: pd.DataFrame, dashes: Mapping[str, Any], per_point: float) -> None:
    """Draw the lines of what learns nothing, named at their right ends.

    Args:
        axes: the panel.
        levels: a row of each.
        dashes: how each is drawn, by its method.
        per_point: AUC in % per point of height.
    """
    levels = levels.dropna(subset="auc").sort_values("auc")
    values = levels["auc"].to_list()
    for method, auc, height in zip(levels["method"], values, apart(values, 8 * per_point), strict=True):
        axes.axhline(auc, color=GREY, linewidth=0.9, linestyle=dashes[method], zorder=1)
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
