"""The most suspicious moments of a video, and its pictures: scores over time, stills, and a film under a heat map."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.signal import find_peaks

from crossvad.datasets.base import Frames, InputError, Size
from crossvad.datasets.frames import resized
from crossvad.evaluation.scores import Values
from crossvad.present import style
from crossvad.present.curves import COLOURS
from crossvad.present.files import replacing
from crossvad.store import Cues

ASSUMED_RATE = 25.0  # frames per second of a folder of frames, which does not tell
WIDEST = 640  # pixels of the film
STRIP = 72  # pixels below its frames, for the curve
SHADE = "0.87"  # of the support set's span
MARK = COLOURS[1]
HEAT = (matplotlib.colormaps["autumn"](np.linspace(0.0, 1.0, 256))[:, :3] * 255).astype(np.float32)
COVER = 0.75  # how much of a pixel the heat hides, at most
Map = NDArray[np.float32]


@dataclass(frozen=True)
class Moment:
    """A peak of the scores."""

    rank: int  # 1: the highest
    frame: int
    score: float


def top(scores: Values, eligible: slice, apart: int, count: int) -> list[Moment]:
    """The highest peaks of scores (N,), best first: at most `count`, `apart` frames from each other at least.

    A peak is above its neighbours; a plateau is one peak. Frames that are not `eligible` are no peaks.
    """
    begin, end, _ = eligible.indices(len(scores))
    padded = np.concatenate([[-np.inf], scores[begin:end], [-np.inf]])
    peaks, _ = find_peaks(padded, distance=max(1, apart))
    frames = peaks - 1 + begin
    best = frames[np.argsort(-scores[frames], kind="stable")][:count]
    return [Moment(rank, int(frame), float(scores[frame])) for rank, frame in enumerate(best, 1)]


def clock(frame: float, rate: float | None) -> str:
    """When a frame is, as mm:ss; – where the frame rate is not known."""
    return "–" if rate is None else "{:02d}:{:02d}".format(*divmod(int(frame / rate), 60))


def table(scores: Values, cues: Cues, span: int, rate: float | None) -> pd.DataFrame:
    """A row per frame: frame, seconds (if the rate is known), score, each cue, support (1: adapted on)."""
    frames = np.arange(len(scores))
    seconds = frames / rate if rate else np.full(len(frames), np.nan)
    columns = {"frame": frames, "seconds": seconds, "score": scores, **cues, "support": (frames < span).astype(int)}
    return pd.DataFrame(columns)


# ---- pictures of frames ----------------------------------------------------------------------------------------------


def heated(frame: Frames, own: Map | None, low: float, high: float) -> Frames:
    """A frame (H, W, 3) with a map (h, w) over it: below `low` nothing shows, from `high` on it is brightest."""
    if own is None or not high > low:
        return frame
    level = (255 * ((own - low) / (high - low)).clip(0, 1)).astype(np.uint8)
    wide: Frames = resized(level[None, ..., None], (frame.shape[0], frame.shape[1]))[0]
    cover = COVER * (wide / np.float32(255)) ** 0.7
    return (frame * (1 - cover) + HEAT[wide[..., 0]] * cover).astype(np.uint8)


def save_still(frame: Frames, path: Path) -> None:
    """Write a frame as a JPEG.

    Raises:
        InputError: it cannot be written there.
    """
    with replacing(path) as draft:
        Image.fromarray(frame).save(draft, quality=92)


def timeline(
    scores: Values, span: int, rate: float | None, moments: Sequence[Moment], stills: Sequence[Frames], title: str
) -> Figure:
    """The scores over time, the support set's span shaded, and below the stills of the moments in order of time."""
    drawn = Figure(figsize=(10, 5.0 if moments else 3.2), layout="constrained")
    order = sorted(range(len(moments)), key=lambda number: moments[number].frame)
    heights = [3, 2] if moments else [1]
    rows = drawn.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = rows[0].subplots()
    style.titled(axes, title, 9)
    if span:
        axes.axvspan(0, span, color=SHADE, linewidth=0, label="adapted on these frames")
    axes.plot(np.arange(len(scores)), scores, color=COLOURS[0], linewidth=0.9)
    axes.set_xlim(0, len(scores))
    axes.margins(y=0.15)
    axes.set_ylabel("anomaly score", fontsize=8)
    axes.set_xlabel("frame" if rate is None else "time", fontsize=8)
    axes.tick_params(labelsize=7)
    if rate is not None:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda frame, _: clock(frame, rate)))
    for moment in moments:
        axes.plot(moment.frame, moment.score, "o", color=MARK, markersize=4)
        axes.annotate(
            str(moment.rank), (moment.frame, moment.score), (0, 5), textcoords="offset points", ha="center", fontsize=8
        )
    if span:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, fontsize=7, frameon=False)
    if moments:
        for panel, number in zip(rows[1].subplots(1, len(moments), squeeze=False)[0], order, strict=True):
            moment = moments[number]
            panel.imshow(_thumbnail(stills[number]))
            panel.set_axis_off()
            when = f"frame {moment.frame}" if rate is None else f"{clock(moment.frame, rate)}, frame {moment.frame}"
            panel.set_title(f"{moment.rank}:  {when}\nscore {moment.score:.2f}", fontsize=8)
    return drawn


