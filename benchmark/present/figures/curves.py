"""AUC against the number of shots, or of adaptation steps: the points of the curves, and the picture of them."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from crossvad.datasets.errors import InputError
from crossvad.evaluation.selection import mixtures, spread_unadapted
from crossvad.present.figures.style import COLOURS, DASHES, GREY, MARKERS, CurveStyle, titled
from crossvad.present.tables import CONTROLS, named

SCENES = ["source", "target"]  # a panel each
LEVELS = ("framediff", "extrapolate")  # learn nothing and adapt to nothing: a level to be beaten, no curve
LEVEL_DASHES: tuple[Any, ...] = ((0, (4, 3)), (0, (1, 2)))
PANEL = (3.1, 2.5)  # inches: width, height
ACROSS = 3  # panels in a row, at most
BESIDE = 6.0  # points that neighbours are moved sideways, at most, so that none hides another's bars


@dataclass(frozen=True)
class Along:
    """What the curves of a figure run along."""

    key: str
    line: tuple[str, ...]  # keys that tell the curves of a panel apart
    label: str


SHOTS = Along("shots", ("method", "tuning"), "shots K")
STEPS = Along("steps", ("method", "tuning", "shots"), "adaptation steps")


def adapted_scenes(tidy: pd.DataFrame) -> pd.DataFrame:
    """The tidy rows of those sources and targets on which something adapted; all, if nothing did.

    A curve of one point would take a panel from those that show something.
    """
    adapts = tidy.groupby(SCENES)["shots"].transform("max") > 0
    return tidy[adapts] if adapts.any() else tidy


def points(tidy: pd.DataFrame, along: Along) -> pd.DataFrame:
    """The points of the curves, a row each, those of a curve in a row.

    Columns: source, target, the keys of `along.line`, and `along.key`; `auc`, mean over seeds, and its interval from
    `low` to `high`, all in %; `seeds`, a tuple; `reverted`, as in the tidy rows, mean over seeds, NaN where unknown;
    `level`, whether it is no point of a curve but one of `LEVELS`. The interval is the bootstrap's for one seed, and
    the lowest and highest of several. Where a seed is missing there is no `auc`, but NaN.

    Every curve begins at 0 with the row it starts from, of the same seeds. A method that was not adapted is a curve of
    that point alone.

    Raises:
        InputError: the rows mix budgets, supports of one panel or, along shots, numbers of steps.
    """
    rows = tidy[~_names(tidy).isin(CONTROLS)]
    _refuse_mixtures(rows, along)
    rows = rows.assign(reverted=rows["reverted"].astype(float) if "reverted" in rows else np.nan)
    level = _names(rows).isin(LEVELS)
    curves = _each_shots_start(_started(rows[~level])) if along is STEPS else _started(rows[~level])
    keys = [*SCENES, *along.line, *([] if along.key in along.line else [along.key]), "level"]
    both = pd.concat([curves.assign(level=False), rows[level].assign(level=True)])
    found = [dict(zip(keys, key, strict=True)) | _point(group) for key, group in both.groupby(keys, sort=False)]
    columns = [*keys[:-1], "auc", "low", "high", "seeds", "reverted", "level"]
    return pd.DataFrame(found, columns=columns).sort_values(keys, ignore_index=True)


def _names(rows: pd.DataFrame) -> pd.Series:
    """Methods without their options."""
    return rows["method"].str.split("[").str[0]


def _refuse_mixtures(rows: pd.DataFrame, along: Along) -> None:
    adapted = rows[rows["shots"] > 0]
    compared = [("budget", rows), ("steps", adapted[adapted["tuning"] != "none"])]
    compared += [("support", panel) for _, panel in adapted.groupby(SCENES)]  # one scene may lack what another has
    for key, which in compared:
        values = sorted(which[key].unique())
        if len(values) > 1 and key != along.key:
            mixed = f"would mix {key.rstrip('s')}s {', '.join(map(str, values))}"
            raise InputError("this figure", mixed, f"add --where {key}={values[-1]}")


def _started(rows: pd.DataFrame) -> pd.DataFrame:
    """Let every tuning's curve begin with what it starts from, and with nothing else.

    Left out are starts of seeds that were not adapted where others were, and a method's plain start where its tunings
    have learned their own.
    """
    spread = spread_unadapted(rows)
    unadapted, untuned = spread["shots"] == 0, spread["tuning"] == "none"
    of = [*SCENES, "method"]
    plain = untuned & _found_in(spread, spread[~untuned], of)
    of.append("tuning")
    other_seed = _found_in(spread, spread[~unadapted], of) & ~_found_in(spread, spread[~unadapted], [*of, "seed"])
    return spread[~(unadapted & (plain | other_seed))]


def _each_shots_start(rows: pd.DataFrame) -> pd.DataFrame:
    """Let the curve of every K begin with what the tuning starts from, as if that were its 0 steps.

    Without untrained methods that adapt in a way of their own, which takes no steps.
    """
    stepless = rows[(rows["tuning"] == "none") & (rows["shots"] > 0)]
    rows = rows[~rows["method"].isin(stepless["method"])]
    adapted, starts = rows[rows["shots"] > 0], rows[rows["shots"] == 0]
    of = [*SCENES, "method", "tuning"]
    curves = adapted[[*of, "seed", "shots"]].drop_duplicates()
    copies = starts.drop(columns="shots").merge(curves, on=[*of, "seed"])
    return pd.concat([starts[~_found_in(starts, adapted, of)], copies[rows.columns], adapted])


def _found_in(rows: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> pd.Series:
    """For each row whether one of the others has the same keys."""
    return pd.Series(rows.set_index(keys).index.isin(others.set_index(keys).index), rows.index)


def _point(group: pd.DataFrame) -> dict[str, Any]:
    """What the seeds of one place make of it."""
    if group["auc"].isna().any():
        auc = low = high = float("nan")
    elif len(group) > 1:
        auc, low, high = group["auc"].mean(), group["auc"].min(), group["auc"].max()
    else:
        auc, low, high = group[["auc", "auc_low", "auc_high"]].iloc[0]
    seeds = tuple(sorted(group["seed"]))
    return {"auc": auc, "low": low, "high": high, "seeds": seeds, "reverted": group["reverted"].mean()}


def caption(tidy: pd.DataFrame, found: pd.DataFrame, along: Along) -> str:
    """What a reader must know to read the figure of `found`, the points of these tidy rows."""
    rows = tidy[~_names(tidy).isin(CONTROLS)]
    done = rows[rows["status"] == "done"]
    drawn = found.dropna(subset="auc")
    curves, levels = drawn[~drawn["level"]], drawn[drawn["level"]]
    facts = [f"NOT COMPARABLE throughout: mixes {'; '.join(mixed)}"] if (mixed := mixtures(rows)) else []
    facts += ["AUC in %", *(f"{name} {', '.join(done[name].unique())}" for name in ("protocol", "budget"))]
    adapted = done[done["shots"] > 0]
    supports = adapted.groupby("target")["support"].first()
    if supports.nunique() > 1:
        facts += [f"support on {target}: {support}" for target, support in supports.items()]
    else:
        facts.append(f"support {', '.join(supports.unique()) or 'none'}")
    if along is STEPS:
        facts.append("at 0 steps: K = 0")
    elif len(steps := adapted.loc[adapted["tuning"] != "none", "steps"].unique()):
        facts.append(f"steps {', '.join(map(str, steps))}")
    if done["contamination"].max() > 0:
        facts.append(f"up to {done['contamination'].max():.0f} % of the support frames are abnormal")
    unequal = curves.groupby([*SCENES, *along.line])["seeds"].nunique().max() > 1
    seeds = ", ".join(
        map(str, sorted({seed for each in (curves if len(curves) else levels)["seeds"] for seed in each}))
    )
    facts.append(f"seeds {seeds}{', not all of them at every point' if unequal else ''}")
    several = curves["seeds"].map(len) > 1
    single = ~several & curves["low"].notna()
    if several.any():
        facts.append("points: mean over seeds; bands: from the lowest to the highest seed, on the same videos")
    if single.any():
        facts.append("bars: 95 % of a single seed, bootstrap over videos")
    if several.any() and single.any():  # bands are narrower, as they leave out the chance that lies in the videos
        facts.append("bands do not compare with bars")
    if curves[[*SCENES, *along.line]].drop_duplicates().duplicated(SCENES).any():
        facts.append("curves set apart sideways")
    if len(levels):
        facts.append("grey lines: nothing trained, nothing adapted")
    if (curves["reverted"] > 0).any():
        facts.append("hollow: some adaptation raised its own support loss, and was taken back")
    if len(missing := rows[rows["status"] != "done"]):
        kinds = ", ".join(sorted(missing["status"].unique()))
        facts.append(f"{len(missing)} of {len(rows)} cells missing ({kinds}), and their points")
    return "; ".join(facts)


def looks(found: pd.DataFrame, along: Along) -> dict[tuple[Any, ...], CurveStyle]:
    """How to draw each curve, by the values of `along.line`; no two alike.

    Markers and colours tell curves apart. Where several methods have several curves each, so that a reader looks for
    those of one method, colours tell methods apart, and dashes the tuning and what else there is.

    Raises:
        InputError: there are too many.
    """
    curves = found.loc[~found["level"], list(along.line)].drop_duplicates()
    lines = [*curves.itertuples(index=False, name=None)]
    methods = curves["method"].value_counts(sort=False)
    grouped = (methods > 1).sum() > 1
    ways = list(dict.fromkeys(line[1:] for line in lines if line[1] != "none"))
    chosen: dict[tuple[Any, ...], CurveStyle] = {}
    for number, line in enumerate(lines):
        colour = list(methods.index).index(line[0]) if grouped else number
        dash = ways.index(line[1:]) if grouped and line[1:] in ways else 0
        chosen[line] = CurveStyle(
            COLOURS[colour % len(COLOURS)], MARKERS[number % len(MARKERS)], DASHES[dash % len(DASHES)]
        )
    if len({repr(look) for look in chosen.values()}) < len(chosen):
        problem = f"would have {len(chosen)} curves, more than can be told apart"
        raise InputError("this figure", problem, "add --where method=… or tuning=…")
    return chosen


def figure(found: pd.DataFrame, along: Along, note: str) -> Figure:
    """A panel per source and target, a curve per method and way to adapt, and below them all the caption."""
    chosen = looks(found, along)
    panels = list(found.groupby(SCENES, sort=True))
    across, down = _balanced(len(panels), ACROSS)
    width = max(across * PANEL[0] + 0.9, 5.2)
    labels = {line: _label(dict(zip(along.line, line, strict=True))) for line in chosen}
    abreast, deep = _balanced(len(labels), int(width / (0.7 + 0.065 * max(map(len, labels.values()), default=1))))
    text = textwrap.fill(note.replace(" %", "\N{NO-BREAK SPACE}%"), int(width * 19))
    margins = 0.18 * deep + 0.13 * (text.count("\n") + 1)
    drawn = Figure(figsize=(width, down * PANEL[1] + margins + 0.5), layout="constrained")
    grid = drawn.subplots(down, across, sharey=True, squeeze=False).ravel()
    places = sorted(found[along.key].unique())
    bottom, top = _limits(found)
    handles: dict[tuple[Any, ...], Artist] = {}
    for number, (axes, (scene, of_scene)) in enumerate(zip(grid, panels, strict=False)):
        title = " -> ".join(map(str, scene))
        titled(axes, title, min(9.5, 9.5 * 36 / len(title)))
        room = _scale(axes, places)
        axes.set_ylim(bottom, top)
        axes.tick_params(labelsize=8)
        _levels(axes, of_scene[of_scene["level"]], (top - bottom) / (72 * PANEL[1]))
        curves = dict(list(of_scene[~of_scene["level"]].groupby(list(along.line))))
        for place, line in enumerate(line for line in chosen if line in curves):
            aside = min(BESIDE, 0.5 * room / len(curves)) * (place - (len(curves) - 1) / 2)
            handles[line] = _curve(axes, curves[line].rename(columns={along.key: "x"}), chosen[line], aside)
        if number % across == 0:
            axes.set_ylabel("AUC in %", fontsize=9)
        if number + across >= len(panels):
            axes.set_xlabel(along.label + (" (log scale)" if len(places) > 2 else ""), fontsize=9)
    for axes in grid[len(panels) :]:
        axes.remove()
    order = [line for line in chosen if line in handles]
    drawn.legend(
        [handles[line] for line in order],
        [labels[line] for line in order],
        loc="outside upper left",
        ncols=abreast,
        fontsize=8,
        frameon=False,
        handlelength=3.2,
    )
    drawn.supxlabel(text, x=0.01, ha="left", fontsize=7)
    return drawn


def _balanced(count: int, most: int) -> tuple[int, int]:
    """So many things in as few rows as go with at most so many in a row: columns, of like lengths, and rows."""
    rows = math.ceil(count / max(1, most))
    return math.ceil(count / max(1, rows)) or 1, rows


def _label(line: Mapping[str, Any]) -> str:
    """A curve's name in the legend."""
    parts = [named(key, value) for key, value in line.items()]
    return ", ".join(part for part in parts if part not in ("none", "K = 0"))


