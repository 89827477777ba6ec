"""Places drawn at random to have given traits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from crossvad.datasets.synthetic.cameras import (
    ASPHALT,
    GRASS,
    GREEN,
    IRON,
    KERB,
    WOOD,
    Night,
    Place,
    Thing,
    bench,
    bollard,
    bush,
    fountain,
    house_left,
    house_right,
    lamp,
    planter,
    tree,
)
from crossvad.datasets.synthetic.drawing import HEIGHT, WIDTH, Camera, Colour, Figure, Paving
from crossvad.datasets.synthetic.draws import between, one_of
from crossvad.datasets.synthetic.traffic import PACE, crossing, spot
from crossvad.datasets.synthetic.traits import Traits

RULES = 1  # raise it whenever a seed draws another place, traits or schedule: stored results depend on it

GROUNDS = (
    Paving((168, 164, 158), (138, 134, 128), (0.9, 0.9), 0.05, 7, 5),  # slabs
    Paving((172, 118, 92), (132, 92, 76), (0.6, 0.3), 0.04, 14, 7, bond=True),  # bricks
    Paving((104, 105, 110), (100, 101, 106), (1.7, 1.3), 0.05, 3, 9),  # asphalt
    Paving((202, 184, 146), (198, 180, 142), (0.7, 0.7), 0.05, 4, 13),  # gravel
    Paving((160, 126, 90), (104, 80, 58), (3.1, 0.3), 0.035, 14, 8, bond=True),  # planks
    Paving((128, 122, 116), (92, 88, 84), (0.4, 0.3), 0.06, 12, 6, bond=True),  # cobbles
    Paving((222, 206, 172), (196, 178, 146), (1.0, 1.0), 0.06, 6, 4),  # tiles
    Paving((116, 124, 138), (92, 98, 112), (0.8, 0.8), 0.05, 8, 4),  # blue tiles
    Paving((222, 226, 232), (218, 222, 228), (1.9, 2.3), 0.03, 3, 7),  # trodden snow
    Paving((176, 100, 72), (214, 200, 184), (5.0, 4.0), 0.08, 3, 7),  # a clay court
)
VERGES = (
    GRASS,
    ASPHALT,
    Paving((166, 154, 100), (158, 146, 94), (0.5, 0.4), 0.06, 9, 12),  # dry grass
    Paving((150, 80, 70), (142, 76, 68), (2.1, 1.6), 0.05, 3, 9),  # red asphalt
    Paving((112, 92, 70), (104, 84, 62), (0.6, 0.6), 0.05, 5, 14),  # soil
    Paving((196, 190, 180), (172, 166, 156), (1.4, 1.4), 0.05, 5, 4),  # pale slabs
)
WALLS = (  # in pixels, at 16 pixels per metre
    Paving((88, 104, 124), (186, 156, 128), (22, 36), 10, 16, 5),  # windows of a plastered house
    Paving((152, 88, 70), (180, 156, 138), (9, 5), 1, 12, 6, bond=True),  # bricks
    Paving((58, 90, 52), (50, 80, 46), (4, 4), 1, 14, 14),  # leaves
    Paving((156, 156, 152), (122, 122, 120), (44, 60), 1, 6, 5),  # concrete
    Paving((126, 94, 66), (86, 64, 46), (7, 200), 1, 12, 6),  # boards
)
# What stands about: what it is, its colour, half its width in metres, and whether it is too high to stand in front.
THINGS: tuple[tuple[Callable[[Colour, np.random.Generator], Figure], Colour, float, bool], ...] = (
    (bench, WOOD, 0.8, False),
    (planter, (216, 72, 90), 0.75, False),
    (bollard, IRON, 0.15, False),
    (bush, GREEN, 1.1, False),
    (tree, GREEN, 0.9, True),
    (tree, GREEN, 0.9, True),
    (fountain, (176, 172, 166), 1.6, True),
    (lamp, IRON, 0.2, True),
)


def shifted(colour: Colour, shift: Sequence[int]) -> Colour:
    """Add to each part of a colour, within 0..255."""
    red, green, blue = (min(255, max(0, part + more)) for part, more in zip(colour, shift, strict=True))
    return red, green, blue


def tinted(colour: Colour, draw: np.random.Generator) -> Colour:
    """Stray from a colour a little."""
    return shifted(colour, [int(draw.integers(-10, 11)) for _ in colour])


def varied(paving: Paving, draw: np.random.Generator, size: float = 1.0) -> Paving:
    """Stray from a paving a little, its tiles `size` times as large."""
    size *= between(0.85, 1.25, draw)
    shift, (length, width) = [int(draw.integers(-10, 11)) for _ in range(3)], paving.tile
    colour, joint = shifted(paving.colour, shift), shifted(paving.joint, shift)
    return replace(paving, colour=colour, joint=joint, tile=(length * size, width * size), gap=paving.gap * size)


def draw_camera(traits: Traits, draw: np.random.Generator) -> Camera:
    """Draw where a camera stands and how it looks down."""
    focal = between(140, 190, draw)
    distance = focal / (between(7.5, 9.0, draw) if traits.far else between(15.0, 18.0, draw))
    if traits.depth:
        # At least so steep that people come into view above the picture and do not spring up at a horizon.
        slope, row = between(*((0.92, 1.02) if traits.steep else (0.72, 0.78)), draw), between(54, 60, draw)
        turn = one_of(((1.0, 0.0), (0.96, 0.28), (0.96, -0.28), (12 / 13, 5 / 13), (12 / 13, -5 / 13)), draw)
    else:
        slope = between(*((0.70, 0.86) if traits.steep else (0.36, 0.46)), draw)
        row = between(80, 90, draw) if traits.walled else min(between(62, 78, draw), slope * focal - 6)
        turns = ((1.0, 0.0), (0.96, 0.28), (0.96, -0.28), (0.8, 0.6), (0.8, -0.6))
        turn = one_of(turns[:3] if traits.walled else turns, draw)
    # The ground's origin, where people pass, is seen in `row`; only a wall hides a horizon.
    return Camera(row - slope * focal, slope * distance, distance, turn, focal)


def draw_place(name: str, traits: Traits, ground: Paving, draw: np.random.Generator) -> Place:
    """Draw what a camera with these traits looks at."""
    half = between(1.3, 1.9, draw) if not traits.far else between(2.3, 3.2, draw)
    camera = draw_camera(traits, draw)
    along = ("+" if traits.forward else "-") + ("v" if traits.depth else "u")
    bare = Place(name, camera, along, (-half, half), 1, varied(ground, draw), (), (), reach=40, drawn=RULES)
    metres = crossing(bare)
    people = between(6, 9, draw) if traits.crowded else between(1.5, 2.5, draw)
    sensor = {(False, False): (1, 2), (False, True): (5, 6), (True, False): (3, 4), (True, True): (8, 9)}
    place = replace(
        bare,
        pause=max(5, round((metres[-1] - metres[0]) / PACE / people)),
        strips=draw_strips(traits, half, draw),
        shade=(between(-0.8, 0.8, draw), between(-0.15, 0.25, draw)) if not traits.night else (0.12, 0.04),
        noise=one_of(sensor[traits.night, traits.noisy], draw),
        flicker=round(between(*((14, 22) if traits.unsteady else (0, 3)), draw)),
        drift=round(between(*((60, 110) if traits.unsteady else (0, 12)), draw)),
        wall=draw_wall(bare, draw) if traits.walled and not traits.depth else None,
        night=draw_night(bare, traits, draw) if traits.night else None,
    )
    lamps = lamps_in_view(place)
    houses = draw_houses(place, draw) if traits.walled and traits.depth else ()
    return replace(place, things=(*houses, *lamps, *draw_things(place, traits, draw)))


def draw_strips(traits: Traits, half: float, draw: np.random.Generator) -> tuple[tuple[str, float, float, Paving], ...]:
    """Draw what lies on either side of people's way."""
    axis, strips = "u" if traits.depth else "v", []
    for side in (-1, 1):
        edge = half + between(0.5, 1.2, draw)
        verge, kerb = varied(one_of(VERGES, draw), draw), bool(draw.integers(2))
        for low, high, paving in ((edge, 200.0, verge), *([(edge, edge + 0.25, KERB)] if kerb else [])):
            low, high = sorted((side * low, side * high))
            strips.append((axis, low, high, paving))
    return tuple(strips)


