"""Anomaly scores over the frames of test videos, abnormal spans shaded, and small frames where there is video."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, blended_transform_factory
from numpy.typing import NDArray
from scipy.stats import rankdata

from crossvad.datasets.base import Frames
from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import counted_frames_of_cells
from crossvad.planning.protocol import Protocol
from crossvad.present.figures.curves import SCENES
from crossvad.present.figures.style import COLOURS, titled
from crossvad.present.tables import told
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Record, Store

KEYS = [*SCENES, "method", "tuning", "support", "shots", "steps", "budget", "seed"]
SHADE = "0.87"
MOST = 4  # curves that can be read in one panel
PANEL, ACROSS = (2.6, 1.1), 3  # inches: width, height; panels in a row, at most
SMALL = 4  # frames above a panel
STRIP, GAP = 0.42, 0.1  # inches that they are high, and above it


def tracks(store: Store, records: Iterable[Record], rules: Protocol) -> pd.DataFrame:
    """The counted scores of every finished cell that the protocol may read, a row per cell and video.

    Columns: `KEYS`; video, its name; `frames`, `labels` and `scores`, (n,) each, of the frames that count. A score is
    given by its rank, in % of all counted frames of the cell: methods then share a scale that no outlier stretches, and
    which frame is above which, all that an AUC sees, stays as it is.
    """
    rows = []
    for record, read in counted_frames_of_cells(store, records, rules):
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
    varying = [key for key, values in _values(rows).items() if key not in ("seed", "method") and len(values) > 1]
    return [
        ", ".join(filter(None, [line["method"], *(told(key, line[key]) for key in varying)]))
        for line in rows.to_dict("records")
    ]


def _values(rows: pd.DataFrame) -> dict[str, list[object]]:
    """The values of each key; of steps and support those of adapted rows where there are any, as no other has them."""
    adapted = rows[rows["shots"] > 0] if rows["shots"].any() else rows
    return {key: list((adapted if key in ("steps", "support") else rows)[key].unique()) for key in KEYS}


def spans(frames: NDArray[np.int64], labels: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Where abnormal frames lie, as (first, last + 1), of consecutive frames and their labels, (n,) each."""
    edges = np.flatnonzero(np.diff(np.r_[0, labels, 0]))
    return [(int(frames[0] + first), int(frames[0] + end)) for first, end in edges.reshape(-1, 2)]


def moments(frames: NDArray[np.int64], labels: NDArray[np.uint8], scores: NDArray[np.float64]) -> list[int]:
    """Up to `SMALL` frames to show of a curve, (n,) each: its peak in each of as many equal parts, ascending.

    Where these are all normal or all abnormal, the highest frame of the other kind takes the place of one.
    """
    parts = np.array_split(np.arange(len(frames)), SMALL)
    peaks = [int(part[scores[part].argmax()]) for part in parts if len(part)]
    for kind in np.unique(labels):
        if not (labels[peaks] == kind).any():
            highest = int(np.where(labels == kind, scores, -np.inf).argmax())
            number = next(number for number, part in enumerate(parts) if highest in part)
            peaks[number] = highest
    return [int(frames[peak]) for peak in peaks]


def thumbnails(rows: pd.DataFrame, stills: Thumbnails) -> dict[str, dict[int, Frames]]:
    """Of each video of `chosen` that is at hand, the frames at `moments` of its first curve, (h, w, 3) by number."""
    found: dict[str, dict[int, Frames]] = {}
    for video, lines in rows.groupby("video", sort=False):
        first = lines.iloc[0]
        wanted = moments(first["frames"], first["labels"], first["scores"])
        if wanted and (seen := stills.frames(first["target"], str(video), wanted)) is not None:
            found[str(video)] = dict(zip(wanted, seen, strict=True))
    return found


def figure(rows: pd.DataFrame, note: str, small: Mapping[str, Mapping[int, Frames]]) -> Figure:
    """A panel per video of `chosen`, above it its `thumbnails` if there are, and below them all the caption."""
    panels = list(rows.groupby("video", sort=False))
    names = list(dict.fromkeys(rows["name"]))
    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    width = max(across * PANEL[0] + 0.4, 5.2)
    text = textwrap.fill(note, int(width * 19))
    strip = STRIP + GAP if small else 0
    size = (width, down * (PANEL[1] + strip + 0.35) + 0.13 * (text.count("\n") + 1) + 0.18 * len(names) + 0.35)
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
        if str(video) in small:
            _thumbnails(axes, lines.iloc[0], small[str(video)])
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


def _thumbnails(axes: Axes, curve: pd.Series, small: Mapping[int, Frames]) -> None:
    """Draw small frames in a row above a panel, a thin line from each to its place on the curve."""
    drawn = axes.get_figure(root=True)
    assert drawn is not None
    # Across in shares of the panel, up in inches from its top: the layout need not know how high the panel will be.
    inches = drawn.dpi_scale_trans + ScaledTranslation(0, 1, axes.transAxes)  # type: ignore[arg-type]
    beside = blended_transform_factory(axes.transAxes, inches)
    axes.set_title(axes.get_title(loc="left"), loc="left", fontsize=8.5, pad=72 * (GAP + STRIP) + 4)
    for number, (frame, image) in enumerate(small.items()):
        left, place = number / SMALL, frame - curve["frames"][0]
        panel = axes.inset_axes((left + 0.01, GAP, 1 / SMALL - 0.02, STRIP), transform=beside)
        panel.imshow(image, aspect="equal")
        panel.set_anchor("S")
        panel.set_xticks([])
        panel.set_yticks([])
        abnormal = bool(curve["labels"][place])
        panel.spines[:].set(color="black" if abnormal else "0.6", linewidth=1.1 if abnormal else 0.5)
        line = {"arrowstyle": "-", "color": "0.35", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            "",
            xy=(frame, curve["scores"][place]),
            xytext=(left + 0.5 / SMALL, GAP),
            textcoords=beside,
            arrowprops=line,
        )


def caption(rows: pd.DataFrame, rules: str, small: Collection[str]) -> str:
    """What a reader must know to read the figure; `small`: the videos that have `thumbnails`."""
    fixed = [f"{key} {values[0]}" for key, values in _values(rows).items() if key != "method" and len(values) == 1]
    pictures = f"small frames: peaks of {rows['name'].iloc[0]}, framed in black where abnormal; " if small else ""
    return (
        f"anomaly scores by protocol {rules}, as ranks among all counted frames of the test set, 100: most abnormal; "
        f"shaded: abnormal; before a curve begins, frames do not count; {pictures}{', '.join(fixed)}"
    )
