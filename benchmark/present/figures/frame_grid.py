"""Frames as a method sees them: a row per frame, its prototypes' maps or its error beside it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossvad.datasets.base import Size
from crossvad.datasets.errors import InputError
from crossvad.execution.model_views import ModelView, Sample
from crossvad.planning.cell import Cell
from crossvad.present.tables import named

HEAT = "magma"  # from dark to light without a turn, so that it is read in grey, too
TRUTH = "#56B4E9"  # the outline of what is abnormal: seen on grey frames and on `HEAT` alike
ABNORMAL = "#D55E00"
MOST = 10  # maps in a row
CLIPPED = 99.8  # percentile of all values at which the colours of a scale end: a few pixels must not darken the rest
SHARP = 99.0  # the same of one map: weights of a softmax differ far more
BAR = 0.1  # inches of height, of what explains the colours


@dataclass(frozen=True)
class Column:
    """Images of one kind, one per frame, and how to colour them."""

    title: str
    images: NDArray[Any]  # (n, h, w) values, or (n, h, w, C) uint8
    scale: Normalize | None = None  # None: every image for itself, from 0 to its percentile `SHARP`


def errors(look: ModelView) -> list[Column]:
    """The columns of `bench plot errors`: frame, what was predicted where anything was, error map.

    Raises:
        InputError: the method has no maps.
    """
    if look.errors is None:
        raise InputError("this method", "cannot say where a frame is abnormal", "choose another --where method=…")
    columns = [Column("frame", look.sample.frames)]
    if look.predicted is not None:
        columns.append(Column("predicted", look.predicted))
    return [*columns, Column("error", look.errors, _scale(look.errors))]


def prototypes(look: ModelView) -> list[Column]:
    """The columns of `bench plot prototypes`: frame, up to `MOST` maps, distance to the nearest prototype.

    Raises:
        InputError: the method has no prototypes.
    """
    if look.attention is None:
        fix = "choose --where method=apn, apn-released or mpn"
        raise InputError("this method", "has no prototypes", fix)
    maps, distances = look.attention
    shown = [Column(f"map {number + 1}", maps[:, number]) for number in range(min(MOST, maps.shape[1]))]
    return [Column("frame", look.sample.frames), *shown, Column("distance", distances, _scale(distances))]


def _scale(values: NDArray[np.float32], end: float = CLIPPED) -> Normalize:
    """From 0 to a percentile of values: of all frames', so that they can be compared, or of one image's."""
    return Normalize(0, max(float(np.percentile(values, end)), 1e-12))


def figure(sample: Sample, columns: Sequence[Column], note: str, side: float) -> Figure:
    """A row per frame of the sample, a column for each kind of image `side` inches wide, and below them the caption.

    Images are drawn in the shape of the original frames; where the data set has masks, their outlines are on them.
    """
    high = side * sample.size[0] / sample.size[1]
    width = max(len(columns) * (side + 0.06) + 0.9, 4.2)
    text = textwrap.fill(note.replace(" %", "\N{NO-BREAK SPACE}%"), int(width * 19))
    down = len(sample.numbers)
    heights = [*[high] * down, BAR]
    size = (width, sum(heights) + 0.06 * down + 0.13 * (text.count("\n") + 1) + 0.6)
    drawn = Figure(figsize=size, layout="constrained")
    drawn.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)  # type: ignore[union-attr,call-arg]
    *grid, bars = drawn.subplots(down + 1, len(columns), squeeze=False, height_ratios=heights)
    for row, line in enumerate(grid):
        for axes, column in zip(line, columns, strict=True):
            _image(axes, column, row, sample)
            if row == 0:
                axes.set_title(column.title, fontsize=8)
        kind, colour = ("abnormal", ABNORMAL) if sample.labels[row] else ("normal", "black")
        line[0].set_ylabel(f"{sample.numbers[row]}\n{kind}", fontsize=7.5, color=colour)
    for axes, column in zip(bars, columns, strict=True):
        if column.scale is None:
            axes.set_axis_off()
        else:
            _bar(axes, column.scale)
    drawn.supxlabel(text, x=0.01, ha="left", fontsize=7)
    return drawn


def _image(axes: Axes, column: Column, row: int, sample: Sample) -> None:
    image, (height, width) = column.images[row], sample.size
    style: dict[str, Any] = {"extent": (0, width, height, 0), "aspect": "equal", "interpolation": "nearest"}
    if image.ndim == 2:
        scale = column.scale or _scale(image, SHARP)
        axes.imshow(image, cmap=HEAT, norm=scale, **style)
    elif image.shape[-1] == 1:
        axes.imshow(image[..., 0], cmap="gray", vmin=0, vmax=255, **style)
    else:
        axes.imshow(image, **style)
    if sample.masks is not None and sample.masks[row].any():
        _outline(axes, sample.masks[row], sample.size)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _outline(axes: Axes, mask: NDArray[np.bool_], size: Size) -> None:
    height, width = size
    axes.contour(np.arange(width) + 0.5, np.arange(height) + 0.5, mask, levels=[0.5], colors=TRUTH, linewidths=0.7)


def _bar(axes: Axes, scale: Normalize) -> None:
    """What the colours of a column mean."""
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=HEAT, aspect="auto")
    axes.set_xticks([0, 255], ["0", f"\N{GREATER-THAN OR EQUAL TO} {scale.vmax:.2g}"])
    axes.set_yticks([])
    axes.tick_params(labelsize=6.5, length=2)
    low, high = axes.get_xticklabels()
    low.set_horizontalalignment("left")
    high.set_horizontalalignment("right")
    axes.spines[:].set_visible(False)


def errors_caption(cell: Cell, look: ModelView) -> str:
    """What a reader must know to read the figure of `errors`."""
    facts = [*_facts(cell, look.sample), "error: as the method maps it, one scale for all frames"]
    return "; ".join(facts)


def prototypes_caption(cell: Cell, look: ModelView) -> str:
    """What a reader must know to read the figure of `prototypes`."""
    count = 0 if look.attention is None else look.attention.maps.shape[1]
    which = f"the first {MOST} of {count} maps" if count > MOST else "maps"
    return "; ".join(
        [
            *_facts(cell, look.sample),
            f"{which}: weights of the pixels in a prototype, dark: 0, light: the largest 1 % of each map",
            "distance: of a pixel's features to the nearest prototype, one scale for all frames",
        ]
    )


def _facts(cell: Cell, sample: Sample) -> list[str]:
    how = ["not adapted"]
    if cell.shots:
        how = [word for word in (cell.tuning, named("shots", cell.shots), named("steps", cell.steps)) if word != "none"]
        how.append(f"support {cell.support}")
    high, wide = sample.frames.shape[1:3]
    facts = [
        f"{cell.method}, {cell.source} -> {cell.target}, {', '.join(how)}, seed {cell.seed}, budget {cell.budget}",
        f"video {sample.video}, by frame number, as decoded for the method: {wide} x {high} pixels",
    ]
    if sample.masks is not None:
        facts.append("outlined: abnormal, by the data set's masks")
    return facts
