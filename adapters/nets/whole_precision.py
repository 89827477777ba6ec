"""Computations that need all bits of a float, whatever the harness lets convolutions and matrix products have."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def in_float32(function: AnyFunction) -> AnyFunction:
    """A function of tensors that is given those of half precision in float32, and computes in nothing less.

    For what solves, decomposes, compares small differences or trains.
    """

    @wraps(function)
    def made(first: Tensor, *others: Any, **named: Any) -> Any:
        with torch.autocast(first.device.type, enabled=False):
            return function(whole(first), *map(whole, others), **{name: whole(each) for name, each in named.items()})

    return cast(AnyFunction, made)


def whole(given: Any) -> Any:
    """A tensor of half precision in float32, and anything else as it is."""
    half = isinstance(given, Tensor) and given.dtype in (torch.bfloat16, torch.float16)
    return given.float() if half else given
