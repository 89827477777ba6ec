"""How keys and their values are told to a reader."""

from __future__ import annotations

CONTROLS = ("random", "ramp")  # what a test set gives away: no detectors, so neither drawn nor ranked
NUMBERS = {"shots": "K", "steps": "steps", "seed": "seed"}  # keys that are numbers, and their short names


def named(key: object, value: object) -> str:
    """Name a key's value as a reader meets it: K = 5, finetune."""
    return f"{NUMBERS[str(key)]} = {value}" if key in NUMBERS else str(value)


def told(key: object, value: object) -> str:
    """Name it as `named` does, and say nothing where an unadapted method has none of it."""
    return "" if value == "none" or (key == "steps" and value == 0) else named(key, value)
