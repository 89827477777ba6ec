"""The source x target matrix as a picture: a panel per method and way to adapt, the same data set marked.

Where most squares of such panels would be empty, one panel shows them all: a line per method, a column per pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from crossvad.datasets.wording import sentence
from crossvad.evaluation.alike import Alike, Few, refuse_mixtures
from crossvad.evaluation.rows import varying_keys
from crossvad.present import captions
from crossvad.present.figures import layout
from crossvad.present.figures.few_panels import few_panels
from crossvad.present.figures.layout import SCENES
from crossvad.present.figures.plot import RowsPlot, register
from crossvad.present.figures.style import titled
from crossvad.present.tables import COMMITTED, MARKS, MISSING, marks
from crossvad.present.words import controls, told

PANEL = ["method", "tuning", "shots", "steps"]  # what tells panels apart, where it varies
ONE = ["budget", "support"]  # what a square is of one of; another target may lack the training video that one has
COLOURS = "cividis"  # evenly light for the colour-blind, and in grey print
MOST = 12  # panels that can be read, lines of one, its columns, and pairs of source and target
LINES = 48  # of panels below one another
CELL = (0.78, 0.42)  # inches: width, height
ACROSS = 7.2  # inches of a page's width
LETTER = 0.068  # inches of a letter's width, of names
SHOWN = [column for mark, column in MARKS.items() if mark != COMMITTED]  # what a square is marked by
LINE = 34  # letters of a line's name
WIDEST = 1.3  # inches of a name that stands level


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
        those that are marked, the most of any seed.

        Raises:
            InputError: there are more panels than can be read, or a square would mix budgets or supports.
        """
        rows = rows[~controls(rows["method"])]
        rows = rows.assign(panel=_titles(rows))
        square = ["panel", "source", "target"]
        panels = Few(rows[rows["auc"].notna()], [*reversed(PANEL)], MOST, "panels")
        refuse_mixtures(*(Alike(rows, key, square) for key in ONE), few=panels)
        groups = rows.groupby(square, sort=False)
        auc = groups["auc"].agg(lambda values: values.mean(skipna=False))
        means = pd.DataFrame({"auc": auc, **{column: groups[column].max() for column in SHOWN}}).reset_index()
        scored = means.groupby("panel")["auc"].transform("count") > 0
        return means[scored].reset_index(drop=True) if scored.any() else means  # no panel of what failed throughout

    def thinned(self, points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Leave out pairs, or sources and targets, that are too many to read."""
        if _sparse(points):
            return few_panels(points, SCENES, MOST, "pairs of source and target")
        points, few_targets = few_panels(points, ["target"], MOST, "targets")
        _, down = _Panels.of(points).shape
        points, few_sources = few_panels(points, ["source"], max(1, min(MOST, LINES // down)), "sources")
        return points, [*few_targets, *few_sources]

    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the means."""
        return sentence([captions.caption(rows, intervals=False), *captions.undrawn(rows["method"])])

    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw all squares on one scale of colours, and below them the caption."""
        scale = Normalize(min(50.0, points["auc"].min()), 100.0)
        drawn = (_draw_pairs if _sparse(points) else _draw_panels)(points, note, scale)
        bar = drawn.colorbar(ScalarMappable(scale, COLOURS), ax=drawn.axes, pad=0.02, fraction=0.03, aspect=25)
        bar.set_label("AUC in %", fontsize=8)
        bar.ax.tick_params(labelsize=7)
        return drawn


def _sparse(points: pd.DataFrame) -> bool:
    """Whether most squares of several panels would be empty."""
    panels, sources, targets = (points[key].nunique() for key in ("panel", *SCENES))
    return panels > 1 and 2 * points["auc"].notna().sum() < panels * sources * targets


@dataclass(frozen=True)
class _Panels:
    """How large the panels of some points are, each a matrix of source and target, and how they stand on the page."""

    sources: list[str]
    targets: list[str]
    wide: float  # inches of a panel
    left: float  # inches of the names beside it
    shape: tuple[int, int]  # columns and rows of panels

    @classmethod
    def of(cls, points: pd.DataFrame) -> _Panels:
        """Set the panels of these points."""
        sources, targets = _order(points["source"], points["target"]), _order(points["target"], points["source"])
        wide, left = CELL[0] * len(targets) + 0.2, 0.075 * max(map(len, sources)) + 0.2
        shape = layout.filled(points["panel"].nunique(), int((ACROSS - left) / wide))
        return cls(sources, targets, wide, left, shape)


def _draw_panels(points: pd.DataFrame, note: str, scale: Normalize) -> Figure:
    """Draw a matrix of source and target for each panel."""
    sized, panels = _Panels.of(points), list(points.groupby("panel", sort=False))
    sources, targets, left, wide, (across, down) = sized.sources, sized.targets, sized.left, sized.wide, sized.shape
    titles = [layout.broken(str(title), int(wide / LETTER)) for title, _ in panels]
    high = CELL[1] * len(sources) + 0.2 + 0.15 * max(title.count("\n") + 1 for title in titles)
    below = 0.062 * max(map(len, targets)) + 0.1  # for names
    drawn = layout.page(max(left + across * wide + 0.7, 4.5), down * high + below + 0.35, note)
    grid = layout.panels(drawn, len(panels), (across, down), sharex=True, sharey=True)
    for number, (axes, (_, panel), title) in enumerate(zip(grid, panels, titles, strict=True)):
        titled(axes, title, 8.5)
        axes.tick_params(labelbottom=number + across >= len(panels))
        _draw_squares(axes, panel, ("source", "target"), (sources, targets), scale)
        axes.set_yticks(range(len(sources)), sources, fontsize=8)
        axes.set_xticks(range(len(targets)), targets, fontsize=8, rotation=30, ha="right", rotation_mode="anchor")
    return drawn


def _draw_pairs(points: pd.DataFrame, note: str, scale: Normalize) -> Figure:
    """Draw a line for each panel, and a column for each pair of source and target; long names of pairs are slanted."""
    longest = points[[*SCENES]].map(len).to_numpy().max()
    slanted = LETTER * longest > WIDEST
    arrow = f"{' ' if slanted else chr(10)}\N{RIGHTWARDS ARROW} "
    points = points.assign(pair=points["source"] + arrow + points["target"])
    lines = [*dict.fromkeys(points["panel"])]
    pairs = [*dict.fromkeys(points.sort_values(["target", "source"])["pair"])]
    names = [layout.broken(line, LINE) for line in lines]
    left = LETTER * max(len(part) for name in names for part in name.split("\n")) + 0.2
    wide = CELL[0] if slanted else max(CELL[0], LETTER * (longest + 2) + 0.1)
    over = 0.7 * 0.062 * max(map(len, pairs)) * slanted  # inches of names, upwards and to the right
    drawn = layout.page(left + wide * len(pairs) + over + 0.8, CELL[1] * len(lines) + over + 0.6, note)
    axes = drawn.subplots()
    _draw_squares(axes, points, ("panel", "pair"), (lines, pairs), scale)
    axes.set_yticks(range(len(lines)), names, fontsize=8)
    axes.set_xticks(range(len(pairs)), pairs, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for name in axes.get_xticklabels() if slanted else ():
        name.set(rotation=45, ha="left", rotation_mode="anchor")
    return drawn


def _titles(rows: pd.DataFrame) -> list[str]:
    """Name each row's panel by its method, and by what else differs between panels."""
    adapted = rows[rows["shots"] > 0]  # those alone have steps
    varying = [key for key in PANEL if varying_keys(adapted if key == "steps" else rows, [key], always=["method"])]
    return [", ".join(filter(None, (told(key, line[key]) for key in varying))) for line in rows.to_dict("records")]


def _order(names: pd.Series, others: pd.Series) -> list[str]:
    """Sort names, those that are among the others too first: the same data set lies on the diagonal."""
    return sorted(set(names) & set(others)) + sorted(set(names) - set(others))


def _draw_squares(
    axes: Axes, points: pd.DataFrame, keys: tuple[str, str], order: tuple[list[str], list[str]], scale: Normalize
) -> None:
    """Draw the squares of points, whose keys say in which line and column each lies."""
    wide = points.pivot(index=keys[0], columns=keys[1], values="auc").reindex(index=order[0], columns=order[1])
    auc = wide.to_numpy(dtype=float)
    squares = {(line[keys[0]], line[keys[1]]): line for line in points.to_dict("records")}
    axes.imshow(np.ma.masked_invalid(auc), cmap=COLOURS, norm=scale, aspect="auto")
    axes.set_facecolor("0.92")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (down, right), value in np.ndenumerate(auc):
        text, colour = MISSING, "black"
        if not np.isnan(value):
            square = squares[order[0][down], order[1][right]]
            text = f"{value:.1f}{marks(pd.DataFrame([square]))}" + " *" * bool(square["source"] == square["target"])
            colour = "white" if scale(value) < 0.55 else "black"
        axes.text(right, down, text, ha="center", va="center", fontsize=8, color=colour)
