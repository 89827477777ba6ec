"""The memory layout of feature maps: convolutions run in the one that their input has, or else their weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def laid_out_as(made: Tensor, example: Tensor) -> Tensor:
    """Give a map (B, C, H, W) that came of linear algebra over pixels the memory layout of another: NCHW or NHWC.

    A transposed view passes for NHWC. All convolutions after it would run in that layout, whatever theirs is.
    """
    if example.is_contiguous():
        return ToRows.apply(made)
    return made.contiguous(memory_format=torch.channels_last)


class ToRows(torch.autograd.Function):
    """From NHWC to NCHW, and the gradient back: products over pixels are slow where it is a transposed view."""

    @staticmethod
    def forward(made: Tensor) -> Tensor:
        """Copy a map (B, C, H, W)."""
        return made.clone(memory_format=torch.contiguous_format)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Nothing need be kept."""

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """Copy its gradient."""
        return slope.contiguous(memory_format=torch.channels_last)
