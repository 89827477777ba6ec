"""Frames as a method sees them: a row per frame, its prototypes' maps or its error beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import condition
from crossvad.execution.model_views import ModelView, ModelViewer, Sample, only
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import Protocol
from crossvad.present.figures import layout
from crossvad.present.figures.plot import Plot, flag, register
from crossvad.present.words import named, told
from crossvad.store.store import Record, Store

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


@dataclass(frozen=True)
class FrameGrid(Plot):
    """What the method of one cell sees of frames: a row per frame, a column for each kind of image."""

    suffix = ".pdf"
    of_one_cell = True
    side: ClassVar[float]  # inches that an image is wide

    video: str | None = flag(None, "--video", "A test video. [the first with an abnormal frame]")
    frames: Sequence[int] = flag((), "--frames", "Numbers of its frames. [4, half of them abnormal]", "numbers")
    plugins: Sequence[str] = flag((), "--plugin", "FILE.py:CLASS that the cell is of: its code is run.", many=True)
    data: Path = Path("data")

    @abstractmethod
    def columns(self, view: ModelView) -> list[Column]:
        """Choose the images to set side by side.

        Raises:
            InputError: the method has nothing of the kind.
        """

    @abstractmethod
    def facts(self, view: ModelView) -> list[str]:
        """Explain them."""

    def picture(self, store: Store, records: Sequence[Record], protocol: Protocol) -> tuple[Figure, str]:
        """Draw what the one finished cell among these sees; see `Plot.picture`. The protocol has no say."""
        record = only(records)
        viewer = ModelViewer(store, record, self.data, self.plugins)
        view = viewer.view(viewer.sample(self.video, self.frames))
        note = self.caption(record.cell, view)
        return self.draw(view, note), note

    def caption(self, cell: Cell, view: ModelView) -> str:
        """Say what a reader must know to read the figure: which method, which frames, what the images are."""
        how = ["not adapted"]
        if cell.shots:
            how = [told("tuning", cell.tuning), named("shots", cell.shots), named("steps", cell.steps)]
            how = [*filter(None, how), f"support {cell.support}"]
        high, wide = view.sample.frames.shape[1:3]
        facts = [
            f"{cell.method}, {cell.source} → {cell.target}, {', '.join(how)}, seed {cell.seed}, budget {cell.budget}",
            f"video {view.sample.video}, by frame number, as decoded for the method: {wide} x {high} pixels",
        ]
        if view.sample.masks is not None:
            facts.append("outlined: abnormal, by the data set's masks")
        return self.joined([*facts, *self.facts(view), *self.left_out])

    def draw(self, view: ModelView, note: str) -> Figure:
        """Draw the images, and below them the caption.

        They have the shape of the original frames; where the data set has masks, their outlines are on them.
        """
        sample, columns = view.sample, self.columns(view)
        down = len(sample.numbers)
        heights = [*[self.side * sample.size[0] / sample.size[1]] * down, BAR]
        width = max(len(columns) * (self.side + 0.06) + 0.9, 4.2)
        drawn = layout.page(width, sum(heights) + 0.06 * down + 0.6, note)
        drawn.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)  # type: ignore[union-attr,call-arg]
        *grid, bars = drawn.subplots(down + 1, len(columns), squeeze=False, height_ratios=heights)
        for axes, column in zip(grid[0], columns, strict=True):
            axes.set_title(column.title, fontsize=8)
        for row, line in enumerate(grid):
            for axes, column in zip(line, columns, strict=True):
                _draw_image(axes, column, row, sample)
            kind, colour = ("abnormal", ABNORMAL) if sample.labels[row] else ("normal", "black")
            line[0].set_ylabel(f"{sample.numbers[row]}\n{kind}", fontsize=7.5, color=colour)
        for axes, column in zip(bars, columns, strict=True):
            _draw_scale(axes, column.scale)
        return drawn


@register
class Errors(FrameGrid):
    """Frames, what one method predicts of them, and where it errs; outlined: where they are abnormal.

    Needs the model that bench run kept, and the target's video.

    \b
    bench plot errors --where method=apn --where source=ped2 --where shots=0 --where seed=0 --video 04
    bench plot errors --where method=lmn --where seed=0 --frames 40,60,80 --out errors.png
    """

    name = "errors"
    side = 1.7

    def columns(self, view: ModelView) -> list[Column]:
        """Set side by side: frame, what was predicted where anything was, error map.

        Raises:
            InputError: the method has no maps.
        """
        if view.errors is None:
            raise InputError(
                "this method",
                "cannot say where a frame is abnormal (it has no `maps`)",
                "choose another " + condition("method=…", pattern=True),
            )
        columns = [Column("frame", view.sample.frames)]
        if view.predicted is not None:
            columns.append(Column("predicted", view.predicted))
        return [*columns, Column("error", view.errors, _scale(view.errors))]

    def facts(self, view: ModelView) -> list[str]:
        """Explain the error map."""
        return ["error: as the method maps it, one scale for all frames"]


@register
class Prototypes(FrameGrid):
    """Frames, where each of a method's attention prototypes looks and all together, and how far features are from them.

    Of apn, apn-released and mpn. Needs the model that bench run kept, and the target's video.

    \b
    bench plot prototypes --where method=apn --where source=ped2 --where shots=0 --where seed=0
    bench plot prototypes --where method=mpn --where seed=0 --video 04 --frames 40,60,80 --out prototypes.png
    """

    name = "prototypes"
    side = 0.75

    def columns(self, view: ModelView) -> list[Column]:
        """Set side by side: frame, up to `MOST` maps, distance to the nearest prototype.

        Raises:
            InputError: the method has no prototypes.
        """
        if view.attention is None:
            fix = "choose " + condition("method=apn") + ", apn-released or mpn"
            raise InputError("this method", "has no prototypes", fix)
        maps, distances = view.attention
        shown = [Column(f"map {number + 1}", maps[:, number]) for number in range(min(MOST, maps.shape[1]))]
        # As they are shown: a map of a few pixels, whose weights sum to 1 like any other's, would drown the rest.
        coloured = [[_scale(one, SHARP)(one, clip=True) for one in of_image] for of_image in maps]
        of_all = [Column("sum", np.sum(coloured, 1)), Column("distance", distances, _scale(distances))]
        return [Column("frame", view.sample.frames), *shown, *of_all]

    def facts(self, view: ModelView) -> list[str]:
        """Explain the maps and the distance."""
        count = 0 if view.attention is None else view.attention.maps.shape[1]
        which = f"the first {MOST} of {count} maps" if count > MOST else "maps"
        return [
            f"{which}: weights of the pixels in a prototype, dark: 0, light: the largest 1 % of each map",
            f"sum: of all {count} maps, each from 0 to 1 as it is coloured",
            "distance: of a pixel's features to the nearest prototype, one scale for all frames",
        ]


@register
class Activations(FrameGrid):
    """Frames, and how strongly a method's U-Net responds where, at each of its resolutions: the L2 norm over channels.

    Of apn, apn-released, mpn, lmn, lmn-recon, framepred and memae-2d. Needs the model that bench run kept, and the
    target's video.

    \b
    bench plot activations --where method=apn --where source=ped2 --where shots=0 --where seed=0
    bench plot activations --where method=framepred --where seed=0 --frames 40,60,80 --out activations.png
    """

    name = "activations"
    side = 1.0

    def columns(self, view: ModelView) -> list[Column]:
        """Set side by side: frame, the encoder's levels from fine to coarse, the decoder's back again.

        Raises:
            InputError: the method has no U-Net.
        """
        if not view.activations:
            fix = "choose " + condition("method=apn")
            raise InputError("this method", "has no U-Net whose levels could be shown", fix)
        levels = [Column(name, norms, _scale(norms, SHARP)) for name, norms in view.activations.items()]
        return [Column("frame", view.sample.frames), *levels]

    def facts(self, view: ModelView) -> list[str]:
        """Explain the levels."""
        return [
            "encoder, decoder: L2 norm over the channels of what each level makes, at this share of the frame's size, "
            "one scale for all frames"
        ]


def _scale(values: NDArray[np.float32], end: float = CLIPPED) -> Normalize:
    """Scale from 0 to a percentile of values: of all frames', so that they can be compared, or of one image's."""
    return Normalize(0, max(float(np.percentile(values, end)), 1e-12))


def _draw_image(axes: Axes, column: Column, row: int, sample: Sample) -> None:
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
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        axes.contour(x, y, sample.masks[row], levels=[0.5], colors=TRUTH, linewidths=0.7)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _draw_scale(axes: Axes, scale: Normalize | None) -> None:
    """Explain the colours of a column that has one scale for all its images."""
    if scale is None:
        axes.set_axis_off()
        return
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=HEAT, aspect="auto")
    axes.set_xticks([0, 255], ["0", f"\N{GREATER-THAN OR EQUAL TO} {scale.vmax:.2g}"])
    axes.set_yticks([])
    axes.tick_params(labelsize=6.5, length=2)
    low, high = axes.get_xticklabels()
    low.set_horizontalalignment("left")
    high.set_horizontalalignment("right")
    axes.spines[:].set_visible(False)
