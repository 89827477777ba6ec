"""People, and whatever else moves, cut out of a video of a fixed camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crossvad.datasets.base import Frames

Mask = NDArray[np.bool_]

CONTRAST = 16  # gray levels from what stands still, in any channel
SMALLEST, LARGEST = 0.0015, 0.05  # shares of the frame that somebody covers
CROWDED = 0.4  # share of a frame beyond which nobody is told apart, or the camera moves
SHRINKS, GROWS = 0.6, 1.7  # from a frame to the next: beyond that, two met or parted
SHORTEST, LONGEST = 8, 64  # frames of a walk
SLOWEST = 0.00125  # of the frame's height a frame: what stays in its place is no walker
GROUND_FRAMES = 64  # of a video, that its empty scene is the median of
MARGIN = 2  # pixels around a body's largest box
SOFTEST = 0.05  # opacity below which a pixel is left as it is
BLOCK = 64  # frames at a time


@dataclass(frozen=True)
class Walker:
    """Somebody who moves: a cut-out for each of n consecutive frames, and where it was.

    Beyond its n frames a walk goes on in a straight line, and the cut-outs are played to and fro.
    """

    pixels: NDArray[np.float32]  # (n, h, w, C), 0..255
    opacity: NDArray[np.float32]  # (n, h, w), 0..1
    corners: NDArray[np.float64]  # (n, 2): row and column in the frame of each cut-out's first pixel; may lie outside
    velocity: tuple[float, float]  # pixels a frame, downwards and to the right; of a line through the walk
    first: int = 0  # number of its first frame in the video

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def speed(self) -> float:
        """Pixels a frame."""
        return float(np.hypot(*self.velocity))

    def box(self, moment: int) -> tuple[float, float, float, float]:
        """First row, first column, and the row and the column after the last, of the body in one of its frames."""
        body = self.opacity[moment] > 0.5
        rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
        if not len(rows):
            rows, columns = np.arange(body.shape[0]), np.arange(body.shape[1])
        top, left = self.corners[moment]
        return top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1

    def centre(self, moment: int) -> tuple[float, float]:
        """Row and column of the middle of its box."""
        top, left, bottom, right = self.box(moment)
        return (top + bottom) / 2, (left + right) / 2

    def at(self, step: float) -> tuple[int, tuple[float, float]]:
        """Number of the cut-out that is shown `step` frames into the walk, and where its first pixel lies.

        Steps are rounded to whole frames, so that within the walk every pixel is one of the video's, in its place.
        """
        whole, last = round(step), len(self) - 1
        number = abs((whole + last) % (2 * last) - last) if last else 0
        top, left = self.corners[number] + np.multiply(self.velocity, whole - number)
        return number, (float(top), float(left))


def empty_scene(frames: Frames) -> NDArray[np.float32]:
    """What stands still in a video (N, H, W, C): the median of some of its frames, (H, W, C)."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, GROUND_FRAMES).astype(int))
    ground: NDArray[np.float32] = np.median(np.asarray(frames)[chosen], axis=0).astype(np.float32)
    return ground


def walkers(frames: Frames, first: int = 0) -> list[Walker]:
    """Cut out of a video, uint8 (N, H, W, C) of a fixed camera, whoever walks alone for `SHORTEST` frames or more.

    A walk ends where somebody else comes too near, where the frame ends, or after `LONGEST` frames. In a video of a
    moving camera, or of an empty scene, there is nobody. `first` is the number of the first frame in its video.
    """
    found: list[list[_Blob]] = []
    walks: list[list[_Blob]] = []
    for number, moving in enumerate(_moving(frames)):
        labels, blobs = _blobs(moving, number)
        going_on = []
        for walk in walks:
            blob = _next(walk[-1], labels, blobs)
            if blob is not None:
                walk.append(blobs.pop(blob.label))
            if blob is None or len(walk) == LONGEST:
                found.append(walk)
            else:
                going_on.append(walk)
        walks = going_on + [[blob] for blob in blobs.values()]
    longest = [walk for walk in found + walks if len(walk) >= SHORTEST]
    cut = [_cut_out(frames, walk, first) for walk in longest]
    return [walker for walker in cut if walker.speed >= SLOWEST * frames.shape[1]]


