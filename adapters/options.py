"""What a user may choose: options of methods and tunings, and the budget they are built and trained with.

Imports nothing heavy, so that commands can list choices at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Precision = Literal["float32", "bf16", "fp16"]
TrainingPrecision = Literal["float32", "bf16"]


@dataclass(frozen=True)
class Range:
    """What a number may be: `minimum` or more, more than `above`, at most `maximum`; never NaN or past 64 bits."""

    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value))
            and (self.minimum is None or value >= self.minimum)
            and (self.above is None or value > self.above)
            and (self.maximum is None or value <= self.maximum)
        )

    def __str__(self) -> str:
        """In words, such as `2 to 7`, `0 or more`, `more than 0`."""
        if self.above is not None:
            return f"more than {self.above:g}" + ("" if self.maximum is None else f", at most {self.maximum:g}")
        if self.minimum is None:
            return "any number" if self.maximum is None else f"at most {self.maximum:g}"
        return f"{self.minimum:g} or more" if self.maximum is None else f"{self.minimum:g} to {self.maximum:g}"


def option(
    default: Any,
    text: str,
    trains: bool = True,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
) -> Any:
    """A field of an `Options` dataclass: its default, what `bench methods info` says of it, and if training reads it.

    Methods that differ only in options that training does not read are trained once. A number says what it may be;
    what options demand of one another is said by raising a ValueError in the dataclass's `__post_init__`, and what they
    demand of a budget in the method's `__init__`: all of that is told in one line before anything is trained.
    """
    return field(default=default, metadata={"help": text, "trains": trains, "range": Range(minimum, above, maximum)})


def check_ranges(options: Any) -> None:
    """Hold the numbers of an `Options` dataclass, and those in its lists, against their ranges.

    Raises:
        ValueError: names the option and its range.
    """
    for each in fields(options):
        chosen, allowed = getattr(options, each.name), each.metadata.get("range", Range())
        for value in chosen if isinstance(chosen, tuple) else (chosen,):
            if type(value) in (int, float) and value not in allowed:
                raise ValueError(f"{each.name} = {value} cannot be: {allowed}")


@dataclass(frozen=True)
class NoOptions:
    """A method with nothing to choose."""


@dataclass(frozen=True)
class PoolOptions:
    """How the error map becomes one number."""

    pool: Literal["mean", "p99", "patch"] = option(
        "mean", "of the error map: mean, 99th percentile, worst 8 x 8 mean", trains=False
    )


@dataclass(frozen=True)
class Arithmetic:
    """In how many bits a method computes, whichever it is: options that each has beside its own."""

    precision: Precision = "float32"  # of convolutions and matrix products, while it scores
    training_precision: TrainingPrecision = "float32"  # the same while it trains, by steps


FLOAT32 = Arithmetic()


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train: gradient steps, clips per step, peak learning rate, and what becomes of it."""

    steps: int
    batch: int
    learning_rate: float
    optimizer: Literal["adamw", "adam", "adagrad", "rmsprop"] = "adamw"
    decay: Literal["cosine", "none"] = "cosine"  # to zero at the last step


@dataclass(frozen=True)
class Budget:
    """How large a method is built and how long it trains; the named amounts are in the harness's `budgets.py`."""

    name: str
    size: int  # height and width of a frame in pixels; the field does not keep the aspect ratio
    channels: int  # 1 gray, 3 RGB
    width: int  # channels of a network's first convolution; deeper ones scale with it
    schedule: Schedule | None  # None: the schedule each method published
    episodes: int  # meta-training episodes, for tunings that need them
    source_frames: int  # frames of a source to learn from, at most; longer sources give excerpts
