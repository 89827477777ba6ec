"""Nearest neighbours of feature vectors, and a few vectors that stand for many."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from crossvad.adapters.nets.whole_precision import in_float32

EXACT = "donot_use_mm_for_euclid_dist"  # else distances depend on how many there are at once


def coreset(vectors: Tensor, count: int) -> Tensor:
    """Take up to `count` of the vectors (N, D), such that none of the others is far from all of these.

    Greedy k-centre (Sener and Savarese, ICLR 2018; PatchCore, Roth et al., CVPR 2022): always the one that is farthest
    from those taken, beginning with the one nearest to the mean.
    """
    count = min(count, len(vectors))
    taken = [int((vectors - vectors.mean(0)).square().sum(1).argmin())]
    nearest = (vectors - vectors[taken[0]]).square().sum(1)  # (N,), squared
    while len(taken) < count:
        taken.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (vectors - vectors[taken[-1]]).square().sum(1))
    return vectors[taken]


def evenly(vectors: Tensor, count: int) -> Tensor:
    """Take up to `count` of the vectors (N, …), as far apart in their order: as frequent as they are among all."""
    return vectors[torch.linspace(0, len(vectors) - 1, min(count, len(vectors))).round().long()]


@in_float32
def nearest_anywhere(maps: Tensor, bank: Tensor) -> Tensor:
    """Distance of each place of maps (B, D, h, w) to the nearest vector of a bank (M, D): (B, h, w)."""
    batch, _, height, width = maps.shape
    return torch.cdist(maps.flatten(2).mT.flatten(0, 1), bank, compute_mode=EXACT).amin(1).view(batch, height, width)


@in_float32
def nearest_here(maps: Tensor, bank: Tensor, reach: int) -> Tensor:
    """Distance of each place of maps (B, D, h, w) to the nearest vector that a bank of maps (K, D, h, w) has around it.

    Args:
        maps: of what is looked at.
        bank: of what is known.
        reach: how many cells away is still around, to each side.

    Returns:
        Distances (B, h, w).
    """
    height, width = maps.shape[2:]
    here = maps.permute(2, 3, 0, 1).flatten(0, 1)  # (h * w, B, D)
    known = pad(bank, (reach,) * 4, value=torch.inf)
    nearest = maps.new_full((height * width, len(maps)), torch.inf)
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            around = known[:, :, down : down + height, right : right + width].permute(2, 3, 0, 1).flatten(0, 1)
            within = around.isfinite().all(2).all(1)  # not beyond the border
            distance = torch.cdist(here[within], around[within], compute_mode=EXACT).amin(2)  # (places, B)
            nearest[within] = torch.minimum(nearest[within], distance)
    return nearest.T.view(len(maps), height, width)
