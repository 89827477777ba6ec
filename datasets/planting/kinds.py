"""Kinds of planted anomalies, each with its control: the same walker in the same clip, at its own speed and look.

At the frame `pivot` of a clip, which is the scored one, the walker is where it is in the control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from crossvad.datasets.base import Frames
from crossvad.datasets.planting.kind_names import KIND_NAMES
from crossvad.datasets.planting.planting import dressed, plant, rerouted, resized, steps, turned
from crossvad.datasets.planting.walkers import Mask, Walker

Planted = tuple[Frames, Mask]

HURRIED = (2, 3)  # times its own speed: whole ones, at which every cut-out is a frame of the video, as in the control
LARGER = (1.0, 2.0)  # times the local walker's longer side
FASTER = (1.5, 3.0)  # times its speed
TEXTURES = 8  # random ones, of which the most varied is worn
SQUARES = 16  # random ones, of which the liveliest is sped up
SIDES = (0.1, 0.25)  # of a square, as shares of the height of what is in view
SQUARE_RATE = 2


@dataclass(frozen=True)
class Setting:
    """What anomalies are made of: somebody at a moment of a walk, and what comes from elsewhere."""

    walker: Walker
    moment: int  # number of the cut-out that the frame `pivot` of a clip shows
    pivot: int
    strangers: Sequence[Walker] = ()  # of other scenes; none: the scene's own stand in, turned by 90 degrees
    pictures: Sequence[Frames] = ()  # (H, W, C) each, of other scenes if there are any: to cut textures from

    def __post_init__(self) -> None:
        assert 0 <= self.moment < len(self.walker)


def control(clip: Frames, setting: Setting) -> Planted:
    """The walker at its own speed and look."""
    return _planted(clip, setting, setting.walker)


def hurried(clip: Frames, setting: Setting, random: np.random.Generator) -> Planted:
    """Along its own path at 2 or 3 times its speed."""
    return _planted(clip, setting, setting.walker, float(random.choice(HURRIED)))


def reversed_(clip: Frames, setting: Setting, random: np.random.Generator) -> Planted:
    """Played and moving backward."""
    return _planted(clip, setting, setting.walker, -1.0)


def stopped(clip: Frames, setting: Setting, random: np.random.Generator) -> Planted:
    """Frozen where others walk."""
    return _planted(clip, setting, setting.walker, 0.0)


def texture(clip: Frames, setting: Setting, random: np.random.Generator) -> Planted:
    """Filled with a texture from elsewhere, moving as it did."""
    height, width = setting.walker.opacity.shape[1:]
    patches = []
    for _ in range(TEXTURES):
        picture = setting.pictures[int(random.integers(len(setting.pictures)))]
        top = int(random.integers(max(1, picture.shape[0] - height + 1)))
        left = int(random.integers(max(1, picture.shape[1] - width + 1)))
        patches.append(picture[top : top + height, left : left + width])
    return _planted(clip, setting, dressed(setting.walker, max(patches, key=lambda patch: float(patch.std()))))


def foreign(clip: Frames, setting: Setting, random: np.random.Generator) -> Planted:
    """Something from another scene in its place: up to twice as large, and faster or across the usual way."""
    own = setting.walker
    pool = setting.strangers or [own]
    stranger = pool[int(random.integers(len(pool)))]
    stranger = stranger if setting.strangers else turned(stranger)
    moment = int(random.integers(len(stranger)))
    _, left, bottom, right = own.box(setting.moment)
    larger = random.uniform(*LARGER) * _length(own, setting.moment) / _length(stranger, moment)
    stranger = resized(stranger, larger)
    down, aside = own.velocity
    pace = random.uniform(*FASTER)
    ways = [(pace * down, pace * aside), (aside, -down), (-aside, down)]
    velocity = ways[int(random.choice(3, p=(0.5, 0.25, 0.25)))]
    stranger = rerouted(stranger, moment, (bottom, (left + right) / 2), velocity)
    return plant(clip, stranger, steps(len(clip), setting.pivot, moment))


KINDS: dict[str, Callable[[Frames, Setting, np.random.Generator], Planted]] = dict(
    zip(KIND_NAMES, (hurried, reversed_, stopped, foreign, texture), strict=True)
)


def square(clip: Frames, fast: Frames, view: tuple[slice, slice], random: np.random.Generator) -> Planted:
    """A lively square of the part in view played at another speed: its control is the clip as filmed.

    Args:
        clip: uint8 (T, H, W, C).
        fast: the same, played at `SQUARE_RATE` times its speed, with one frame in common.
        view: rows and columns to choose squares in.
        random: chooses them.
    """
    areas = [_area(view, random) for _ in range(SQUARES)]
    change = np.abs(clip[-1].astype(np.int16) - clip[0]).mean(2)
    area = max(areas, key=lambda each: float(change[each].mean()))
    planted, mask = np.array(clip), np.zeros(clip.shape[:3], bool)
    planted[:, *area], mask[:, *area] = fast[:, *area], True
    return planted, mask


def _area(view: tuple[slice, slice], random: np.random.Generator) -> tuple[slice, slice]:
    height, width = (part.stop - part.start for part in view)
    side = min(width, max(1, round(random.uniform(*SIDES) * height)))
    top = view[0].start + int(random.integers(height - side + 1))
    left = view[1].start + int(random.integers(width - side + 1))
    return slice(top, top + side), slice(left, left + side)


def _planted(clip: Frames, setting: Setting, walker: Walker, rate: float = 1.0) -> Planted:
    return plant(clip, walker, steps(len(clip), setting.pivot, setting.moment, rate))


def _length(walker: Walker, moment: int) -> float:
    """The longer side of its box: of somebody who lies on their side, too."""
    top, left, bottom, right = walker.box(moment)
    return max(bottom - top, right - left)