@dataclass
class _Blob:
    """Pixels of one frame that touch one another and move."""

    frame: int
    label: int
    box: tuple[slice, slice]
    pixels: Mask  # (h, w), within its box
    area: int = field(init=False)

    def __post_init__(self) -> None:
        self.area = int(self.pixels.sum())

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of its centre of mass."""
        rows, columns = np.nonzero(self.pixels)
        return self.box[0].start + float(rows.mean()), self.box[1].start + float(columns.mean())


def _moving(frames: Frames) -> Iterator[Mask]:
    """Of each frame the pixels, (H, W), that differ from the empty scene by more than the light of the whole frame."""
    ground = empty_scene(frames)
    for start in range(0, len(frames), BLOCK):
        block = np.asarray(frames[start : start + BLOCK]).astype(np.float32)
        block -= ground
        block -= block.mean((1, 2, 3), keepdims=True)
        yield from np.abs(block, out=block).max(3) > CONTRAST


def _blobs(moving: Mask, frame: int) -> tuple[NDArray[np.int32], dict[int, _Blob]]:
    """The labelled pixels of a frame, and of its blobs those that may be a whole body."""
    labels, count = ndimage.label(moving, structure=np.ones((3, 3)))
    if not count or moving.mean() > CROWDED:
        return labels, {}
    areas, (height, width) = np.bincount(labels.ravel()), moving.shape
    blobs = {}
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        inside = box[0].start > 0 and box[1].start > 0 and box[0].stop < height and box[1].stop < width
        if inside and SMALLEST <= areas[label] / moving.size <= LARGEST:
            blobs[label] = _Blob(frame, label, box, labels[box] == label)
    return labels, blobs


def _next(last: _Blob, labels: NDArray[np.int32], blobs: dict[int, _Blob]) -> _Blob | None:
    """What a blob has become in the next frame: the one that it overlaps; None if these are several, or unlike."""
    met = np.unique(labels[last.box][last.pixels])
    met = met[met > 0]
    blob = blobs.get(int(met[0])) if len(met) == 1 else None
    return blob if blob is not None and SHRINKS < blob.area / last.area < GROWS else None


def _cut_out(frames: Frames, walk: list[_Blob], first: int) -> Walker:
    """Cut a walk's bodies out, all in a frame of one size, with soft edges."""
    centres = np.array([blob.centre for blob in walk])
    down, right = np.polyfit(np.arange(len(walk)), centres, 1)[0]
    starts = np.array([[part.start for part in blob.box] for blob in walk])
    stops = np.array([[part.stop for part in blob.box] for blob in walk])
    reach = np.maximum(centres - starts, stops - centres).max(0)
    half = np.ceil(reach).astype(int) + MARGIN
    corners = np.round(centres).astype(int) - half
    height, width = 2 * half + 1
    pixels, opacity = [], []
    for blob, (top, left) in zip(walk, corners, strict=True):
        # Cut-outs reach beyond the frame where their bodies come near its edge: by pixels that are never shown.
        rows = np.arange(top, top + height).clip(0, frames.shape[1] - 1)
        columns = np.arange(left, left + width).clip(0, frames.shape[2] - 1)
        pixels.append(np.asarray(frames[blob.frame : blob.frame + 1])[0][rows[:, None], columns])
        body = np.zeros((height, width), bool)
        y, x = blob.box[0].start - top, blob.box[1].start - left
        body[y : y + blob.pixels.shape[0], x : x + blob.pixels.shape[1]] = blob.pixels
        soft = ndimage.gaussian_filter(ndimage.binary_dilation(body).astype(np.float32), 0.5)
        opacity.append(np.where(body, 1, np.where(soft < SOFTEST, 0, soft)))
    velocity = (float(down), float(right))
    return Walker(
        np.array(pixels, np.float32),
        np.array(opacity, np.float32),
        corners.astype(float),
        velocity,
        first + walk[0].frame,
    )
