"""Places and schedules drawn from a seed: `synthetic-cameras`.

Nobody chose them. Ten cameras share nine traits of two levels each; every trait is at either level in exactly five
cameras, and any two traits meet at each pair of levels in two cameras or three. What a trait leaves open is drawn
evenly within the ranges below, which were set by what looks like a street, a square or a yard, and before any method
saw a frame. Each of the ten grounds is used once.
"""

from __future__ import annotations

from dataclasses import dataclass

from crossvad.datasets.synthetic.cameras import Place
from crossvad.datasets.synthetic.draws import shuffled
from crossvad.datasets.synthetic.places import GROUNDS, draw_place
from crossvad.datasets.synthetic.schedules import draw_schedules
from crossvad.datasets.synthetic.traffic import Schedule, generator
from crossvad.datasets.synthetic.traits import Traits, draw_traits


@dataclass(frozen=True)
class Plan:
    """One camera: what it is like, what it looks at, and what happens in each of its test videos."""

    traits: Traits
    place: Place
    schedules: tuple[Schedule, ...]


def drawn(seed: int) -> tuple[Plan, ...]:
    """Draw the ten cameras of a seed."""
    draw = generator("synthetic-cameras", seed, "traits")
    grounds = [GROUNDS[index] for index in shuffled(len(GROUNDS), draw)]
    plans = []
    for number, (traits, ground) in enumerate(zip(draw_traits(draw), grounds, strict=True), start=1):
        name = f"camera-{number:02d}"
        place = draw_place(name, traits, ground, generator("synthetic-cameras", seed, name, "place"))
        schedules = draw_schedules(place, generator("synthetic-cameras", seed, name, "schedules"))
        plans.append(Plan(traits, place, schedules))
    return tuple(plans)
