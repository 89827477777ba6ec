"""ROC curves: a panel per source and target, a curve per method and way to adapt, named below beside its AUC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.cell_evaluation import counted_frames_of_cells
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.selection import published_evaluation, transductive
from crossvad.planning.archives import published_videos
from crossvad.planning.protocol import Protocol
from crossvad.present import captions
from crossvad.present.figures.crowds import Scene, coinciding, readable
from crossvad.present.figures.few_panels import few_panels
from crossvad.present.figures.layout import SCENES
from crossvad.present.figures.plot import RowsPlot, register
from crossvad.present.figures.scene_panels import scene_panels
from crossvad.present.figures.style import COLOURS, DASHES, GREY, CurveStyle
from crossvad.present.words import cell_name, is_control, steps_differ
from crossvad.store.store import Record, Store

LINE = ("method", "tuning", "shots", "steps")  # what tells curves apart
GRID = np.linspace(0, 1, 501)  # false positive rates at which the curves of several seeds are averaged
LINE_WIDTH = 0.7  # % of a panel's side


@register
class Roc(RowsPlot):
    """ROC curves: a panel per source and target, a curve per method and way to adapt, named beside its AUC.

    \b
    bench plot roc --where source=ped2 --where target=ped2 --where budget=quick --out roc.pdf
    """

    name = "roc"

    def rows(self, store: Store, records: Sequence[Record], protocol: Protocol) -> pd.DataFrame:
        """Read the curve of every finished cell that the protocol may read, but of those that are no detectors.

        Columns: source, target, those of `LINE`, support, budget, seed; protocol, its name; postprocessing, by the
        method's authors; `auc` in %; `rates`, false and true positive, (n,) each, from (0, 0) to (1, 1), none where
        all frames are of one class; transductive; `videos` scored, and `of_videos` published.
        """
        keys = [*SCENES, *LINE, "support", "budget", "seed"]
        rows = []
        for record, read in counted_frames_of_cells(store, records, protocol):
            if not is_control(record.cell.method):
                frames = read(protocol)
                auc = 100 * micro_auc(frames.labels, frames.scores)
                rates = None if np.isnan(auc) else roc_curve(frames.labels, frames.scores)[:2]
                counts = {"videos": len(np.unique(frames.videos)), "of_videos": published_videos(record.cell.target)}
                facts: dict[str, Any] = {"protocol": protocol.name, "postprocessing": str(published_evaluation(record))}
                facts |= {"auc": auc, "rates": rates, "transductive": transductive(record)} | counts
                rows.append({key: getattr(record.cell, key) for key in keys} | facts)
        columns = [*keys, "protocol", "postprocessing", "auc", "rates", "transductive", "videos", "of_videos"]
        return pd.DataFrame(rows, columns=columns)

    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Average the curves of several seeds: the mean true positive rate at each false positive rate.

        Where there is no AUC there is no curve.

        Raises:
            InputError: seeds would mix budgets or supports.
        """
        curve, rows = [*SCENES, *LINE], rows[rows["auc"].notna()]
        refuse_mixtures(*(Alike(rows, key, curve) for key in ("budget", "support")))
        means = []
        for values, group in rows.groupby(curve, sort=False):
            rates = group["rates"].iloc[0]
            if len(group) > 1:
                mean = np.mean([np.interp(GRID, *of_seed) for of_seed in group["rates"]], axis=0)
                rates = (np.r_[0, GRID], np.r_[0, mean])
            means.append([*values, group["auc"].mean(), rates])
        return pd.DataFrame(means, columns=[*curve, "auc", "rates"])

    def thinned(self, points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Leave out panels and curves that are too many to read, and name curves that lie on one another."""
        points, few = few_panels(points)
        points, left_out = readable(points, LINE, partial(cell_name, stepped=steps_differ(points)))
        stepped = steps_differ(points)
        curves: dict[str, dict[Scene, NDArray[np.float64]]] = {}
        for line in points.to_dict("records"):
            of = curves.setdefault(cell_name(line, stepped), {})
            of[line["source"], line["target"]] = _beside_diagonal(*line["rates"])
        return points, [*few, *left_out, *coinciding(curves, LINE_WIDTH)]

    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the figure of these cells' curves."""
        seeds = rows.groupby([*SCENES, *LINE]).size()
        facts = [
            "AUC in %; of frames",
            captions.protocols(rows),
            captions.values(rows, "budget"),
            captions.support(rows["support"]),
            *captions.partial(rows),
            *captions.one_class(rows),
            *captions.transductive(rows),
            f"{captions.seed_counts(seeds)} a curve",
        ]
        if seeds.max() > 1:
            facts.append("curves: mean over seeds; AUC: mean of theirs")
        return "; ".join(facts)

    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw the curves, each named beside its AUC, and below them the caption."""
        chosen = styles(points)
        stepped = steps_differ(points)
        return scene_panels(
            points,
            lambda axes, lines: _draw_panel(axes, lines, chosen, stepped),
            lambda line: cell_name(line, stepped),
            ("false alarms among normal frames", "abnormal frames found"),
            note,
            beside=0.9,
        )


def styles(points: pd.DataFrame) -> dict[tuple[Any, ...], CurveStyle]:
    """Choose how to draw each curve, by the values of `LINE`.

    A colour stands for a method, a dash for a way to adapt; what was not adapted is dotted. Where nothing was adapted,
    or there are too many methods or ways for that, colours that have run out come again with other dashes, for up to
    `crowds.MOST` curves.
    """
    lines = [*points[[*LINE]].drop_duplicates().itertuples(index=False, name=None)]
    methods = list(dict.fromkeys(line[0] for line in lines))
    ways = list(dict.fromkeys(line[1:] for line in lines if line[2]))
    bare = Counter(line[0] for line in lines if not line[2])
    if ways and len(methods) <= len(COLOURS) and len(ways) <= len(DASHES) and set(bare.values()) <= {1}:
        return {
            line: CurveStyle(
                COLOURS[methods.index(line[0])], "", DASHES[ways.index(line[1:])] if line[2] else (0, (1, 1))
            )
            for line in lines
        }
    chosen = {}
    for number, line in enumerate(lines):
        again, colour = divmod(number, len(COLOURS))
        chosen[line] = CurveStyle(COLOURS[colour], "", DASHES[again % len(DASHES)])
    return chosen


def _beside_diagonal(false: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a curve is from the diagonal, along it, in % of a panel's side: as far as it looks where it is steep."""
    return 100 / np.sqrt(2) * np.interp(2 * GRID, false + true, true - false)


def _draw_panel(axes: Axes, lines: pd.DataFrame, chosen: dict[tuple[Any, ...], CurveStyle], stepped: bool) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_aspect("equal", anchor="W")  # names below begin where the panel does
    axes.tick_params(labelsize=8)
    for line in lines.sort_values("auc", ascending=False).to_dict("records"):
        style = chosen[tuple(line[key] for key in LINE)]
        name = f"{line['auc']:.1f}  {cell_name(line, stepped)}"
        axes.plot(*line["rates"], color=style.colour, linestyle=style.dash, linewidth=1.3, label=name)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.08, -0.2), fontsize=7, frameon=False, handlelength=2.4)
