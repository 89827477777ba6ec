"""How messages word what they count."""

from __future__ import annotations


def number_of(count: int, thing: str) -> str:
    """Say how many things there are: 1 cell, 2,000 cells."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
