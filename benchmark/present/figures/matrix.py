"""The source x target matrix as a picture: a panel per method and way to adapt, the same data set marked."""

from __future__ import annotations

import math
import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from crossvad.datasets.errors import InputError
from crossvad.present.figures.style import titled
from crossvad.present.tables import CONTROLS, MISSING, REVERTED, told

PANEL = ["method", "tuning", "shots", "steps"]  # what tells panels apart, where it varies
ONE = ["budget", "support"]  # what a square is of one of; another target may lack the training video that one has
COLOURS = "cividis"  # evenly light for the colour-blind, and in grey print
MOST = 12  # panels that can be read
CELL = (0.78, 0.42)  # inches: width, height
ACROSS = 7.2  # inches of a page's width


def cells(tidy: pd.DataFrame) -> pd.DataFrame:
    """What the squares show: a row per panel, source and target, with `auc`, the mean over seeds.

    A seed that is missing leaves no mean, but NaN. Columns: `panel`, a title; source,
    target; auc in %; reverted, the most of any seed, in %.

    Raises:
        InputError: there are more panels than can be read, or a square would mix budgets or supports.
    """
    rows = tidy[~tidy["method"].isin(CONTROLS)]
    adapted = rows[rows["shots"] > 0]  # those alone have steps
    varying = [key for key in PANEL if key == "method" or (adapted if key == "steps" else rows)[key].nunique() > 1]
    titles = [", ".join(filter(None, (told(key, line[key]) for key in varying))) for line in rows.to_dict("records")]
    groups = rows.assign(panel=titles).groupby(["panel", "source", "target"], sort=False)
    for key in ONE:
        if (groups[key].nunique() > 1).any():
            values = ", ".join(sorted(set(rows[key]) - {"none"}))
            raise InputError("this figure", f"would mix {key}s {values}", f"add --where {key}=…")
    found = pd.DataFrame({
        "auc": groups["auc"].agg(lambda values: values.mean(skipna=False)),
        "reverted": groups["reverted"].max(),
    }).reset_index()  # fmt: skip
    if (count := found["panel"].nunique()) > MOST:
        problem = f"would have {count} panels, more than {MOST}"
        raise InputError("this figure", problem, "add --where method=…, shots=… or tuning=…")
    return found


def figure(found: pd.DataFrame, note: str) -> Figure:
    """The panels of `cells` on one scale of colours, and below them the caption."""
    sources, targets = _order(found["source"], found["target"]), _order(found["target"], found["source"])
    panels = list(found.groupby("panel", sort=False))
    wide, high = CELL[0] * len(targets) + 0.2, CELL[1] * len(sources) + 0.35
    labels = 0.075 * max(map(len, sources)) + 0.2, 0.062 * max(map(len, targets)) + 0.1
    across = max(1, min(len(panels), int((ACROSS - labels[0]) / wide)))
    down = math.ceil(len(panels) / across)
    width = max(labels[0] + across * wide + 0.7, 4.5)
    text = textwrap.fill(note.replace(" %", "\N{NO-BREAK SPACE}%"), int(width * 19))
    size = (width, down * high + labels[1] + 0.13 * (text.count("\n") + 1) + 0.35)
    drawn = Figure(figsize=size, layout="constrained")
    grid = drawn.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    scale = Normalize(min(50.0, found["auc"].min()), 100.0)
    for number, (axes, (title, panel)) in enumerate(zip(grid, panels, strict=False)):
        titled(axes, str(title), min(9.0, 9.0 * 14 * wide / len(str(title))))
        axes.tick_params(labelbottom=number + across >= len(panels))
        _squares(axes, panel, sources, targets, scale)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    bar = drawn.colorbar(
        matplotlib.cm.ScalarMappable(scale, COLOURS), ax=list(grid), pad=0.02, fraction=0.03, aspect=25
    )
    bar.set_label("AUC in %", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    drawn.supxlabel(text, x=0.01, ha="left", fontsize=7)
    return drawn


def _order(names: pd.Series, others: pd.Series) -> list[str]:
    """The names, those that are among the others too first: the same data set lies on the diagonal."""
    return sorted(set(names) & set(others)) + sorted(set(names) - set(others))


def _squares(axes: Axes, panel: pd.DataFrame, sources: list[str], targets: list[str], scale: Normalize) -> None:
    wide = panel.pivot(index="source", columns="target", values="auc").reindex(index=sources, columns=targets)
    auc = wide.to_numpy(dtype=float)
    marked = panel[panel["reverted"] > 0].set_index(["source", "target"]).index
    axes.imshow(np.ma.masked_invalid(auc), cmap=COLOURS, norm=scale, aspect="auto")
    axes.set_facecolor("0.92")
    axes.set_yticks(range(len(sources)), sources, fontsize=8)
    axes.set_xticks(range(len(targets)), targets, fontsize=8, rotation=30, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for down, source in enumerate(sources):
        for right, target in enumerate(targets):
            value = auc[down, right]
            text = MISSING if np.isnan(value) else f"{value:.1f}"
            text += REVERTED * ((source, target) in marked) + " *" * (source == target and not np.isnan(value))
            light = not np.isnan(value) and scale(value) < 0.55
            axes.text(right, down, text, ha="center", va="center", fontsize=8, color="white" if light else "black")
