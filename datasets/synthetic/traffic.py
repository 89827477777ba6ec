"""Who crosses a place and when: its traffic, and the anomalies of a schedule."""

from __future__ import annotations

import hashlib

import numpy as np

from crossvad.datasets.synthetic.actors import KINDS, Actor, look
from crossvad.datasets.synthetic.cameras import Place
from crossvad.datasets.synthetic.drawing import HEIGHT, WIDTH, Camera

Schedule = tuple[tuple[str, int], ...]  # (kind, frame in which it comes, negative = before the video starts)

PACE = 0.15  # metres per frame, of a walker on average


def generator(*words: object) -> np.random.Generator:
    """Seed random numbers with these words and nothing else."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest)))


def in_view(camera: Camera, u: float, v: float) -> bool:
    """Whether anything that stands at (u, v) may be in the picture, as wide as a cart and as high as a rider."""
    x, y, scale = camera.project(u, v)
    return 0 < scale < 80 and abs(x - WIDTH / 2) < WIDTH / 2 + 1.4 * scale and 0 < y < HEIGHT + 1.9 * scale


def spot(place: Place, main: float, other: float) -> tuple[float, float]:
    """Turn metres along the axis that people walk along, and aside of it, into (u, v)."""
    return (main, other) if place.along[1] == "u" else (other, main)


def crossing(place: Place) -> list[float]:
    """List the metres along the middle of the band, decimetre by decimetre, that are in view."""
    metres = (decimetre / 10 for decimetre in range(-10 * place.reach, 10 * place.reach + 1))
    return [metre for metre in metres if in_view(place.camera, *spot(place, metre, sum(place.band) / 2))]


def enter(place: Place, kind: str, start: int, tag: int, draw: np.random.Generator) -> Actor:
    """Send an actor on its way: through the whole view, starting outside of it in frame `start`."""
    sign = (1 if place.along[0] == "+" else -1) * (-1 if kind == "wrong-way" else 1)
    low, high = place.band
    aside, slope = low + (high - low) * int(draw.integers(0, 101)) / 100, int(draw.integers(-3, 4)) / 100

    def at(metres: float) -> tuple[float, float]:
        return spot(place, sign * metres, aside + slope * metres)

    metres = (decimetre / 10 for decimetre in range(-10 * place.reach, 10 * place.reach + 1))
    path = [metre for metre in metres if in_view(place.camera, *at(metre))]
    pace = int(draw.integers(13, 18)) / 100 * KINDS[kind].pace
    (u, v), (u1, v1) = at(path[0]), at(path[0] + pace)
    return Actor(kind, look(draw), start, start + int((path[-1] - path[0]) / pace), (u, v), (u1 - u, v1 - v), tag)


def simulate(place: Place, length: int, schedule: Schedule, draw: np.random.Generator) -> list[Actor]:
    """Send actors across a place for `length` frames: its traffic, already under way, and those of the schedule."""
    start, actors = -250, []
    while start < length:
        actors.append(enter(place, "walker", start, 0, draw))
        start += int(draw.integers(place.pause // 3, place.pause * 5 // 3, endpoint=True))
    actors += [enter(place, kind, start, tag, draw) for tag, (kind, start) in enumerate(schedule, start=1)]
    return [actor for actor in actors if actor.stop > 0]
