"""Options of methods and tunings: frozen dataclasses whose fields a user sets in brackets"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    pass

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


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
