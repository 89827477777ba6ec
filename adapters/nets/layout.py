"""The memory layout of feature maps: convolutions run in the one that their input has, or else their weights."""

from __future__ import annotations

import torch
from torch import Tensor


def laid_out_as(made: Tensor, example: Tensor) -> Tensor:
    """Give a map (B, C, H, W) that came of linear algebra over pixels the memory layout of another: NCHW or NHWC.

    A transposed view passes for NHWC. All convolutions after it would run in that layout, whatever theirs is.
    """
    if example.is_contiguous():
        return made.contiguous()
    return made.contiguous(memory_format=torch.channels_last)
