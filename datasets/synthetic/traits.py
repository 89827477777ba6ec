"""The traits of drawn cameras, and how they are shared out."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.synthetic.draws import shuffled

CAMERAS = 10


@dataclass(frozen=True)
class Traits:
    """What one camera is like, and about half of them are not."""

    night: bool  # lit by lamps, with a noisier sensor
    far: bool  # 7.5 to 9 pixels per metre, else 15 to 18
    steep: bool  # a view from high above
    depth: bool  # people come and go, else they cross the picture
    forward: bool  # along the axis, else against it
    crowded: bool  # 6 to 9 people in view, else 1.5 to 2.5
    noisy: bool  # the sensor
    unsteady: bool  # light that flickers and drifts
    walled: bool  # a wall behind the people, or houses beside their way


def draw_traits(draw: np.random.Generator) -> list[Traits]:
    """Draw ten cameras' traits: each at either level five times, any two as independent of each other as ten allow."""
    half, tries = CAMERAS // 2, 0
    columns: list[NDArray[np.bool_]] = []
    while len(columns) < len(fields(Traits)):
        column = np.array(shuffled(CAMERAS, draw)) < half
        if all(int((column & other).sum()) in (half // 2, half - half // 2) for other in columns):
            columns.append(column)
        tries += 1
        if tries % 1000 == 0:  # these columns leave no room for another
            columns.clear()
    return [Traits(*(bool(column[index]) for column in columns)) for index in range(CAMERAS)]