def _thumbnail(frame: Frames) -> Frames:
    high, wide = frame.shape[:2]
    return frame if wide <= WIDEST else resized(frame[None], (round(high * WIDEST / wide), WIDEST))[0]


# ---- film ------------------------------------------------------------------------------------------------------------


def film_size(height: int, width: int) -> Size:
    """Height and width of a film's frames: at most `WIDEST` wide, in the original's shape, and even, as H.264 asks."""
    wide = min(WIDEST, width)
    return max(2, round(height * wide / width) // 2 * 2), max(2, wide // 2 * 2)


def strip(scores: Values, span: int, width: int) -> Frames:
    """The curve of all scores (N,), (STRIP, width, 3), a column the most of its frames; support is lighter."""
    low, high = float(scores.min()), float(scores.max())
    edges = np.linspace(0, len(scores), width + 1).astype(int)
    columns = [scores[begin : max(begin + 1, end)].max() for begin, end in itertools.pairwise(edges)]
    levels = (np.array(columns) - low) / ((high - low) or 1.0)
    picture = Image.new("RGB", (width, STRIP), (18, 18, 18))
    pen = ImageDraw.Draw(picture)
    if span:
        pen.rectangle((0, 0, span * width // len(scores), STRIP), fill=(52, 52, 52))
    points = [(column, STRIP - 4 - level * (STRIP - 26)) for column, level in enumerate(levels)]
    pen.line(points, fill=(240, 190, 80), width=1)
    return np.asarray(picture)


@contextmanager
def film(path: Path, scores: Values, span: int, rate: float | None, size: Size) -> Iterator[Callable[[Frames], None]]:
    """A film of frames (H, W, 3) of this `size`, each given in turn, above the curve of the scores so far.

    Raises:
        InputError: PyAV is not installed, or nothing can be written there.
    """
    av = player()
    height, width = size
    curve, done = strip(scores, span, width), 0
    with replacing(path) as draft, av.open(str(draft), "w") as container:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = container.add_stream(codec, rate=Fraction(rate or ASSUMED_RATE).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height + STRIP, "yuv420p"

        def show(frame: Frames) -> None:
            nonlocal done
            now = curve.copy()
            column = min(width - 1, done * width // len(scores))
            now[:, column + 1 :] = (18, 18, 18)
            now[:, column] = (255, 255, 255)
            when = f"{clock(done, rate)}   " if rate else ""
            text = f"{when}frame {done}   score {scores[done]:.2f}" + ("   adapted on this" if done < span else "")
            below = Image.fromarray(now)
            ImageDraw.Draw(below).text((6, 3), text, fill=(235, 235, 235))
            whole = np.concatenate([frame, np.asarray(below)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="rgb24")))
            done += 1

        yield show
        container.mux(stream.encode(None))


def player() -> Any:
    """PyAV, which writes the film.

    Raises:
        InputError: it is not installed.
    """
    try:
        import av  # lazily: only the film needs it
    except ImportError as error:
        problem = "needs PyAV, which is not installed"
        raise InputError("overlay.mp4", problem, "pip install 'crossvad[video]', or say --no-overlay") from error
    return av
