"""PyAV, which reads running cameras and writes films: an extra, imported where it is needed."""

from __future__ import annotations

from typing import Any

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
