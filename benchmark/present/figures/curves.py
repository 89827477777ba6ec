"""AUC against the number of shots, or of adaptation steps: a panel per source and target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossvad.evaluation.tidy import table
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.protocol import Protocol
from crossvad.present import captions
from crossvad.present.figures import layout
from crossvad.present.figures.crowds import coinciding, readable, readable_levels
from crossvad.present.figures.curve_axes import ACROSS_TICK, PANEL, draw_curve, draw_levels, scale_from_0
from crossvad.present.figures.curve_points import SHOTS, STEPS, Along, adapted_scenes, detectors, points, stepless
from crossvad.present.figures.curve_styles import label, level_dashes, styles
from crossvad.present.figures.few_panels import few_panels
from crossvad.present.figures.layout import SCENES
from crossvad.present.figures.plot import RowsPlot, register
from crossvad.present.figures.style import CurveStyle
from crossvad.store.store import Record, Store

ACROSS = 3  # panels in a row, at most
BESIDE = 0.034  # share of a panel's width that neighbours are moved sideways, at most: none hides another's bars


class Curves(RowsPlot):
    """AUC against how much a method was adapted."""

    along: ClassVar[Along]
    panels: ClassVar[Sequence[str]] = SCENES  # keys of cells that tell panels apart
    with_starts = True

    def rows(self, store: Store, records: Sequence[Record], protocol: Protocol) -> pd.DataFrame:
        """Read the tidy rows of scenes on which something adapted."""
        return adapted_scenes(table(store, records, protocol))

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Turn them into the points of curves."""
        return points(rows, self.along)

    def thinned(self, points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Leave out panels and lines that are too many to read, and name curves that lie on one another."""
        points, few = few_panels(points, self.panels)
        points, left_out = readable(points, self.along.line, label)
        points, left_out_levels = readable_levels(points)
        drawn = points[~points["level"] & points["auc"].notna()]
        curves = {
            label(dict(zip(self.along.line, line, strict=True))): {
                scene: here[[self.along.key, "auc"]].to_numpy(float) for scene, here in of.groupby(SCENES)
            }
            for line, of in drawn.groupby(list(self.along.line), sort=False)
        }
        return points, [*few, *left_out, *left_out_levels, *coinciding(curves)]

    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the curves."""
        rows = detectors(rows)
        done = rows[rows["status"] == "done"]
        return "; ".join([
            *captions.incomparable(rows),
            "AUC in %",
            captions.protocols(done),
            captions.values(done, "budget"),
            *captions.partial(done),
            *captions.one_class(done),
            *_adaptation(done[done["shots"] > 0], self.along),
            *captions.contamination(done),
            *captions.transductive(done),
            *_drawn(points.dropna(subset="auc"), self.along),
            *(f"{fact}, and their points" for fact in captions.missing(rows)),
        ])  # fmt: skip

    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw a panel per source and target, the legend above them, and below them the caption."""
        chosen = styles(points, self.along)
        scenes = list(points.groupby(SCENES, sort=True))
        across, down = layout.balanced(len(scenes), ACROSS)
        width = max(across * PANEL[0] + 0.9, 5.2)
        labels = {line: label(dict(zip(self.along.line, line, strict=True))) for line in chosen}
        most = int(width / (0.7 + 0.065 * max(map(len, labels.values()), default=1)))
        abreast, deep = layout.balanced(len(labels), most)
        drawn = layout.page(width, down * PANEL[1] + 0.18 * deep + 0.5, note)
        grid = layout.panels(drawn, len(scenes), (across, down), sharey=True)
        handles: dict[tuple[Any, ...], Artist] = {}
        for axes, (scene, lines) in zip(grid, scenes, strict=True):
            layout.scene_title(axes, scene)
            handles |= _draw_panel(axes, lines, points, self.along, chosen)
        log = " (log scale)" if points[self.along.key].nunique() > 2 else ""
        layout.label_edges(grid, across, self.along.label + log, "AUC in %", size=9)
        order = [line for line in chosen if line in handles]
        layout.legend_above(
            drawn, [handles[line] for line in order], [labels[line] for line in order], ncols=abreast, handlelength=3.2
        )
        return drawn


@register
class Shots(Curves):
    """AUC against the number of shots K: a panel per source and target, a curve per method and tuning.

    Thin bars are 95 % intervals of a single seed, pale ones the range of several. Grey lines need neither training
    nor shots. `random` and `ramp`, which are no detectors, are not drawn.

    \b
    bench plot shots --where source=path:normal --out shots.svg
    bench plot shots --where budget=quick --where steps=10 --where method=apn,lmn --out shots.pdf
    """

    name = "shots"
    along = SHOTS


@register
class Steps(Curves):
    """AUC against the number of adaptation steps: a panel per source and target, a curve per method, tuning and K.

    At 0 steps is the method at K = 0. `random` and `ramp`, which are no detectors, are not drawn.

    \b
    bench plot steps --where method=apn --where shots=5 --out steps.svg
    """

    name = "steps"
    along = STEPS


def _adaptation(adapted: pd.DataFrame, along: Along) -> list[str]:
    """Say on what and how far the cells were adapted."""
    facts = captions.supports(adapted) or [captions.support(adapted["support"])]
    if along is STEPS:
        facts.append("at 0 steps: K = 0")
        facts += [f"not drawn, as they take no steps: {captions.listed(names)}"] if (names := stepless(adapted)) else []
    elif len(steps := adapted.loc[adapted["tuning"] != NO_TUNING, "steps"].unique()):
        facts.append(f"steps {captions.listed(steps)}")
    return facts


def _drawn(points: pd.DataFrame, along: Along) -> list[str]:
    """Say what the points, bars, bands and lines are."""
    curves, levels = points[~points["level"]], points[points["level"]]
    line = [*SCENES, *along.line]
    seeds = sorted({seed for each in (curves if len(curves) else levels)["seeds"] for seed in each})
    unequal = curves.groupby(line)["seeds"].nunique().max() > 1
    facts = [f"{captions.seed_numbers(seeds)}{', not all of them at every point' if unequal else ''}"]
    several = curves["seeds"].map(len) > 1
    single = ~several & curves["low"].notna()
    if several.any():
        facts.append("points: mean over seeds; pale bars: from the lowest to the highest seed, on the same videos")
    if single.any():
        facts.append("thin bars: 95 % of a single seed, bootstrap over videos")
    if several.any() and single.any():  # pale ones are shorter, as they leave out the chance that lies in the videos
        facts.append("pale bars do not compare with thin ones")
    return [*facts, *drawn_facts(points, along)]


def drawn_facts(points: pd.DataFrame, along: Along) -> list[str]:
    """Say what the lines and marks of curves are, whatever their points are of."""
    curves, levels = points[~points["level"]], points[points["level"]]
    facts = []
    if curves[[*SCENES, *along.line]].drop_duplicates().duplicated(SCENES).any():
        facts.append("curves set apart sideways")
    if points["repeated"].any():
        facts.append("a start that several tunings share is marked once")
    if len(levels):
        facts.append("grey lines: nothing trained, nothing adapted")
    if (curves["reverted"] > 0).any():
        facts.append("hollow: some adaptation raised its own support loss, and was taken back")
    return facts


def _draw_panel(
    axes: Axes, lines: pd.DataFrame, points: pd.DataFrame, along: Along, chosen: dict[tuple[Any, ...], CurveStyle]
) -> dict[tuple[Any, ...], Artist]:
    """Draw the lines of one scene, on the scales of all points; returns what a legend shows of each curve."""
    room = scale_from_0(axes, sorted(points[along.key].unique()))
    bottom, top = _limits(points)
    axes.set_ylim(bottom, top)
    axes.tick_params(labelsize=8)
    draw_levels(axes, lines[lines["level"]], level_dashes(points), (top - bottom) / (72 * PANEL[1]))
    curves = dict(list(lines[~lines["level"]].groupby(list(along.line))))
    handles = {}
    for number, line in enumerate(line for line in chosen if line in curves):
        own = min(BESIDE, ACROSS_TICK * room / len(curves))
        aside = own * (number - (len(curves) - 1) / 2)
        handles[line] = draw_curve(axes, curves[line], along.key, chosen[line], aside, own)
    return handles


def _limits(points: pd.DataFrame) -> tuple[float, float]:
    """Reach from below the lowest to above the highest of all that is drawn, so that panels share one scale."""
    curves = points[~points["level"]]
    drawn = pd.concat([points["auc"], curves["low"], curves["high"]])
    return max(0.0, drawn.min() - 2), min(100.0, drawn.max() + 2)