def _limits(found: pd.DataFrame) -> tuple[float, float]:
    """From below the lowest to above the highest of all that is drawn, so that panels share one scale."""
    curves = found[~found["level"]]
    drawn = pd.concat([found["auc"], curves["low"], curves["high"]])
    return max(0.0, drawn.min() - 2), min(100.0, drawn.max() + 2)


def _scale(axes: Axes, places: Sequence[int]) -> float:
    """A log scale with a tick at each place, and 0 at the left of it; how far neighbours are, at least, in points."""
    above = [place for place in places if place > 0]
    if above:
        gap = 0.9 * math.log10(above[-1] / above[0]) / (len(above) - 1) if len(above) > 1 else 1.0
        axes.set_xscale("symlog", linthresh=above[0], linscale=gap)
        axes.set_xlim(-0.3 * above[0], above[-1] * 10 ** (0.3 * gap))
    else:
        axes.set_xlim(-1, 1)
    axes.set_xticks(places, list(map(str, places)))
    axes.set_xticks([], minor=True)
    shares = (axes.transScale + axes.transLimits).transform([(place, 1.0) for place in places])[:, 0]
    return 72 * PANEL[0] * 0.8 * float(np.diff(shares).min(initial=1.0))


def _curve(axes: Axes, curve: pd.DataFrame, look: CurveStyle, aside: float) -> Artist:
    """Draw one curve, moved `aside` by so many points, and return what a legend shows of it."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    at = axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    style: dict[str, Any] = {"color": look.colour, "transform": at}
    x, y, low, high = (curve[name].to_numpy() for name in ("x", "auc", "low", "high"))
    several, known = (curve["seeds"].map(len) > 1).to_numpy(), ~np.isnan(low)
    banded, one = several & known, ~several & known
    alone = banded & ~np.r_[False, banded[:-1]] & ~np.r_[banded[1:], False]  # where a band would have no width
    axes.fill_between(x, low, high, where=banded & ~alone, alpha=0.15, linewidth=0, **style)
    axes.vlines(x[alone], low[alone], high[alone], alpha=0.2, linewidth=6, **style)
    arms = [y[one] - low[one], high[one] - y[one]]
    axes.errorbar(x[one], y[one], arms, fmt="none", elinewidth=0.8, capsize=2, alpha=0.7, **style)
    (line,) = axes.plot(x, y, look.marker, linestyle=look.dash, linewidth=1.5, markersize=5.5, **style)
    hollow = (curve["reverted"] > 0).to_numpy()
    axes.plot(x[hollow], y[hollow], look.marker, markersize=5.5, markerfacecolor="white", **style)
    return line


def _levels(axes: Axes, levels: pd.DataFrame, per_point: float) -> None:
    """Draw the lines of what learns nothing, named at their right ends; `per_point`: AUC in % per point of height."""
    levels = levels.dropna(subset="auc").sort_values("auc")
    values = levels["auc"].to_list()
    for method, auc, place in zip(levels["method"], values, apart(values, 8 * per_point), strict=True):
        dash = LEVEL_DASHES[LEVELS.index(method.partition("[")[0])]
        axes.axhline(auc, color=GREY, linewidth=0.9, linestyle=dash, zorder=1)
        axes.annotate(
            method,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=GREY,
        )


def apart(values: Sequence[float], least: float) -> list[float]:
    """Ascending values, moved as little as need be, so that neighbours are at least so far from each other."""
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and _middle(groups[-1]) - _middle(groups[-2]) < least * sum(map(len, groups[-2:])) / 2:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_middle(group) + least * (place - (len(group) - 1) / 2) for group in groups for place in range(len(group))]


def _middle(group: Sequence[float]) -> float:
    return sum(group) / len(group)
