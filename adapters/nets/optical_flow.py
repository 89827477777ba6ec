"""Optical flow that passes a gradient on, for losses: Lucas and Kanade (1981) over a pyramid (Bouguet 2001)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from crossvad.adapters.nets.motion import box_mean

RIDGE = 4e-4  # squared gradient of images in [-1, 1] that is added: where ground is even, nothing moves
COARSEST = 16  # pixels: height and width of the smallest images of the pyramid, at least
WARPS = 3  # a level
REACH = 3  # of the window in which motion counts as one, in pixels to each side


def lucas_kanade(first: Tensor, second: Tensor) -> Tensor:
    """Flow from gray images (B, H, W) in [-1, 1] to others, (B, 2, H, W): pixels to the right and down.

    A pixel of `first` is found in `second` where its flow says. At every level of the pyramid, coarsest first, `second`
    is warped back by what is known, and what is left to explain is solved for by least squares in a window. A gradient
    passes to both images.
    """
    levels = [(first, second)]
    while min(levels[-1][0].shape[1:]) >= 2 * COARSEST:
        levels.append((avg_pool2d(levels[-1][0], 2), avg_pool2d(levels[-1][1], 2)))
    flow = first.new_zeros(len(first), 2, *levels[-1][0].shape[1:])
    for one, other in reversed(levels):
        if flow.shape[2:] != one.shape[1:]:
            flow = 2 * interpolate(flow, one.shape[1:], mode="bilinear", align_corners=False)
        down, right = torch.gradient(one, dim=(1, 2))
        xx, xy, yy = (box_mean(product, REACH) for product in (right**2, right * down, down**2))
        xx, yy = xx + RIDGE, yy + RIDGE
        determinant = xx * yy - xy**2
        for _ in range(WARPS):
            change = warped(other, flow) - one
            x, y = box_mean(right * change, REACH), box_mean(down * change, REACH)
            right_by, down_by = (xy * y - yy * x) / determinant, (xy * x - xx * y) / determinant
            # A window moves as one: what its pixels would do each for itself, the next round would add up.
            flow = flow + torch.stack([box_mean(right_by, REACH), box_mean(down_by, REACH)], 1)
    return flow


def warped(images: Tensor, flow: Tensor) -> Tensor:
    """Images (B, H, W) read where a flow (B, 2, H, W) in pixels points; beyond the border lies its last pixel."""
    height, width = images.shape[1:]
    rows = torch.arange(height, device=images.device, dtype=images.dtype)
    columns = torch.arange(width, device=images.device, dtype=images.dtype)
    x, y = columns + flow[:, 0], rows[:, None] + flow[:, 1]  # (B, H, W), in pixels
    places = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], 3)
    return grid_sample(images.unsqueeze(1), places, padding_mode="border", align_corners=False).squeeze(1)
