"""PyAV, which reads running cameras and writes films: an extra, imported where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crossvad.datasets.base import Frames, Size
from crossvad.datasets.errors import InputError


def video_library(needed_by: str, otherwise: str = "") -> Any:
    """Import PyAV.

    Args:
        needed_by: what cannot be without it.
        otherwise: what else the user may do than install it.

    Raises:
        InputError: it is not installed.
    """
    try:
        import av  # lazily: most commands go without it
    except ImportError as error:
        fix = "pip install 'crossvad[video]'" + (", or " + otherwise if otherwise else "")
        raise InputError(needed_by, "needs PyAV, which is not installed", fix) from error
    return av


def quarters(frame: Any) -> int:
    """Quarter turns to the left by which a frame of PyAV stands upright, as decord gives it: phones film on their side.

    0 with a PyAV that does not tell.
    """
    return round(getattr(frame, "rotation", 0) / 90) % 4


def upright(frame: Any, size: Size, read: Callable[[int, int], Frames]) -> Frames:
    """A frame (H, W, 3) of a size, upright; `read` makes it of a height and a width as it lies in its file."""
    turns = quarters(frame)
    return np.ascontiguousarray(np.rot90(read(*(size[::-1] if turns % 2 else size)), turns))
