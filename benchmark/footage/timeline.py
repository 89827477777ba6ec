"""The picture of the scores over time, with stills of the top moments."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crossvad.datasets.base import Frames
from crossvad.datasets.readers.frame_folder import resized
from crossvad.evaluation.metrics import FALSE_ALARMS
from crossvad.evaluation.postprocessing import Values
from crossvad.footage.overlay import WIDEST
from crossvad.footage.own_footage import Times
from crossvad.footage.peaks import Moment, clock
from crossvad.present.figures import style
from crossvad.present.figures.style import COLOURS
from crossvad.present.words import digits

SHADE = "0.87"  # of the support set's span
MARK = COLOURS[1]
TICKS = 8  # at most
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between ticks


def timeline(
    scores: Values, span: int, times: Times | None, moments: Sequence[Moment], stills: Sequence[Frames], title: str
) -> Figure:
    """Draw the scores over time, the support set's span shaded, and below it the moments' stills in order of time.

    Nobody has labelled the video, so the alarm line is one of a known number of alarms: as many frames are above it, of
    those that were not adapted on, as `bench table --metric delay` allows among normal ones.
    """
    figure = Figure(figsize=(10, 5.0 if moments else 3.2), layout="constrained")
    heights = [3, 2] if moments else [1]
    rows = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = rows[0].subplots()
    style.titled(axes, title, 9)
    _curve(axes, scores, span, times, moments)
    if moments:
        pairs = sorted(zip(moments, stills, strict=True), key=lambda pair: pair[0].frame)
        for panel, (moment, still) in zip(rows[1].subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
            panel.imshow(_thumbnail(still))
            panel.set_axis_off()
            time = "" if times is None else f"{clock(moment.frame, times)}, "
            panel.set_title(f"{moment.rank}:  {time}frame {moment.frame}\nscore {digits(moment.score)}", fontsize=8)
    return figure


def _curve(axes: Axes, scores: Values, span: int, times: Times | None, moments: Sequence[Moment]) -> None:
    """Draw the scores over time, and mark the support set's span and the moments."""
    at = np.arange(len(scores)) if times is None else times
    end = at[-1] * len(at) / (len(at) - 1) if len(at) > 1 else 1.0  # of the last frame, shown as long as another
    if span:
        axes.axvspan(0, at[span], color=SHADE, linewidth=0, label="adapted on these frames")
    axes.plot(at, scores, color=COLOURS[0], linewidth=0.9)
    level = float(np.quantile(scores[span:], 1 - FALSE_ALARMS))
    above = f"alarm line: {100 * FALSE_ALARMS:.0f} % of the {'other ' if span else ''}frames are above"
    axes.axhline(level, color=MARK, linewidth=0.8, linestyle="--", label=above)
    axes.set_xlim(0, end)
    axes.margins(y=0.15)
    axes.set_ylabel("anomaly score", fontsize=8)
    axes.set_xlabel("frame" if times is None else "time", fontsize=8)
    axes.tick_params(labelsize=7)
    if times is not None:
        axes.set_xticks(*time_ticks(end))
    for moment in moments:
        place = at[moment.frame], moment.score
        axes.plot(*place, "o", color=MARK, markersize=4)
        axes.annotate(str(moment.rank), place, (0, 5), textcoords="offset points", ha="center", fontsize=8)
    axes.legend(loc="upper right", bbox_to_anchor=(1, -0.1), ncols=2, borderaxespad=0.2, fontsize=7, frameon=False)


def time_ticks(seconds: float) -> tuple[list[float], list[str]]:
    """Set ticks at round times up to so many seconds: the times, and mm:ss, with tenths where they are that close."""
    step = next((step for step in STEPS if seconds / step <= TICKS), 3600 * math.ceil(seconds / 3600 / TICKS))
    times = [number * step for number in range(math.floor(seconds / step) + 1)]
    tenths = 1 if step < 1 else 0
    labels = [f"{int(time / 60 + 1e-9):02d}:{time % 60:0{2 + 2 * tenths}.{tenths}f}" for time in times]
    return times, labels


def _thumbnail(frame: Frames) -> Frames:
    """Shrink a frame (H, W, 3) to a film's width."""
    high, wide = frame.shape[:2]
    return frame if wide <= WIDEST else resized(frame[None], (round(high * WIDEST / wide), WIDEST))[0]
