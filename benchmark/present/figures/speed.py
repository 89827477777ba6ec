"""AUC against frames per second: a panel per source and target, a marker per method and way to adapt."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from crossvad.datasets.wording import sentence
from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.present import captions
from crossvad.present.figures.crowds import Scene, coinciding, readable
from crossvad.present.figures.few_panels import few_panels
from crossvad.present.figures.layout import SCENES
from crossvad.present.figures.plot import RowsPlot, register
from crossvad.present.figures.scene_panels import scene_panels
from crossvad.present.figures.style import COLOURS, MARKERS, CurveStyle
from crossvad.present.words import cell_name, controls, steps_differ

POINT = ("method", "tuning", "shots", "steps")  # what tells points apart
MEASURED = ("auc", "fps")  # each with its lowest and highest over seeds
ENDS = ("", "_low", "_high")
MOST = 24  # markers that can be told apart
SAME = 1.0  # % of a panel's side: much less than the width of a marker


@register
class Speed(RowsPlot):
    """AUC against frames per second: a panel per source and target, a marker per method and way to adapt.

    Both are means over seeds. How fast a method is depends on the machine: compare cells of one alone. What `bench
    profile` measured counts before what was measured when cells ran, with whatever else went on there.

    \b
    bench plot speed --where budget=quick --where source=ped2 --where target=ped2 --out speed.pdf
    bench plot speed --where budget=quick --where shots=0,10 --where method=apn,lmn,framediff
    """

    name = "speed"

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Average tidy rows over seeds; those of `CONTROLS`, which are no detectors, are left out.

        Columns: source, target, those of `POINT`; `auc` in % and `fps` in frames per second, means over seeds, and the
        lowest and highest of each, `auc_low`, `auc_high`, `fps_low`, `fps_high`; `seeds`, a tuple. A point of which a
        seed is missing is left out.

        Raises:
            InputError: the rows mix budgets or, in one point, supports.
        """
        rows = rows[~controls(rows["method"])]
        point = [*SCENES, *POINT]
        refuse_mixtures(Alike(rows, "budget"), Alike(rows, "support", point))
        means = []
        for values, group in rows.groupby(point, sort=False):
            if group[[*MEASURED]].notna().to_numpy().all():
                means.append([*values, *_spread(group["auc"]), *_spread(group["fps"]), tuple(sorted(group["seed"]))])
        names = [f"{key}{end}" for key in MEASURED for end in ENDS]
        return pd.DataFrame(means, columns=[*point, *names, "seeds"])

    def thinned(self, points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Leave out panels and markers that are too many to read, and name markers that lie on one another."""
        points, few = few_panels(points)
        points, left_out = readable(points, POINT, partial(cell_name, stepped=steps_differ(points)), MOST, "markers")
        return points, [*few, *left_out, *coinciding(_places(points), SAME)]

    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the figure of these points."""
        drawn = rows[~controls(rows["method"])].assign(reverted=float("nan"))  # which no marker shows
        facts = [
            captions.caption(drawn, intervals=False),
            "frames per second: of scoring decoded frames at the budget's size, on the device named, "
            + _measured(drawn),
        ]
        if points["seeds"].map(len).max() > 1:
            facts.append("bars: lowest to highest of several seeds")
        return sentence(facts)

    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw the points, each named below its panel beside its AUC and speed, and below them the caption."""
        chosen = styles(points)
        stepped = steps_differ(points)
        return scene_panels(
            points,
            lambda axes, lines: _draw_panel(axes, lines, chosen, stepped, points),
            lambda line: cell_name(line, stepped),
            ("frames per second (log scale)", "AUC in %"),
            note,
            beside=1.3,
        )


def _spread(values: pd.Series) -> tuple[float, float, float]:
    """Mean, lowest and highest. Rounded, a mean of equal values may lie beside them, and no bar is shorter than 0."""
    low, high = values.min(), values.max()
    return min(max(values.mean(), low), high), low, high


def _places(points: pd.DataFrame) -> dict[str, dict[Scene, tuple[float, float]]]:
    """Where markers lie, by name and panel: along and upwards, in % of all that is drawn, on the scales of the axes."""
    stepped = steps_differ(points)
    names = [f"fps{end}" for end in ENDS]
    on_scale = points.copy()
    on_scale[names] = np.log10(points[names].clip(lower=_slowest(points) / 10))
    shares = []
    for key in ("fps", "auc"):
        low, high = on_scale[f"{key}_low"].min(), on_scale[f"{key}_high"].max()
        shares.append(100 * (on_scale[key] - low) / ((high - low) or 1))
    places: dict[str, dict[Scene, tuple[float, float]]] = {}
    for line, along, up in zip(points.to_dict("records"), *shares, strict=True):
        places.setdefault(cell_name(line, stepped), {})[line["source"], line["target"]] = (along, up)
    return places


def _measured(drawn: pd.DataFrame) -> str:
    """Say how fast methods were found to be in which way."""
    drawn = drawn[drawn["fps"].notna()]
    profiled = drawn["profiled"].astype(bool)
    methods = [list(drawn.loc[rows, "method"].unique()) for rows in (profiled, ~profiled)]
    ways = ("as `bench profile` measured it", "as measured when the cells ran")
    told = [(way, f" ({captions.listed(names)})") for way, names in zip(ways, methods, strict=True) if names]
    return "; ".join(way + (names if len(told) > 1 else "") for way, names in told)


def styles(points: pd.DataFrame) -> dict[tuple[Any, ...], CurveStyle]:
    """Choose how to draw each point, by the values of `POINT`.

    Where several methods have several ways to adapt, a colour stands for a method and a marker for a way; else every
    point has a colour and a marker of its own. Up to `MOST` are told apart.
    """
    entries = [*points[[*POINT]].drop_duplicates().itertuples(index=False, name=None)]
    methods = list(dict.fromkeys(entry[0] for entry in entries))
    ways = list(dict.fromkeys(entry[1:] for entry in entries))
    grouped = len(entries) > len(COLOURS) and len(methods) <= len(COLOURS) and len(ways) <= len(MARKERS)
    chosen = {}
    for number, entry in enumerate(entries):
        colour, marker = (methods.index(entry[0]), ways.index(entry[1:])) if grouped else (number, number)
        chosen[entry] = CurveStyle(COLOURS[colour % len(COLOURS)], MARKERS[marker % len(MARKERS)], "")
    return chosen


def _scale(axes: Axes, points: pd.DataFrame) -> None:
    """Set a log scale of frames per second; where some are 0, as of what takes longer than was measured, with a 0."""
    slowest, fastest = _slowest(points), points["fps_high"].max()
    if points["fps_low"].min() > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1,) if fastest > 30 * slowest else (1, 2, 5)))  # of a decade
    else:
        first = 10.0 ** np.floor(np.log10(slowest))
        axes.set_xscale("symlog", linthresh=first, linscale=0.5)
        axes.set_xlim(-0.3 * first, 2 * max(fastest, first))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _slowest(points: pd.DataFrame) -> float:
    """The least speed that has a place on a log scale; 1 where none has."""
    measured = points[[f"fps{end}" for end in ENDS]].to_numpy(float)
    return float(measured[measured > 0].min()) if (measured > 0).any() else 1.0


def _draw_panel(
    axes: Axes, lines: pd.DataFrame, chosen: dict[tuple[Any, ...], CurveStyle], stepped: bool, points: pd.DataFrame
) -> None:
    """Draw the markers of one panel, on the scale of all points."""
    _scale(axes, points)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    markers, names = [], []
    for line in lines.sort_values("auc", ascending=False).to_dict("records"):
        style = chosen[tuple(line[key] for key in POINT)]
        arms = {key: [[line[key] - line[f"{key}_low"]], [line[f"{key}_high"] - line[key]]] for key in MEASURED}
        bars = axes.errorbar(
            line["fps"],
            line["auc"],
            xerr=arms["fps"],
            yerr=arms["auc"],
            fmt=style.marker,
            color=style.colour,
            markersize=9 if style.marker == "*" else 6.5,  # of which little is ink
            markeredgecolor="white",  # where markers lie on one another
            markeredgewidth=0.6,
            elinewidth=0.8,
        )
        markers.append(bars.lines[0])
        names.append(f"{line['auc']:.1f}  at {line['fps']:.0f}/s  {cell_name(line, stepped)}")
    axes.legend(markers, names, loc="upper left", bbox_to_anchor=(-0.12, -0.16), fontsize=7, frameon=False)
