"""How messages word what they count."""

from __future__ import annotations


def number_of(count: int, thing: str) -> str:
    """Say how many things there are: 1 cell, 2,000 cells."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a length of time in the unit that one would say it in: 40 s, 12 min, 3.4 h."""
    if 0 < seconds < 1:
        return "< 1 s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if round(seconds / 60) < 60 else f"{seconds / 3600:.1f} h"
