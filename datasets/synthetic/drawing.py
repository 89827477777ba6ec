"""Drawing for the synthetic data sets: flat figures in metres, standing on a ground plane, in a camera's view.

A figure is a tuple of parts (limbs, discs, boxes) in side view, later parts over earlier ones. A picture is painted
back to front at `SUB` times the resolution, so that shrinking it smooths every edge. Only + - * / (and a square root)
and comparisons decide a pixel, all exact in IEEE 754: the same picture comes out on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 120, 160  # of a picture, in pixels
SUB = 2  # sub-pixels per pixel and axis

Colour = tuple[int, int, int]  # RGB, 0..255
Bounds = tuple[float, float, float, float]  # left, bottom, right, top in metres
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that keeps verticals upright, above ground with axes u and v of its own, in metres."""

    horizon: float  # row of the vanishing line in pixels; above the picture when negative
    height: float  # above the ground in metres
    distance: float  # from the camera to the ground's origin in metres
    turn: tuple[float, float] = (1.0, 0.0)  # cosine and sine of the ground's angle: from a Pythagorean triple, so exact
    focal: float = 160.0  # pixels

    def ground(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Compute the ground points (u, v) in metres under picture points (x, y) in pixels, all below the horizon."""
        depth = self.focal * self.height / (y - self.horizon)
        across, along = (x - WIDTH / 2) * depth / self.focal, depth - self.distance
        cosine, sine = self.turn
        return cosine * across + sine * along, cosine * along - sine * across

    def project(self, u: float, v: float) -> tuple[float, float, float]:
        """Project a ground point to (x, y) in the picture, with its scale in pixels per metre: huge at the camera."""
        cosine, sine = self.turn
        scale = self.focal / max(sine * u + cosine * v + self.distance, 0.1)
        return WIDTH / 2 + (cosine * u - sine * v) * scale, self.horizon + self.height * scale, scale


@dataclass(frozen=True)
class Limb:
    """A line with round ends; `side` is how far it is to the figure's left, visible only when the figure is turned."""

    colour: Colour
    x0: float
    y0: float
    x1: float
    y1: float
    radius: float
    side: float = 0.0

    @property
    def bounds(self) -> Bounds:
        """The box around it."""
        (left, right), (low, high), r = sorted((self.x0, self.x1)), sorted((self.y0, self.y1)), self.radius
        return left - r, low - r, right + r, high + r

    def covers(self, x: Floats, y: Floats) -> Mask:
        """Whether each point lies within it."""
        dx, dy, x, y = self.x1 - self.x0, self.y1 - self.y0, x - self.x0, y - self.y0
        square = max(dx * dx + dy * dy, 1e-9)
        nearest = np.minimum(np.maximum(x * (dx / square) + y * (dy / square), 0), 1)
        x, y = x - nearest * dx, y - nearest * dy
        return np.asarray(x * x + y * y <= self.radius * self.radius)

    def turned(self, facing: float) -> Limb:
        """Turn with the figure: 1 towards the right, 0 to or from the camera, -1 towards the left."""
        shift = self.side * (1 - abs(facing))
        return replace(self, x0=self.x0 * facing + shift, x1=self.x1 * facing + shift)


@dataclass(frozen=True)
class Disc:
    """An ellipse, or a wheel's ring where `hole` (its share of the radius) is positive."""

    colour: Colour
    x: float
    y: float
    rx: float
    ry: float
    hole: float = 0.0

    @property
    def bounds(self) -> Bounds:
        """The box around it."""
        return self.x - self.rx, self.y - self.ry, self.x + self.rx, self.y + self.ry

    def covers(self, x: Floats, y: Floats) -> Mask:
        """Whether each point lies within it."""
        x, y = (x - self.x) / self.rx, (y - self.y) / self.ry
        square = x * x + y * y
        return np.asarray((square <= 1) & (square >= self.hole * self.hole))

    def turned(self, facing: float) -> Disc:
        """Turn with the figure: a wheel narrows, a ball does not."""
        return replace(self, x=self.x * facing, rx=self.rx * abs(facing) if self.hole else self.rx)


@dataclass(frozen=True)
class Box:
    """An upright rectangle."""

    colour: Colour
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def bounds(self) -> Bounds:
        """The box around it: itself."""
        return self.x0, self.y0, self.x1, self.y1

    def covers(self, x: Floats, y: Floats) -> Mask:
        """Whether each point lies within it."""
        return np.asarray((self.x0 <= x) & (x <= self.x1) & (self.y0 <= y) & (y <= self.y1))

    def turned(self, facing: float) -> Box:
        """Turn with the figure."""
        left, right = sorted((self.x0 * facing, self.x1 * facing))
        return replace(self, x0=left, x1=right)


Figure = tuple[Limb | Disc | Box, ...]  # x to the right of the point it stands on, y up, in metres


def shaded(colour: Colour, eighths: int) -> Colour:
    """Darken a colour to so many eighths of its brightness, at most 8."""
    red, green, blue = colour
    return red * eighths // 8, green * eighths // 8, blue * eighths // 8


def wave(turns: float) -> float:
    """Approximate a sine by arithmetic alone: -1..1, period 1, zero and rising at 0."""
    part = 2 * (turns % 1.0)
    return 4 * part * (1 - part) if part < 1 else -4 * (part - 1) * (2 - part)


@dataclass(frozen=True)
class Sprite:
    """A figure in a picture: the sub-pixels it covers within a window, and their colours."""

    depth: float  # the row it stands on: nearer to the camera is further down
    window: tuple[slice, slice]  # rows and columns of sub-pixels
    mask: Mask  # (h, w)
    colours: Pixels  # (h, w, 3)
    tag: int = 0  # whose it is


def sprite(figure: Figure, at: tuple[float, float, float], tag: int = 0) -> Sprite | None:
    """Cut a figure standing at (x, y, pixels per metre) into sub-pixels, or None where none of them is covered."""
    x, y, scale = at
    left, low, right, high = zip(*(part.bounds for part in figure), strict=True)
    rows = slice(max(0, floor((y - max(high) * scale) * SUB)), min(HEIGHT * SUB, ceil((y - min(low) * scale) * SUB)))
    columns = slice(
        max(0, floor((x + min(left) * scale) * SUB)), min(WIDTH * SUB, ceil((x + max(right) * scale) * SUB))
    )
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    across = ((np.arange(columns.start, columns.stop) + 0.5) / SUB - x)[None, :] / scale
    up = (y - (np.arange(rows.start, rows.stop) + 0.5) / SUB)[:, None] / scale
    top = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    for number, part in enumerate(figure, start=1):
        np.copyto(top, number, where=part.covers(across, up))
    palette = np.array([(0, 0, 0), *(part.colour for part in figure)], np.uint8)
    return Sprite(y, (rows, columns), top > 0, palette[top], tag) if top.any() else None


def paint(lit: Pixels, dark: Pixels, sprites: Iterable[Sprite], shadows: Iterable[Sprite]) -> tuple[Pixels, Pixels]:
    """Paint sprites on the ground: a picture (HEIGHT * SUB, WIDTH * SUB, 3), and the tag of the topmost at each pixel.

    The ground is `lit`, and `dark` where a shadow falls, so that shadows over each other get no darker.
    """
    picture, tags = lit.copy(), np.zeros(lit.shape[:2], np.uint8)
    for shadow in shadows:
        np.copyto(picture[shadow.window], dark[shadow.window], where=shadow.mask[..., None])
    for item in sorted(sprites, key=lambda item: item.depth):
        np.copyto(picture[item.window], item.colours, where=item.mask[..., None])
        np.copyto(tags[item.window], item.tag, where=item.mask)
    return picture, tags


@dataclass(frozen=True)
class Paving:
    """A texture of tiles with joints; with `bond` every other row is shifted by half a tile."""

    colour: Colour
    joint: Colour
    tile: tuple[float, float]  # along u and v, in metres (or pixels, on a wall)
    gap: float  # width of the joints, in the same unit
    jitter: int  # how far a tile's brightness strays, 0..255
    grain: int  # how far a sub-pixel's brightness strays, 0..255
    bond: bool = False

    def texture(self, u: Floats, v: Floats, draw: np.random.Generator) -> Pixels:
        """Colour the paving at the points (u, v): RGB, the shape of `u` with 3 behind it."""
        length, width = self.tile
        row = np.floor(v / width)
        u = u + (row % 2) * length / 2 if self.bond else u
        column = np.floor(u / length)
        shades = draw.integers(-self.jitter, self.jitter, 256, endpoint=True)
        shade = shades[(column.astype(np.int64) * 37 + row.astype(np.int64) * 101) % 256]
        joint = (u - column * length < self.gap) | (v - row * width < self.gap)
        colour = np.where(joint[..., None], np.array(self.joint), np.array(self.colour) + shade[..., None])
        grain = draw.integers(-self.grain, self.grain, u.shape, endpoint=True)
        return np.clip(colour + grain[..., None], 0, 255).astype(np.uint8)
