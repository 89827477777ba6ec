"""Frames under a heat map: stills, and the film."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crossvad.datasets.base import Frames, FrameSource, Size
from crossvad.datasets.clips import consecutive
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import resized
from crossvad.datasets.readers.video_file import VideoFile, luma
from crossvad.datasets.wording import option
from crossvad.evaluation.postprocessing import Values
from crossvad.footage.own_footage import ASSUMED_RATE, Times, mean_rate
from crossvad.footage.peaks import clock
from crossvad.footage.streaming import StreamedScores
from crossvad.footage.video_library import upright, video_library
from crossvad.present.atomic_files import replacing
from crossvad.present.words import digits

WIDEST = 640  # pixels of the film
TICK = Fraction(1, 1000)  # seconds: when a frame of the film is shown is told in these
STRIP = 72  # pixels below its frames, for the curve
HEAT = (matplotlib.colormaps["autumn"](np.linspace(0.0, 1.0, 256))[:, :3] * 255).astype(np.float32)
COVER = 0.75  # how much of a pixel the heat hides, at most
PICTURES = 8  # in memory at once, in colour and large
WITHOUT = "say " + option("overlay", False)  # what to do without PyAV

Map = NDArray[np.float32]


def heated(frame: Frames, errors: Map | None, low: float, high: float) -> Frames:
    """Lay an error map (h, w) over a frame (H, W, 3): below `low` nothing shows, from `high` on it is brightest."""
    if errors is None or not high > low:
        return frame
    level = (255 * ((errors - low) / (high - low)).clip(0, 1)).astype(np.uint8)
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


def film_size(height: int, width: int) -> Size:
    """Choose height and width of a film's frames: at most `WIDEST` wide, in the original's shape, even for H.264."""
    wide = min(WIDEST, width)
    return max(2, round(height * wide / width) // 2 * 2), max(2, wide // 2 * 2)


def strip(scores: Values, span: int, width: int) -> Frames:
    """Draw the curve of scores (N,) as (STRIP, width, 3): a column is the highest of its frames; support is lighter."""
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
def film(path: Path, scores: Values, span: int, times: Times | None, size: Size) -> Iterator[Callable[[Frames], None]]:
    """Write a film of frames (H, W, 3) of this `size` above the curve of the scores so far; yields what takes a frame.

    Raises:
        InputError: PyAV is not installed, or nothing can be written there.
    """
    av = player()
    height, width = size
    curve, done, last = strip(scores, span, width), 0, -1
    rate = mean_rate(times) or ASSUMED_RATE
    shown = np.arange(len(scores)) / rate if times is None else times
    with replacing(path) as draft, av.open(str(draft), "w") as container:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = container.add_stream(codec, rate=Fraction(rate).limit_denominator(1001))
        stream.codec_context.time_base = TICK
        stream.width, stream.height, stream.pix_fmt = width, height + STRIP, "yuv420p"

        def show(frame: Frames) -> None:
            nonlocal done, last
            now = curve.copy()
            column = min(width - 1, done * width // len(scores))
            now[:, column + 1 :] = (18, 18, 18)
            now[:, column] = (255, 255, 255)
            time = "" if times is None else f"{clock(done, times)}   "
            text = f"{time}frame {done}   score {digits(scores[done])}" + ("   adapted on this" if done < span else "")
            below = Image.fromarray(now)
            ImageDraw.Draw(below).text((6, 3), text, fill=(235, 235, 235))
            whole = np.concatenate([frame, np.asarray(below)])
            picture = av.VideoFrame.from_ndarray(whole, format="rgb24")
            last = max(last + 1, round(shown[done] / TICK))  # no two at once, as a video may tell of its frames
            picture.pts, picture.time_base = last, TICK
            container.mux(stream.encode(picture))
            done += 1

        yield show
        container.mux(stream.encode(None))


def player() -> Any:
    """PyAV, which writes the film.

    Raises:
        InputError: it is not installed.
    """
    return video_library("overlay.mp4", WITHOUT)


def mapped(
    blocks: Iterable[Frames], streamed: StreamedScores, device: torch.device
) -> Iterator[tuple[Frames, Map | None]]:
    """Pair consecutive frames of a video in colour, one by one (H, W, 3), with the method's error map of each (h, w).

    The method is the adapted one that scored the video. A frame for which no clip of these frames gives a map has None.
    Maps are for the eye: they are made of these very frames, scaled to the method's size, which saves another decoding.
    """
    adapter, clip = streamed.adapter, streamed.adapter.clip
    kept: list[Frames] = []
    waiting: deque[Frames] = deque()
    unmapped = clip.scored  # frames at the head that no clip gives a map for
    for block in blocks:
        waiting.extend(block)
        small = resized(block if clip.channels == 3 else luma(block), clip.size)
        frames = np.concatenate([*kept, small])
        kept = [frames[max(0, len(frames) - clip.frames + 1) :]]
        for clips in consecutive(frames, clip, streamed.batch, device):
            with torch.no_grad():
                maps = adapter.maps(clips)
            for errors in [None] * len(clips) if maps is None else maps.float().cpu().numpy():
                while unmapped:
                    unmapped -= 1
                    yield waiting.popleft(), None
                yield waiting.popleft(), errors
    while waiting:
        yield waiting.popleft(), None


def pictures(source: FrameSource, size: Size, av: Any) -> Iterator[Frames]:
    """Read every frame of a video in colour, in blocks of a few (n, H, W, 3) at `size`.

    Files are read by PyAV, `av`: decord decodes ahead without a bound while its reader is busy, which at this size took
    gigabytes. If PyAV finds fewer frames, the last one stands in for the rest, as it does with decord.
    """
    if not isinstance(source, VideoFile):
        for first in range(0, len(source), PICTURES):
            yield from source.blocks(size, 3, first, min(first + PICTURES, len(source)))
        return
    given = 0
    last = np.zeros((1, *size, 3), np.uint8)
    try:
        with av.open(str(source.path)) as container:
            for frame in itertools.islice(container.decode(video=0), len(source)):
                last = upright(frame, size, partial(_colours, frame))[None]
                given += 1
                yield last
    except av.FFmpegError as error:
        if not given:
            raise InputError(source.path, f"cannot be read by PyAV ({error})", WITHOUT) from error
    for _ in range(len(source) - given):
        yield last


def _colours(frame: Any, height: int, width: int) -> Frames:
    """A frame of PyAV in colour (H, W, 3), as it lies in its file."""
    pixels: Frames = frame.to_ndarray(format="rgb24", height=height, width=width)
    return pixels
