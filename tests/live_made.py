"""What tests of running cameras make and wait for."""

import io
import time

import numpy as np
from PIL import Image

from crossvad.live.stream import LiveFrame


def live_frame(number, connection=1, at=None, rate=25, picture=False, size=(2, 2)):
    """A frame whose pixels are its number, which comes `at` so many seconds, or when its rate says."""
    seconds = number / rate if at is None else at
    kept = io.BytesIO()
    if picture:
        Image.new("RGB", (64, 48), (number % 200, 60, 60)).save(kept, "JPEG")
    small = np.full((*size, 1), number % 256, np.uint8)
    return LiveFrame(number, connection, seconds, 1_700_000_000 + seconds, small, kept.getvalue() if picture else None)


def until(condition, seconds=120):
    """Wait for what another thread does, however busy the machine is; what never comes fails."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.01)