def draw_wall(place: Place, draw: np.random.Generator) -> tuple[int, Paving]:
    """Draw a wall that stands behind everybody who is in the picture."""
    camera, behind = place.camera, place.band[1] + between(1.5, 4.0, draw)
    feet = [camera.project(*spot(place, metre, behind)) for metre in crossing(place)]
    row = max(8, int(min(y for x, y, _ in feet if 0 <= x <= WIDTH)))
    return row, varied(one_of(WALLS, draw), draw, (row - camera.horizon) / camera.height / 16)


def draw_night(place: Place, traits: Traits, draw: np.random.Generator) -> Night:
    """Draw lamps along people's way: behind it where they cross the picture, on both sides where they come and go."""
    metres, count, beside = crossing(place), 4 if traits.far else 3, place.band[1] + 0.6
    gap = (metres[-1] - metres[0]) / count
    spots = [metres[0] + gap * (index + between(0.3, 0.7, draw)) for index in range(count)]
    sides = [(-1) ** index if traits.depth else 1 for index in range(count)]
    lamps = tuple(spot(place, metre, side * beside) for metre, side in zip(spots, sides, strict=True))
    ambient, strength = int(draw.integers(48, 67)), int(draw.integers(150, 186))
    return Night(ambient, lamps, strength, max(1.8, gap * between(0.42, 0.55, draw)))


