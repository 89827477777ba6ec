"""How often Python looks for garbage: rarely, where thousands of objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = 200_000  # objects made between two looks; Python's own is 700


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look for garbage a hundredth as often: what only reads needs most of its objects until it has ended.

    To look as often as usual takes a third of the time. A program that sets this up otherwise is left alone.
    """
    usual = gc.get_threshold()
    if not (gc.isenabled() and 0 < usual[0] < RARELY) or gc.get_freeze_count():
        yield
        return
    gc.set_threshold(RARELY, *usual[1:])
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # both: what was made counts as old, and is not all looked through at once
        gc.set_threshold(*usual)
