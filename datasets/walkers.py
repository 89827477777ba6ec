"""Drawing for the synthetic datasets: flat figures in metres, standing on a ground plane, seen through a camera.

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
        """Ground points (u, v) in metres under the picture points (x, y) in pixels, all below the horizon."""
        depth = self.focal * self.height / (y - self.horizon)
        across, along = (x - WIDTH / 2) * depth / self.focal, depth - self.distance
        cosine, sine = self.turn
        return cosine * across + sine * along, cosine * along - sine * across

    def project(self, u: float, v: float) -> tuple[float, float, float]:
        """Picture point (x, y) of a ground point, and its scale in pixels per metre: huge at the camera itself."""
        cosine, sine = self.turn
        scale = self.focal / max(sine * u + cosine * v + self.distance, 0.1)
        return WIDTH / 2 + (cosine * u - sine * v) * scale, self.horizon + self.height * scale, scale


@dataclass(frozen=True)
class Limb:
    """A line with round ends; `side` is how far it is to the figure's left, seen only when the figure is turned."""

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
        """As seen with the figure turned: 1 towards the right, 0 to or from the camera, -1 towards the left."""
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
        """As seen with the figure turned: a wheel narrows, a ball does not."""
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
        """As seen with the figure turned."""
        left, right = sorted((self.x0 * facing, self.x1 * facing))
        return replace(self, x0=left, x1=right)


Figure = tuple[Limb | Disc | Box, ...]  # x to the right of the point it stands on, y up, in metres


@dataclass(frozen=True)
class Look:
    """What tells one person from another."""

    height: float  # metres
    shirt: Colour
    trousers: Colour
    skin: Colour
    hair: Colour


def shaded(colour: Colour, eighths: int) -> Colour:
    """A colour at so many eighths of its brightness, at most 8."""
    red, green, blue = colour
    return red * eighths // 8, green * eighths // 8, blue * eighths // 8


def wave(turns: float) -> float:
    """Near enough a sine from arithmetic alone: -1..1, period 1, zero and rising at 0."""
    part = 2 * (turns % 1.0)
    return 4 * part * (1 - part) if part < 1 else -4 * (part - 1) * (2 - part)


def person(look: Look, phase: float, away: bool, running: bool = False) -> Figure:
    """Someone walking or running to the right, `phase` in strides; `away` shows the back of the head."""
    effort, lean, bend = (1.5, 0.17, 0.16) if running else (1.0, 0.02, 0.03)
    swing = wave(phase)
    size = look.height / 1.75
    hip, shoulder = (0.86 + 0.04 * effort * (1 - swing * swing)) * size, 1.36 * size

    def leg(colour: Colour, phase: float, side: float) -> Figure:
        reach, lift = 0.34 * effort * wave(phase), 0.13 * effort * max(0.0, wave(phase + 0.25))
        knee, mid = reach * 0.45 + lift + 0.03, hip / 2 + lift / 2
        return (
            Limb(colour, 0, hip, knee, mid, 0.09, side),
            Limb(colour, knee, mid, reach, 0.1 + lift, 0.07, side),
            Limb((32, 30, 32), reach, 0.07 + lift, reach + 0.13, 0.05 + lift, 0.055, side),
        )

    def arm(colour: Colour, reach: float, side: float) -> Figure:
        elbow = lean + reach * 0.15
        hand, drop = elbow + reach * 0.1 + bend, -0.06 if running else 0.2
        return (
            Limb(look.skin, elbow, shoulder - 0.3, hand, shoulder - 0.3 - drop, 0.05, side * 1.2),
            Limb(colour, lean, shoulder - 0.05, elbow, shoulder - 0.3, 0.06, side),
        )

    hair = Disc(look.hair, lean * 1.4 - 0.01, shoulder + 0.27, 0.125, 0.14)
    face = Disc(look.skin, lean * 1.4 + 0.04, shoulder + 0.23, 0.095, 0.12)
    return (
        *arm(shaded(look.shirt, 6), -swing * effort, 0.21),
        *leg(shaded(look.trousers, 6), phase + 0.5, 0.09),
        *leg(look.trousers, phase, -0.09),
        Limb(look.shirt, 0, hip + 0.08, lean, shoulder - 0.09, 0.16),
        *arm(shaded(look.shirt, 7), swing * effort, -0.21),
        *((face, hair) if away else (hair, face)),
    )


