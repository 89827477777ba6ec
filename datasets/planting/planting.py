"""Put somebody who was cut out of a video into a clip, walking as they did or otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crossvad.datasets.base import Frames
from crossvad.datasets.planting.walkers import SOFTEST, Mask, Walker

Steps = NDArray[np.float64]  # (T,): how many frames into its walk somebody is, in each frame of a clip


def steps(frames: int, pivot: int, moment: float, rate: float = 1.0) -> Steps:
    """Steps of a walk that is at `moment` in frame `pivot` of a clip, and goes on at `rate` times its own speed."""
    return moment + rate * (np.arange(frames, dtype=np.float64) - pivot)


def plant(clip: Frames, walker: Walker, steps: Steps) -> tuple[Frames, Mask]:
    """Put a walker into a clip, uint8 (T, H, W, C), as far into its walk as `steps` (T,) say of each frame.

    Returns:
        The clip, and which of its pixels may have changed, (T, H, W).
    """
    planted, mask = np.array(clip), np.zeros(clip.shape[:3], bool)
    for frame, changed, step in zip(planted, mask, steps, strict=True):
        number, corner = walker.at(step)
        pixels, opacity, (top, left) = _shifted(walker.pixels[number], walker.opacity[number], corner)
        rows = slice(max(top, 0), min(top + len(opacity), len(frame)))
        columns = slice(max(left, 0), min(left + opacity.shape[1], frame.shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue  # out of sight
        shown = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        cover = opacity[shown][..., None]
        mixed = (1 - cover) * frame[rows, columns] + cover * pixels[shown]
        frame[rows, columns] = mixed.round().clip(0, 255)
        changed[rows, columns] = cover[..., 0] > 0
    return planted, mask


def _shifted(
    pixels: NDArray[np.float32], opacity: NDArray[np.float32], corner: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[int, int]]:
    """A cut-out moved by a part of a pixel, bilinearly, and the whole pixel where it then begins."""
    top, left = (int(np.floor(place)) for place in corner)
    down, right = corner[0] - top, corner[1] - left
    for axis, part in enumerate((down, right)):
        if part:
            pixels, opacity = _slid(pixels, axis, part, edge=True), _slid(opacity, axis, part, edge=False)
            opacity[opacity < SOFTEST] = 0
    return pixels, opacity, (top, left)


def _slid(array: NDArray[np.float32], axis: int, part: float, edge: bool) -> NDArray[np.float32]:
    """An array moved along an axis by a part of a pixel, in one pixel more; beyond it lies its edge, or nothing."""
    given = np.moveaxis(array, axis, 0)
    slid = np.zeros((len(given) + 1, *given.shape[1:]), np.float32)
    slid[:-1] = (1 - part) * given
    slid[1:] += part * given
    if edge:
        slid[0] += part * given[0]
        slid[-1] += (1 - part) * given[-1]
    return np.moveaxis(slid, 0, axis)


def resized(walker: Walker, factor: float) -> Walker:
    """The same walker, larger or smaller; its feet stay on the ground, and its speed is what it was."""
    pixels = ndimage.zoom(walker.pixels, (1, factor, factor, 1), order=1)
    opacity = ndimage.zoom(walker.opacity, (1, factor, factor), order=1)
    larger = replace(walker, pixels=pixels, opacity=np.where(opacity < SOFTEST, 0, opacity))
    return standing(larger, [_feet(walker, moment) for moment in range(len(walker))])


def turned(walker: Walker) -> Walker:
    """The same walker lying on its side: turned by 90 degrees, at its feet."""
    pixels, opacity = np.rot90(walker.pixels, axes=(1, 2)), np.rot90(walker.opacity, axes=(1, 2))
    lying = replace(walker, pixels=np.ascontiguousarray(pixels), opacity=np.ascontiguousarray(opacity))
    return standing(lying, [_feet(walker, moment) for moment in range(len(walker))])


def standing(walker: Walker, feet: list[tuple[float, float]]) -> Walker:
    """The same walker with its feet, row and column, where each of its frames is told."""
    moved = np.array(feet) - [_feet(walker, moment) for moment in range(len(walker))]
    return replace(walker, corners=walker.corners + moved)


def rerouted(walker: Walker, moment: int, feet: tuple[float, float], velocity: tuple[float, float]) -> Walker:
    """The same walker on another way: straight on at `velocity`, through `feet` at one moment of its walk."""
    path = np.array(feet) + np.multiply.outer(np.arange(len(walker)) - moment, velocity)
    return replace(standing(walker, [(row, column) for row, column in path]), velocity=velocity)


def dressed(walker: Walker, texture: Frames) -> Walker:
    """The same walker's outline, filled with a texture (h, w, C), which is repeated where it ends."""
    _, height, width, _ = walker.pixels.shape
    rows, columns = np.arange(height) % texture.shape[0], np.arange(width) % texture.shape[1]
    filled = texture[rows[:, None], columns].astype(np.float32)
    return replace(walker, pixels=np.broadcast_to(filled, walker.pixels.shape))


def _feet(walker: Walker, moment: int) -> tuple[float, float]:
    """Row and column of the middle of the lower edge of its box."""
    _, left, bottom, right = walker.box(moment)
    return bottom, (left + right) / 2
