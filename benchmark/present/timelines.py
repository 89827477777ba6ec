"""Anomaly scores over the frames of test videos, abnormal spans shaded."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import rankdata

from crossvad.datasets.base import InputError
from crossvad.evaluation.rows import judged_cells
from crossvad.present.curves import COLOURS, SCENES
from crossvad.present.style import titled
from crossvad.present.tables import named
from crossvad.protocol import Protocol
from crossvad.store import Record, Store

KEYS = [*SCENES, "method", "tuning", "support", "shots", "steps", "budget", "seed"]
SHADE = "0.87"
MOST = 4  # curves that can be read in one panel
PANEL, ACROSS = (2.6, 1.1), 3  # inches: width, height; panels in a row, at most


def tracks(store: Store, records: Iterable[Record], rules: Protocol) -> pd.DataFrame:
    """The counted scores of every finished cell that the protocol may read, a row per cell and video.

    Columns: `KEYS`; video, its name; `frames`, `labels` and `scores`, (n,) each, of the frames that count. A score is
    given by its rank, in % of all counted frames of the cell: methods then share a scale that no outlier stretches, and
    which frame is above which, all that an AUC sees, stays as it is.
    """
    rows = []
    for record, read in judged_cells(store, records, rules):
        counted, raw = read(rules), store.scores(record.cell)
        scores = 100 * (rankdata(counted.scores) - 0.5) / len(counted.scores)
        keys = [getattr(record.cell, key) for key in KEYS]
        for number, (video, length) in enumerate(zip(raw.videos, raw.lengths, strict=True)):
            mine = counted.videos == number
            frames = np.arange(length - mine.sum(), length)  # what does not count is at a video's head
            rows.append([*keys, str(video), frames, counted.labels[mine], scores[mine]])
    return pd.DataFrame(rows, columns=[*KEYS, "video", "frames", "labels", "scores"])


def chosen(found: pd.DataFrame, videos: Collection[str]) -> pd.DataFrame:
    """The rows of these videos, or of all, of each entry's first seed.

    Raises:
        InputError: no cell has such a video; there are several sources or targets, or too many entries for one panel.
    """
    for key in SCENES:
        if (several := sorted(found[key].unique()))[1:]:
            raise InputError("this figure", f"would mix {key}s {', '.join(several)}", f"add --where {key}={several[0]}")
    if unknown := sorted(set(videos) - set(found["video"])):
        raise InputError(f"--video {unknown[0]}", "is in no cell", f"choose from {', '.join(found['video'].unique())}")
    rows = found[found["video"].isin(videos)] if videos else found
    entry = [key for key in KEYS if key != "seed"]
    rows = rows[rows["seed"] == rows.groupby(entry)["seed"].transform("min")]
    if (count := len(rows[entry].drop_duplicates())) > MOST:
        problem = f"would have {count} curves a panel, more than {MOST}"
        raise InputError("this figure", problem, "add --where method=…, shots=… or tuning=…")
    return rows.assign(name=_names(rows))


def _names(rows: pd.DataFrame) -> list[str]:
    """What tells entries apart: the method, and what of its adaptation varies."""
    varying = [key for key in KEYS if key not in ("seed", "method") and rows[key].nunique() > 1]
    return [
        ", ".join([line["method"], *(named(key, line[key]) for key in varying)]) for line in rows.to_dict("records")
    ]


def spans(frames: NDArray[np.int64], labels: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Where abnormal frames lie, as (first, last + 1), of consecutive frames and their labels, (n,) each."""
    edges = np.flatnonzero(np.diff(np.r_[0, labels, 0]))
    return [(int(frames[0] + first), int(frames[0] + end)) for first, end in edges.reshape(-1, 2)]


def figure(rows: pd.DataFrame, note: str) -> Figure:
    """A panel per video of `chosen`, and below them all the caption."""
    panels = list(rows.groupby("video", sort=False))
    names = list(dict.fromkeys(rows["name"]))
    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    width = max(across * PANEL[0] + 0.4, 5.2)
    text = textwrap.fill(note, int(width * 19))
    size = (width, down * (PANEL[1] + 0.35) + 0.13 * (text.count("\n") + 1) + 0.18 * len(names) + 0.35)
    drawn = Figure(figsize=size, layout="constrained")
    grid = drawn.subplots(down, across, sharey=True, squeeze=False).ravel()
    for number, (axes, (video, lines)) in enumerate(zip(grid, panels, strict=False)):
        titled(axes, str(video), 8.5)
        longest = lines.iloc[int(lines["frames"].map(len).argmax())]  # by some protocols K says which frames count
        for begin, end in spans(longest["frames"], longest["labels"]):
            axes.axvspan(begin, end, color=SHADE, linewidth=0)
        for line in lines.itertuples():
            axes.plot(line.frames, line.scores, color=COLOURS[names.index(line.name)], linewidth=0.9, label=line.name)
        axes.set_ylim(-3, 103)
        axes.set_xlim(0, longest["frames"][-1] + 1)
        axes.tick_params(labelsize=7)
        if number + across >= len(panels):
            axes.set_xlabel("frame", fontsize=8)
        if number % across == 0:
            axes.set_ylabel("rank in %", fontsize=8)
    for axes in grid[len(panels) :]:
        axes.remove()
    handles = grid[0].get_legend_handles_labels()
    drawn.legend(*handles, loc="outside upper left", fontsize=8, frameon=False)
    drawn.supxlabel(text, x=0.01, ha="left", fontsize=7)
    return drawn


def caption(rows: pd.DataFrame, rules: str) -> str:
    """What a reader must know to read the figure."""
    fixed = [f"{key} {rows[key].iloc[0]}" for key in KEYS if key != "method" and rows[key].nunique() == 1]
    return (
        f"anomaly scores by protocol {rules}, as ranks among all counted frames of the test set, 100: most abnormal; "
        f"shaded: abnormal; before a curve begins, frames do not count; {', '.join(fixed)}"
    )
