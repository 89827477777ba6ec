"""How keys, their values and numbers are told to a reader."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

CONTROLS = ("random", "ramp")  # what a test set gives away: no detectors, so neither drawn nor ranked
NUMBERS = {"shots": "K", "steps": "steps", "seed": "seed"}  # keys that are numbers, and their short names


def is_control(method: str) -> bool:
    """Tell whether a label is of one of `CONTROLS`, whatever its options."""
    return method.partition("[")[0] in CONTROLS


def controls(methods: pd.Series) -> pd.Series:
    """Tell which labels are of `CONTROLS`."""
    return methods.map(is_control).astype(bool)


def named(key: object, value: object) -> str:
    """Name a key's value as a reader meets it: K = 5, finetune."""
    return f"{NUMBERS[str(key)]} = {value}" if key in NUMBERS else str(value)


def told(key: object, value: object) -> str:
    """Name it as `named` does, and say nothing where an unadapted method has none of it."""
    return "" if value == "none" or (key == "steps" and value == 0) else named(key, value)


def cell_name(line: Mapping[Any, Any], stepped: bool) -> str:
    """Name what was scored by its method, and by how it was adapted if it was: apn, finetune, K = 5.

    Args:
        line: the method, tuning, shots and steps, by these keys.
        stepped: whether the number of steps tells it from others (`steps_differ`).
    """
    tuned = line["tuning"] != "none"
    words = [line["method"], *([line["tuning"]] if tuned else [])]
    if line["shots"]:
        words += [named("shots", line["shots"]), *([named("steps", line["steps"])] if stepped and tuned else [])]
    return ", ".join(words)


def steps_differ(lines: pd.DataFrame) -> bool:
    """Whether the number of steps differs among rows that were adapted by some: only then does it belong in a name."""
    return bool(lines.loc[(lines["shots"] > 0) & (lines["tuning"] != "none"), "steps"].nunique() > 1)


def digits(value: float, count: int = 3) -> str:
    """Write a number of any size with so many significant digits, and those before its point: 0.0123, 12.3, 1234."""
    if not math.isfinite(value) or value == 0:
        return f"{value:.{count - 1}f}"
    after = count - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{count - 1}e}" if after > 8 else f"{value:.{max(0, after)}f}"