def lamps_in_view(place: Place) -> list[Thing]:
    """The lamps of the night that stand in the picture."""
    feet = [place.camera.project(u, v) for u, v in (place.night.lamps if place.night else ())]
    return [(lamp, IRON, round(x), round(y)) for x, y, _ in feet if 0 <= x < WIDTH and 0 < y < HEIGHT + 20]


def draw_houses(place: Place, draw: np.random.Generator) -> list[Thing]:
    """Draw two houses beside a way that leads into the picture, on the side that hides none of it."""
    houses: list[Thing] = []
    camera, (cosine, sine), edge = place.camera, place.camera.turn, place.band[1] + between(1.6, 2.6, draw)
    side = (-1 if draw.integers(2) else 1) if sine == 0 else -1 if sine < 0 else 1
    for low, high in ((20, 36), (52, 70)):
        row = between(low, high, draw)
        away = camera.focal * camera.height / (row - camera.horizon) - camera.distance
        x, y, _ = camera.project(side * edge, (away - sine * side * edge) / cosine)
        paint = tinted(one_of(((206, 190, 160), (176, 120, 96), (170, 174, 178), (204, 204, 196)), draw), draw)
        houses.append((house_left if side < 0 else house_right, paint, round(x), round(y)))
    return houses


def draw_things(place: Place, traits: Traits, draw: np.random.Generator) -> list[Thing]:
    """Draw four to seven things that stand beside people's way, none where people walk, no high one before them."""
    things: list[Thing] = []
    camera, wanted = place.camera, int(draw.integers(4, 8))
    floor = place.wall[0] + 3 if place.wall else 12
    for _ in range(400):
        x, row = int(draw.integers(4, WIDTH - 3)), int(draw.integers(floor, HEIGHT + 2))
        scale = (row - camera.horizon) / camera.height
        # The ground at its foot, and the ground that is seen past what is 0.9 m high.
        u, v = camera.ground(
            np.array([float(x), float(x)]), np.array([row, max(row - 0.9 * scale, camera.horizon + 1)])
        )
        other, past = (u if traits.depth else v).tolist()
        make, colour, width, high = one_of(THINGS, draw)
        before = not traits.depth and other < 0
        beside = abs(other) - place.band[1] - (width + 0.2 if traits.depth or make is fountain else 0.5)
        hides = before and (high or past > -place.band[1])
        apart = all(abs(x - at) + abs(row - foot) > 25 for _, _, at, foot in things)
        if beside > 0 and apart and not hides and not (make is lamp and traits.night):
            things.append((make, tinted(colour, draw), x, row))
        if len(things) == wanted:
            break
    return things
