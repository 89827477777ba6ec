"""Everybody who crosses a place of the synthetic data sets: how they look, move and are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from crossvad.datasets.synthetic.drawing import Box, Camera, Colour, Disc, Figure, Limb, shaded, wave

WARM: tuple[Colour, ...] = ((176, 52, 48), (222, 140, 96), (206, 164, 60), (204, 118, 138), (120, 74, 130))
COOL: tuple[Colour, ...] = ((52, 84, 150), (84, 150, 170), (66, 122, 84))
PLAIN: tuple[Colour, ...] = ((226, 222, 212), (130, 130, 134), (40, 42, 48), (96, 64, 48))
SHIRTS = WARM + COOL + PLAIN
TROUSERS = ((48, 56, 84), (60, 58, 56), (120, 104, 80), (34, 34, 38), (150, 148, 142), (84, 98, 120))
SKINS = ((236, 192, 164), (222, 174, 140), (186, 134, 100), (140, 94, 66), (98, 66, 48))
HAIRS = ((36, 28, 24), (84, 56, 34), (160, 120, 66), (126, 124, 122), (58, 34, 26))


@dataclass(frozen=True)
class Look:
    """Height and colours, which tell one person from another."""

    height: float  # metres
    shirt: Colour
    trousers: Colour
    skin: Colour
    hair: Colour


def look(draw: np.random.Generator) -> Look:
    """Draw somebody's looks at random."""
    shirt, trousers, skin, hair = (palette[draw.integers(len(palette))] for palette in (SHIRTS, TROUSERS, SKINS, HAIRS))
    return Look(1.55 + int(draw.integers(0, 36)) / 100, shirt, trousers, skin, hair)


def person(look: Look, phase: float, away: bool, running: bool = False) -> Figure:
    """Draw someone walking or running to the right, `phase` in strides; `away` shows the back of the head."""
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
    """Draw someone on a bicycle riding to the right, `phase` in turns of the pedals."""
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
    """Draw a small delivery cart with a driver, driving to the right, `phase` in turns of the wheels."""
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
class Kind:
    """How a kind of actor moves and looks."""

    pace: float  # in walking paces
    least_turn: float  # a long vehicle never looks narrower than this share of its length
    length: float  # of its shadow on the ground, in metres
    draw: Callable[[Look, float, bool], Figure]  # its figure after so many metres, seen from behind or not


KINDS = {
    "walker": Kind(1.0, 0.0, 0.1, lambda look, metres, away: person(look, metres / 1.5, away)),
    "wrong-way": Kind(1.0, 0.0, 0.1, lambda look, metres, away: person(look, metres / 1.5, away)),
    "runner": Kind(2.5, 0.0, 0.1, lambda look, metres, away: person(look, metres / 2.8, away, running=True)),
    "rider": Kind(2.3, 0.4, 1.1, lambda look, metres, away: rider(look, metres / 5)),
    "cart": Kind(1.7, 0.7, 2.2, lambda look, metres, away: cart(look, metres / 1.76)),
}


@dataclass(frozen=True)
class Actor:
    """Somebody or something that crosses a place in a straight line at an even pace."""

    kind: str
    look: Look
    start: int  # the frame in which it comes into view, at `origin`
    stop: int  # the frame in which it has left
    origin: tuple[float, float]  # (u, v) in metres
    step: tuple[float, float]  # (u, v) in metres per frame
    tag: int  # 0 for a walker, else the number of the anomaly from 1

    def stand(self, camera: Camera, frame: int) -> tuple[float, float, float]:
        """Locate the actor in a frame: (x, y, pixels per metre)."""
        (u, v), (du, dv), time = self.origin, self.step, frame - self.start
        return camera.project(u + du * time, v + dv * time)

    def facing(self, camera: Camera) -> float:
        """Compute which way the actor faces, as `Limb.turned` takes it."""
        (du, dv), (cosine, sine) = self.step, camera.turn
        facing = (cosine * du - sine * dv) / sqrt(du * du + dv * dv)
        least = KINDS[self.kind].least_turn
        return max(facing, least) if facing >= 0 else min(facing, -least)

    def figure(self, camera: Camera, frame: int) -> Figure:
        """Draw the actor as it looks in a frame."""
        (du, dv), (cosine, sine), facing = self.step, camera.turn, self.facing(camera)
        metres = sqrt(du * du + dv * dv) * (frame - self.start)
        away = sine * du + cosine * dv > abs(cosine * du - sine * dv)
        return tuple(part.turned(facing) for part in KINDS[self.kind].draw(self.look, metres, away))

    def shadow(self, camera: Camera, shade: tuple[float, float]) -> Figure:
        """Draw the shadow that the actor casts on the ground."""
        half = KINDS[self.kind].length / 2 * self.facing(camera)
        return (Limb((0, 0, 0), -half, 0.02, half + shade[0] * self.look.height, shade[1] * self.look.height, 0.15),)
