"""What a user may choose: options of methods and tunings, and the budget they are built and trained with.

Imports nothing heavy, so that commands can list choices at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


def option(default: Any, text: str, trains: bool = True) -> Any:
    """A field of an `Options` dataclass: its default, what `bench methods info` says of it, and if training reads it.

    Methods that differ only in options that training does not read are trained once.
    """
    return field(default=default, metadata={"help": text, "trains": trains})


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
class Schedule:
    """How long and how fast to train: gradient steps, clips per step, peak learning rate, and what becomes of it."""

    steps: int
    batch: int
    learning_rate: float
    optimizer: Literal["adamw", "adam"] = "adamw"
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
