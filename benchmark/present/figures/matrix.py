"""The source x target matrix as a picture: a panel per method and way to adapt, the same data set marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from crossvad.datasets.errors import InputError
from crossvad.evaluation.selection import refuse_mixtures, varying_keys
from crossvad.present import captions
from crossvad.present.figures import layout
from crossvad.present.figures.plot import RowsPlot, register
from crossvad.present.figures.style import titled
from crossvad.present.tables import MISSING, REVERTED, STUCK
from crossvad.present.words import CONTROLS, told

PANEL = ["method", "tuning", "shots", "steps"]  # what tells panels apart, where it varies
ONE = ["budget", "support"]  # what a square is of one of; another target may lack the training video that one has
COLOURS = "cividis"  # evenly light for the colour-blind, and in grey print
MOST = 12  # panels that can be read
CELL = (0.78, 0.42)  # inches: width, height
ACROSS = 7.2  # inches of a page's width


@register
class Matrix(RowsPlot):
    """AUC of every source and target as a heat map: a panel per method and way to adapt, means over seeds.

    The same data set is marked with *, and lies on the diagonal.

    \b
    bench plot matrix --where budget=quick --where shots=0,10 --where method=apn,lmn --out matrix.pdf
    """

    name = "matrix"

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Turn tidy rows into squares: a row per panel, source and target.

        Columns: `panel`, a title; source, target; auc in %, the mean over seeds, NaN where one is missing;
        reverted and stuck, the most of any seed, in %.

        Raises:
            InputError: there are more panels than can be read, or a square would mix budgets or supports.
        """
        rows = rows[~rows["method"].isin(CONTROLS)]
        rows = rows.assign(panel=_titles(rows))
        square = ["panel", "source", "target"]
        for key in ONE:
            refuse_mixtures(rows, key, square, suggested="…")
        groups = rows.groupby(square, sort=False)
        auc = groups["auc"].agg(lambda values: values.mean(skipna=False))
        means = pd.DataFrame({"auc": auc, **{mark: groups[mark].max() for mark in ("reverted", "stuck")}}).reset_index()
        if (count := means["panel"].nunique()) > MOST:
            problem = f"would have {count} panels, more than {MOST}"
            raise InputError("this figure", problem, "add --where method=…, shots=… or tuning=…")
        return means

    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the means."""
        return captions.caption(rows, intervals=False)

    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw the panels on one scale of colours, and below them the caption."""
        sources, targets = _order(points["source"], points["target"]), _order(points["target"], points["source"])
        panels = list(points.groupby("panel", sort=False))
        wide, high = CELL[0] * len(targets) + 0.2, CELL[1] * len(sources) + 0.35
        left, below = 0.075 * max(map(len, sources)) + 0.2, 0.062 * max(map(len, targets)) + 0.1  # for names
        across, down = layout.filled(len(panels), int((ACROSS - left) / wide))
        drawn = layout.page(max(left + across * wide + 0.7, 4.5), down * high + below + 0.35, note)
        grid = layout.panels(drawn, len(panels), (across, down), sharex=True, sharey=True)
        scale = Normalize(min(50.0, points["auc"].min()), 100.0)
        for number, (axes, (title, panel)) in enumerate(zip(grid, panels, strict=True)):
            titled(axes, str(title), min(9.0, 9.0 * 14 * wide / len(str(title))))
            axes.tick_params(labelbottom=number + across >= len(panels))
            _draw_squares(axes, panel, sources, targets, scale)
        bar = drawn.colorbar(ScalarMappable(scale, COLOURS), ax=grid, pad=0.02, fraction=0.03, aspect=25)
        bar.set_label("AUC in %", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        return drawn


def _titles(rows: pd.DataFrame) -> list[str]:
    """Name each row's panel by its method, and by what else differs between panels."""
    adapted = rows[rows["shots"] > 0]  # those alone have steps
    varying = [key for key in PANEL if varying_keys(adapted if key == "steps" else rows, [key], always=["method"])]
    return [", ".join(filter(None, (told(key, line[key]) for key in varying))) for line in rows.to_dict("records")]


def _order(names: pd.Series, others: pd.Series) -> list[str]:
    """Sort names, those that are among the others too first: the same data set lies on the diagonal."""
    return sorted(set(names) & set(others)) + sorted(set(names) - set(others))


def _draw_squares(axes: Axes, panel: pd.DataFrame, sources: list[str], targets: list[str], scale: Normalize) -> None:
    wide = panel.pivot(index="source", columns="target", values="auc").reindex(index=sources, columns=targets)
    auc = wide.to_numpy(dtype=float)
    marked = {
        mark: panel[panel[column] > 0].set_index(["source", "target"]).index
        for mark, column in ((REVERTED, "reverted"), (STUCK, "stuck"))
    }
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
            text += "".join(mark for mark, where in marked.items() if (source, target) in where)
            text += " *" * (source == target and not np.isnan(value))
            light = not np.isnan(value) and scale(value) < 0.55
            axes.text(right, down, text, ha="center", va="center", fontsize=8, color="white" if light else "black")
