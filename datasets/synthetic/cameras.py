"""What a camera of the synthetic data sets looks at, the scenery that stands there, and the places chosen by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crossvad.datasets.synthetic.drawing import Box, Camera, Colour, Disc, Figure, Floats, Limb, Paving, shaded

Thing = tuple[Callable[[Colour, np.random.Generator], Figure], Colour, int, int]  # what, its colour, column, row


@dataclass(frozen=True)
class Night:
    """The light of lamps in the dark: what stands in it is as bright as the ground at its foot."""

    ambient: int  # light far from every lamp, in 256ths of daylight
    lamps: tuple[tuple[float, float], ...]  # where they stand, (u, v) in metres
    strength: int  # what a lamp adds at its foot, in 256ths of daylight
    reach: float  # metres from its foot at which a lamp adds a quarter of that

    def at(self, u: Floats, v: Floats) -> Floats:
        """Compute the light at ground points (u, v), 0..256 and the shape of `u`."""
        light = np.full(u.shape, float(self.ambient))
        for at_u, at_v in self.lamps:
            fall = 1 + ((u - at_u) * (u - at_u) + (v - at_v) * (v - at_v)) / (self.reach * self.reach)
            light += self.strength / (fall * fall)
        return np.minimum(light, 256)


@dataclass(frozen=True)
class Place:
    """What one camera looks at."""

    name: str
    camera: Camera
    along: str  # the axis people walk along, with its sign: "+u", "-u", "+v" or "-v"
    band: tuple[float, float]  # where they walk on the other axis, in metres
    pause: int  # frames from one walker to the next, on average
    ground: Paving
    strips: tuple[tuple[str, float, float, Paving], ...]  # axis, from, to in metres, and what covers it in between
    things: tuple[Thing, ...]
    wall: tuple[int, Paving] | None = None  # what closes the view off above this row
    shade: tuple[float, float] = (0.5, 0.1)  # where a shadow ends, per metre of height
    noise: int = 3  # of the sensor: the sum of two draws within +- this, 0..255
    flicker: int = 6  # of the light from frame to frame, +- this many 1024ths
    drift: int = 30  # of the light over minutes, +- this many 1024ths
    reach: int = 30  # metres along their way from its middle beyond which nobody is: all that is in view, and more
    night: Night | None = None  # None: by day
    drawn: int = 0  # which rules drew it from a seed; 0: nobody did


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


def _house(paint: Colour, draw: np.random.Generator, side: int) -> Figure:
    windows, low = shaded((96, 110, 128), int(draw.integers(5, 9))), int(draw.integers(9, 12)) / 10
    edges = [(side * metre, side * (metre + 1.1)) for metre in (0.9, 3.2, 5.5, 7.8)]
    panes = [Box(windows, min(edge), foot, max(edge), foot + 1.4) for edge in edges for foot in (low, low + 2.9)]
    left, right = sorted((0, 10 * side))
    plinth, eaves = Box(shaded(paint, 6), left, 0, right, 0.5), Box(shaded(paint, 5), left, 6.2, right, 6.5)
    return Box(paint, left, 0, right, 6.5), plinth, eaves, *panes


def house_left(paint: Colour, draw: np.random.Generator) -> Figure:
    """The front of a house, 10 m wide and 6.5 m high, to the left of where it stands."""
    return _house(paint, draw, -1)


def house_right(paint: Colour, draw: np.random.Generator) -> Figure:
    """The front of a house, 10 m wide and 6.5 m high, to the right of where it stands."""
    return _house(paint, draw, 1)


GRASS = Paving((98, 134, 70), (92, 128, 66), (0.5, 0.4), 0.06, 7, 12)
ASPHALT = Paving((92, 93, 98), (90, 91, 96), (1.7, 1.3), 0.05, 3, 9)
KERB = Paving((196, 192, 184), (150, 148, 142), (1.0, 9.0), 0.06, 6, 4)
GREEN, IRON, WOOD = (92, 142, 70), (52, 56, 60), (150, 104, 62)

AVENUE = Place(
    "avenue",
    Camera(horizon=18, height=4.2, distance=11),
    along="+u",
    band=(-1.9, 1.5),
    pause=20,
    ground=Paving((168, 164, 158), (138, 134, 128), (0.9, 0.9), 0.05, 7, 5),
    strips=(("v", -20, -2.5, ASPHALT), ("v", -2.5, -2.3, KERB), ("v", 2.0, 9.0, GRASS)),
    wall=(61, Paving((88, 104, 124), (186, 156, 128), (19.0, 30.0), 9.0, 16, 5)),
    things=(
        (tree, GREEN, 28, 66),
        (tree, GREEN, 118, 65),
        (bush, GREEN, 76, 66),
        *((bollard, IRON, x, 95) for x in (14, 58, 102, 146)),
    ),
)
MARKET = Place(
    "market",
    Camera(horizon=4, height=4.6, distance=12),
    along="-u",
    band=(-4.4, 1.6),
    pause=16,
    ground=Paving((172, 118, 92), (132, 92, 76), (0.6, 0.3), 0.04, 14, 7, bond=True),
    strips=(("v", 2.2, 9.0, Paving((206, 190, 164), (180, 164, 140), (1.2, 0.8), 0.05, 5, 4)),),
    wall=(51, Paving((110, 84, 70), (214, 196, 158), (26.0, 40.0), 12.0, 20, 5)),
    things=(
        (planter, (216, 72, 90), 34, 57),
        (bench, WOOD, 84, 57),
        (planter, (240, 200, 80), 128, 57),
        (lamp, IRON, 60, 112),
    ),
    shade=(-0.6, 0.12),
    noise=2,
    flicker=8,
)
PARK = Place(
    "park",
    Camera(horizon=-12, height=5.0, distance=12, turn=(0.8, -0.6)),
    along="+u",
    band=(-1.3, 1.3),
    pause=22,
    ground=GRASS,
    strips=(("v", -1.9, 1.9, Paving((202, 184, 146), (198, 180, 142), (0.7, 0.7), 0.05, 4, 11)),),
    wall=(14, Paving((58, 90, 52), (50, 80, 46), (4.0, 4.0), 1.0, 14, 14)),
    things=(
        (tree, (80, 128, 58), 118, 38),
        (bush, GREEN, 24, 96),
        (bench, WOOD, 60, 88),
        (bush, (110, 140, 70), 146, 52),
        (tree, GREEN, 22, 24),
    ),
    shade=(-0.4, 0.2),
    drift=50,
)
STATION = Place(
    "station",
    Camera(horizon=-42, height=6.0, distance=10.5, turn=(0.8, -0.6)),
    along="-u",
    band=(-2.0, 1.4),
    pause=18,
    ground=Paving((116, 124, 138), (92, 98, 112), (0.8, 0.8), 0.05, 8, 4),
    strips=(
        ("v", 2.0, 2.25, Paving((226, 192, 70), (206, 172, 60), (0.3, 0.3), 0.04, 4, 4)),
        ("v", 2.6, 12.0, Paving((74, 70, 66), (54, 50, 48), (0.6, 9.0), 0.2, 6, 14)),
    ),
    things=(
        (bench, (70, 90, 130), 36, 96),
        (bollard, (190, 60, 50), 18, 60),
        (lamp, IRON, 70, 117),
    ),
    shade=(0.15, 0.06),
    noise=4,
    flicker=10,
    drift=15,
)
BRIDGE = Place(
    "bridge",
    Camera(horizon=-30, height=5.0, distance=9),
    along="-v",
    band=(-1.7, 1.7),
    pause=18,
    ground=Paving((160, 126, 90), (104, 80, 58), (3.1, 0.3), 0.035, 14, 8, bond=True),
    strips=tuple(
        strip
        for low, high, rail in ((-30, -2.6, -2.6), (2.6, 30, 2.4))
        for strip in (
            ("u", low, high, Paving((70, 112, 134), (84, 128, 150), (2.3, 0.5), 0.12, 7, 5, bond=True)),
            ("u", rail, rail + 0.2, Paving((228, 226, 220), (196, 194, 188), (9.0, 1.0), 0.1, 4, 4)),
        )
    ),
    things=tuple((bollard, (206, 204, 198), x, row) for row, *xs in ((22, 53, 107), (60, 33, 127)) for x in xs),
    shade=(0.4, -0.15),
    noise=2,
    drift=50,
)
CAMPUS = Place(
    "campus",
    Camera(horizon=-56, height=6.5, distance=10),
    along="+v",
    band=(-1.8, 1.8),
    pause=20,
    ground=Paving((186, 176, 168), (152, 142, 136), (0.5, 0.5), 0.04, 9, 5, bond=True),
    strips=(("u", -30, -2.2, GRASS), ("u", 2.2, 30, GRASS), ("u", -2.3, -2.15, KERB), ("u", 2.15, 2.3, KERB)),
    things=((tree, (120, 140, 60), 18, 62), (bush, GREEN, 146, 36), (bench, WOOD, 142, 90)),
    shade=(-0.3, -0.12),
)
PLAZA = Place(
    "plaza",
    Camera(horizon=-75, height=7.2, distance=8.6, turn=(0.6, 0.8)),
    along="+u",
    band=(-2.2, 1.8),
    pause=16,
    ground=Paving((222, 206, 172), (196, 178, 146), (1.0, 1.0), 0.06, 6, 4),
    strips=tuple(
        ("v", low, low + 0.5, Paving((92, 138, 136), (80, 122, 120), (0.5, 0.5), 0.05, 8, 4)) for low in (-3.5, 2.2)
    ),
    things=(
        (fountain, (176, 172, 166), 38, 36),
        (planter, (196, 70, 150), 132, 106),
        (lamp, (40, 70, 66), 146, 84),
        (planter, (240, 236, 230), 16, 76),
    ),
    shade=(0.7, 0.25),
    flicker=5,
)