def rider(look: Look, phase: float) -> Figure:
    """Someone on a bicycle riding to the right, `phase` in turns of the pedals."""
    paint, tyre = (165, 40, 40), (26, 26, 30)

    def leg(colour: Colour, phase: float, side: float) -> Figure:
        foot, low = 0.16 * wave(phase + 0.25), 0.38 + 0.16 * wave(phase)
        knee, mid = 0.24 + foot / 2, 0.5 + low / 2
        return Limb(colour, -0.18, 1.0, knee, mid, 0.09, side), Limb(colour, knee, mid, foot, low, 0.07, side)

    return (
        *leg(shaded(look.trousers, 6), phase + 0.5, 0.1),
        *(Disc(tyre, hub, 0.36, 0.36, 0.36, 0.8) for hub in (-0.56, 0.56)),
        *(Limb(paint, 0, 0.38, x, y, 0.035) for x, y in ((-0.56, 0.36), (-0.22, 0.92), (0.4, 0.84))),
        *(Limb(paint, x, 0.86, hub, 0.36, 0.03) for x, hub in ((-0.2, -0.56), (0.4, 0.56))),
        Limb(paint, -0.2, 0.86, 0.4, 0.86, 0.035),
        Limb(tyre, 0.4, 0.86, 0.42, 1.04, 0.035),
        *leg(look.trousers, phase, -0.1),
        Limb(look.shirt, -0.16, 1.08, 0.14, 1.4, 0.16),
        Limb(shaded(look.shirt, 6), 0.18, 1.4, 0.32, 1.18, 0.06, -0.2),
        Limb(look.skin, 0.32, 1.18, 0.46, 1.06, 0.05, -0.2),
        Disc(look.skin, 0.3, 1.66, 0.1, 0.13),
        Disc((236, 236, 228), 0.27, 1.74, 0.14, 0.09),
    )


def cart(look: Look, phase: float) -> Figure:
    """A small delivery cart with a driver, driving to the right, `phase` in turns of the wheels."""
    body, roof, tyre = (226, 222, 205), (240, 240, 235), (28, 28, 30)
    spoke, rise = 0.16 * wave(phase + 0.25), 0.16 * wave(phase)
    return (
        Box((58, 60, 66), -0.95, 0.95, -0.85, 1.85),
        Limb(look.shirt, 0.0, 0.95, 0.02, 1.2, 0.17),
        Limb(look.skin, 0.1, 1.2, 0.42, 1.12, 0.05),
        Disc(look.hair, 0.04, 1.56, 0.125, 0.14),
        Disc(look.skin, 0.08, 1.53, 0.095, 0.12),
        Limb((58, 60, 66), 0.5, 0.9, 0.42, 1.15, 0.03),
        Limb((58, 60, 66), 0.95, 0.9, 0.6, 1.82, 0.035),
        Box(body, -1.3, 0.32, 1.2, 0.85),
        Box(shaded(body, 6), -1.3, 0.32, 1.2, 0.45),
        Box((50, 110, 90), -1.25, 0.85, -0.35, 1.3),
        Box((190, 70, 50), -1.3, 0.62, 1.2, 0.7),
        Box(roof, -1.05, 1.8, 0.75, 1.92),
        *(Disc(tyre, hub, 0.28, 0.28, 0.28) for hub in (-0.85, 0.8)),
        *(Limb((170, 170, 175), hub - spoke, 0.28 + rise, hub + spoke, 0.28 - rise, 0.04) for hub in (-0.85, 0.8)),
    )


