"""Computations that need all bits of a float, whatever the harness lets convolutions and matrix products have."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

More = ParamSpec("More")
Made = TypeVar("Made")


def in_float32(function: Callable[Concatenate[Tensor, More], Made]) -> Callable[Concatenate[Tensor, More], Made]:
    """A function of tensors that is given those of half precision in float32, and computes in nothing less.

    For what solves, decomposes, compares small differences or trains.
    """

    @wraps(function)
    def made(first: Tensor, *args: More.args, **named: More.kwargs) -> Made:
        with torch.autocast(first.device.type, enabled=False):
            return function(_whole(first), *map(_whole, args), **{name: _whole(each) for name, each in named.items()})

    return made


def _whole(given: object) -> object:
    half = isinstance(given, Tensor) and given.dtype in (torch.bfloat16, torch.float16)
    return given.float() if half else given
