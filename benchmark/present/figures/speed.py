"""AUC against frames per second: a panel per source and target, a marker per method and way to adapt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from crossvad.datasets.errors import InputError
from crossvad.present.captions import caption
from crossvad.present.figures.curves import SCENES
from crossvad.present.figures.panels import panels
from crossvad.present.figures.style import COLOURS, MARKERS, CurveStyle
from crossvad.present.tables import CONTROLS, named

POINT = ("method", "tuning", "shots", "steps")  # what tells points apart
MEASURED = ("auc", "fps")  # each with its lowest and highest over seeds
MOST = 24  # markers that can be told apart in one panel


def points(tidy: pd.DataFrame) -> pd.DataFrame:
    """The points, a row each, of tidy rows; those of `CONTROLS`, which are no detectors, are left out.

    Columns: source, target, those of `POINT`; `auc` in % and `fps` in frames per second, means over seeds, and the
    lowest and highest of each, `auc_low`, `auc_high`, `fps_low`, `fps_high`; `seeds`, a tuple. A place of which a seed
    is missing is left out.

    Raises:
        InputError: the rows mix budgets or, in one place, supports.
    """
    rows = tidy[~tidy["method"].isin(CONTROLS)]
    _refuse_mixtures(rows, "budget")
    found = []
    for place, group in rows.groupby([*SCENES, *POINT], sort=False):
        _refuse_mixtures(group, "support", "none,")  # which is that of what was not adapted
        if group[[*MEASURED]].notna().to_numpy().all():
            spread = [value for key in MEASURED for value in (group[key].mean(), group[key].min(), group[key].max())]
            found.append([*place, *spread, tuple(sorted(group["seed"]))])
    measured = [f"{key}{end}" for key in MEASURED for end in ("", "_low", "_high")]
    return pd.DataFrame(found, columns=[*SCENES, *POINT, *measured, "seeds"])


def _refuse_mixtures(rows: pd.DataFrame, key: str, beside: str = "") -> None:
    if len(values := sorted(rows[key].unique())) > 1:
        fix = f"add --where {key}={beside}{values[-1]}"
        raise InputError("this figure", f"would mix {key}s {', '.join(values)}", fix)


def looks(found: pd.DataFrame) -> dict[tuple[Any, ...], CurveStyle]:
    """How to draw each point, by the values of `POINT`.

    Where several methods have several ways to adapt, a colour stands for a method and a marker for a way; else every
    point has a colour and a marker of its own, for as long as they last.

    Raises:
        InputError: there are more points, in a panel or in all, than can be told apart.
    """
    most = found.groupby(SCENES).size().max()
    places = [*found[[*POINT]].drop_duplicates().itertuples(index=False, name=None)]
    methods = list(dict.fromkeys(place[0] for place in places))
    ways = list(dict.fromkeys(place[1:] for place in places))
    if most > MOST or len(places) > len(COLOURS) * len(MARKERS):
        problem = f"would have {len(places)} markers, {most} in a panel, more than can be told apart"
        raise InputError("this figure", problem, "add --where method=…, shots=… or tuning=…")
    grouped = len(places) > len(COLOURS) and len(methods) <= len(COLOURS) and len(ways) <= len(MARKERS)
    chosen = {}
    for number, place in enumerate(places):
        colour, marker = (methods.index(place[0]), ways.index(place[1:])) if grouped else (number, number)
        chosen[place] = CurveStyle(COLOURS[colour % len(COLOURS)], MARKERS[marker % len(MARKERS)], "")
    return chosen


def figure(found: pd.DataFrame, note: str) -> Figure:
    """The points of `points`, each named below its panel beside its AUC and speed, and below them the caption."""
    chosen = looks(found)
    adapted = found[(found["shots"] > 0) & (found["tuning"] != "none")]
    stepped = adapted["steps"].nunique() > 1
    between = (1,) if found["fps_high"].max() > 30 * found["fps_low"].min() else (1, 2, 5)  # ticks of a decade
    return panels(
        found,
        lambda axes, lines: _panel(axes, lines, chosen, stepped, between),
        lambda line: _label(line, stepped),
        ("frames per second (log scale)", "AUC in %"),
        note,
        beside=1.3,
    )


def _panel(
    axes: Axes, lines: pd.DataFrame, chosen: dict[tuple[Any, ...], CurveStyle], stepped: bool, between: Sequence[int]
) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=between))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    markers, names = [], []
    for line in lines.sort_values("auc", ascending=False).to_dict("records"):
        look = chosen[tuple(line[key] for key in POINT)]
        arms = {key: [[line[key] - line[f"{key}_low"]], [line[f"{key}_high"] - line[key]]] for key in MEASURED}
        bars = axes.errorbar(
            line["fps"],
            line["auc"],
            xerr=arms["fps"],
            yerr=arms["auc"],
            fmt=look.marker,
            color=look.colour,
            markersize=9 if look.marker == "*" else 6.5,  # of which little is ink
            markeredgecolor="white",  # where markers lie on one another
            markeredgewidth=0.6,
            elinewidth=0.8,
        )
        markers.append(bars.lines[0])
        names.append(f"{line['auc']:.1f}  at {line['fps']:.0f}/s  {_label(line, stepped)}")
    axes.legend(markers, names, loc="upper left", bbox_to_anchor=(-0.12, -0.16), fontsize=7, frameon=False)


def _label(line: Mapping[Any, Any], stepped: bool) -> str:
    """A point's name: the method, and how it was adapted if it was."""
    words = [line["method"]]
    if line["tuning"] != "none":
        words.append(line["tuning"])
    if line["shots"]:
        words.append(named("shots", line["shots"]))
        if stepped and line["tuning"] != "none":
            words.append(named("steps", line["steps"]))
    return ", ".join(words)


def note(tidy: pd.DataFrame, found: pd.DataFrame) -> str:
    """What a reader must know to read the figure of `found`, the points of these tidy rows."""
    drawn = tidy[~tidy["method"].isin(CONTROLS)].assign(reverted=float("nan"))  # which no marker shows
    facts = [
        caption(drawn, intervals=False),
        "frames per second: of scoring decoded frames at the budget's size, on the device named, as measured when the "
        "cells ran",
    ]
    if found["seeds"].map(len).max() > 1:
        facts.append("bars: lowest to highest of several seeds")
    return "; ".join(facts)