@dataclass(frozen=True)
class Sprite:
    """A figure where a picture shows it: which sub-pixels it covers within a window, and their colours."""

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
    """A picture (HEIGHT * SUB, WIDTH * SUB, 3) of sprites on the ground, and the tag of the one seen at each place.

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
        """RGB of the paving at the points (u, v): the shape of `u` with 3 behind it."""
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


def tree(crown: Colour, draw: np.random.Generator) -> Figure:
    """A tree about 4 m high, no two alike."""
    leaves = []
    for eighths, spread, rise in ((5, 1.0, 0.0), (6, 0.9, 0.2), (7, 0.7, 0.4), (8, 0.5, 0.6)):
        for _ in range(5):
            x, y, r = draw.integers(-90, 91) / 100, draw.integers(-60, 61) / 100, draw.integers(35, 56) / 100
            leaves.append(
                Disc(shaded(crown, eighths), x * spread - rise / 3, 2.9 + y * spread + rise / 2, r * spread, r * spread)
            )
    return Limb((84, 66, 50), 0, 0, 0.05, 2.6, 0.13), *leaves


def bush(leaf: Colour, draw: np.random.Generator) -> Figure:
    """A low bush about 2 m wide."""
    spots = [(draw.integers(-80, 81) / 100, draw.integers(20, 61) / 100, 5 + index // 4) for index in range(16)]
    return tuple(Disc(shaded(leaf, eighths), x, y, 0.34, 0.26) for x, y, eighths in spots)


def lamp(paint: Colour, draw: np.random.Generator) -> Figure:
    """A street lamp 4 m high, with its arm to the left or the right."""
    arm = 0.7 if draw.integers(2) else -0.7
    glass = Disc((250, 244, 205), arm, 3.88, 0.2, 0.08)
    return Limb(paint, 0, 0, 0, 4, 0.06), Limb(paint, 0, 4, arm, 4, 0.05), Disc(paint, 0, 0.1, 0.14, 0.14), glass


def bench(wood: Colour, draw: np.random.Generator) -> Figure:
    """A park bench 1.6 m wide."""
    iron = shaded(wood, int(draw.integers(2, 4)))
    slats = (Box(wood, -0.8, low, 0.8, low + 0.09) for low in (0.42, 0.58, 0.72))
    return *(Box(iron, x, 0, x + 0.08, 0.8) for x in (-0.7, 0.62)), *slats


def planter(flower: Colour, draw: np.random.Generator) -> Figure:
    """A stone trough of flowers, 1.4 m wide."""
    blooms = [(draw.integers(-60, 61) / 100, draw.integers(55, 86) / 100) for _ in range(14)]
    leaves = (Disc((62, 98, 52), x, y - 0.08, 0.17, 0.14) for x, y in blooms)
    trough = Box((150, 146, 138), -0.7, 0, 0.7, 0.5), Box((172, 168, 160), -0.75, 0.44, 0.75, 0.54)
    return *leaves, *(Disc(flower, x, y, 0.07, 0.07) for x, y in blooms), *trough


def bollard(paint: Colour, draw: np.random.Generator) -> Figure:
    """A post 0.9 m high."""
    band = Box((220, 215, 205), -0.1, 0.6, 0.1, 0.72)
    return Limb(paint, 0, 0.05, 0, 0.8 + draw.integers(3) / 50, 0.1), band


def fountain(stone: Colour, draw: np.random.Generator) -> Figure:
    """A round basin with a jet, 3 m wide."""
    drops = [(draw.integers(-40, 41) / 100, draw.integers(90, 171) / 100) for _ in range(12)]
    rim = Disc(stone, 0, 0.45, 1.5, 0.5), Disc((112, 152, 172), 0, 0.5, 1.35, 0.4)
    column = Limb(shaded(stone, 7), 0, 0.45, 0, 1.1, 0.16), Disc(stone, 0, 1.1, 0.5, 0.13)
    wall = Disc(shaded(stone, 6), 0, 0.3, 1.5, 0.5)
    return wall, *rim, *column, *(Disc((205, 222, 230), x, y, 0.05, 0.09) for x, y in drops)
