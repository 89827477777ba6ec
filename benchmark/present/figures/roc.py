"""ROC curves: a panel per source and target, a curve per method and way to adapt, named below beside its AUC."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from crossvad.datasets.errors import InputError
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.tidy import counted_frames_of_cells
from crossvad.planning.protocol import Protocol
from crossvad.present.figures.curves import SCENES
from crossvad.present.figures.panels import panels
from crossvad.present.figures.style import COLOURS, DASHES, GREY, CurveStyle
from crossvad.present.tables import CONTROLS, named
from crossvad.store.store import Record, Store

LINE = ("method", "tuning", "shots", "steps")  # what tells curves apart
GRID = np.linspace(0, 1, 501)  # false positive rates at which the curves of several seeds are averaged


def curves(store: Store, records: Iterable[Record], rules: Protocol) -> pd.DataFrame:
    """The curve of every finished cell that the protocol may read, but of those that are no detectors.

    Columns: source, target, those of `LINE`, support, budget, seed; `auc` in %; `rates`, false and true positive, (n,)
    each, from (0, 0) to (1, 1).
    """
    keys = [*SCENES, *LINE, "support", "budget", "seed"]
    rows = []
    for record, read in counted_frames_of_cells(store, records, rules):
        if record.cell.method not in CONTROLS:
            frames = read(rules)
            rates = roc_curve(frames.labels, frames.scores)[:2]
            auc = 100 * micro_auc(frames.labels, frames.scores)
            rows.append([*(getattr(record.cell, key) for key in keys), auc, rates])
    return pd.DataFrame(rows, columns=[*keys, "auc", "rates"])


def averaged(found: pd.DataFrame) -> pd.DataFrame:
    """One curve for all seeds of a line: the mean true positive rate at each false positive rate; a single one as is.

    Raises:
        InputError: seeds would mix budgets or supports.
    """
    rows = []
    for place, group in found.groupby([*SCENES, *LINE], sort=False):
        for key in ("budget", "support"):
            if group[key].nunique() > 1:
                values = ", ".join(sorted(group[key].unique()))
                raise InputError("this figure", f"would mix {key}s {values}", f"add --where {key}=…")
        if len(group) > 1:
            means = np.mean([np.interp(GRID, *rates) for rates in group["rates"]], axis=0)
            rates = (np.r_[0, GRID], np.r_[0, means])
        else:
            rates = group["rates"].iloc[0]
        rows.append([*place, group["auc"].mean(), rates])
    return pd.DataFrame(rows, columns=[*SCENES, *LINE, "auc", "rates"])


def looks(found: pd.DataFrame) -> dict[tuple[Any, ...], CurveStyle]:
    """How to draw each curve, by the values of `LINE`: a colour per method, a dash per way to adapt, dots for none.

    Raises:
        InputError: there are more methods, or ways, than can be told apart.
    """
    lines = [*found[[*LINE]].drop_duplicates().itertuples(index=False, name=None)]
    methods = list(dict.fromkeys(line[0] for line in lines))
    ways = list(dict.fromkeys(line[1:] for line in lines if line[2]))
    if len(methods) > len(COLOURS) or len(ways) > len(DASHES):
        problem = f"would have {len(methods)} methods and {len(ways)} ways to adapt, more than can be told apart"
        raise InputError("this figure", problem, "add --where method=…, shots=… or tuning=…")
    dots = (0, (1, 1)) if ways else "solid"
    return {
        line: CurveStyle(COLOURS[methods.index(line[0])], "", DASHES[ways.index(line[1:])] if line[2] else dots)
        for line in lines
    }


def figure(found: pd.DataFrame, note: str) -> Figure:
    """The curves of `averaged`, each named beside its AUC, and below them the caption."""
    chosen = looks(found)
    adapted = found[found["shots"] > 0]
    told = [key for key in LINE if key != "steps" or adapted[key].nunique() > 1]
    return panels(
        found,
        lambda axes, lines: _panel(axes, lines, chosen, told),
        lambda line: _label(line, told),
        ("false alarms among normal frames", "abnormal frames found"),
        note,
        beside=0.9,
    )


def _panel(axes: Axes, lines: pd.DataFrame, chosen: dict[tuple[Any, ...], CurveStyle], told: list[str]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8)
    for line in lines.sort_values("auc", ascending=False).to_dict("records"):
        look = chosen[tuple(line[key] for key in LINE)]
        name = f"{line['auc']:.1f}  {_label(line, told)}"
        axes.plot(*line["rates"], color=look.colour, linestyle=look.dash, linewidth=1.3, label=name)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.08, -0.2), fontsize=7, frameon=False, handlelength=2.4)


def _label(line: Mapping[Hashable, Any], told: list[str]) -> str:
    """A curve's name: the method, and how it was adapted if it was."""
    words = [named(key, line[key]) for key in told]
    return ", ".join(words if line["shots"] else words[:1])


def caption(found: pd.DataFrame, rules: str) -> str:
    """What a reader must know to read the figure of `found`, the curves of cells."""
    seeds = found.groupby([*SCENES, *LINE]).size()
    facts = [
        "AUC in %; of frames",
        f"protocol {rules}",
        f"budget {', '.join(found['budget'].unique())}",
        f"support {', '.join(name for name in found['support'].unique() if name != 'none') or 'none'}",
        f"{' to '.join(dict.fromkeys(map(str, (seeds.min(), seeds.max()))))} seeds a curve",
    ]
    if seeds.max() > 1:
        facts.append("curves: mean over seeds; AUC: mean of theirs")
    return "; ".join(facts)
