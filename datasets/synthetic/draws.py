"""Draws at random that come out the same on every machine: of whole numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def shuffled(count: int, draw: np.random.Generator) -> list[int]:
    """Put 0..count-1 into a random order."""
    keys = draw.integers(0, 1 << 40, count).tolist()
    return sorted(range(count), key=lambda index: (keys[index], index))


def between(low: float, high: float, draw: np.random.Generator) -> float:
    """Draw evenly from a range, in hundredths of it."""
    return low + (high - low) * int(draw.integers(0, 101)) / 100


def one_of(choices: Sequence[T], draw: np.random.Generator) -> T:
    """Draw one of several choices."""
    return choices[int(draw.integers(len(choices)))]
