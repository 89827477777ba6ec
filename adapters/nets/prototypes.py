"""The attention prototype unit of APN, which is MPN's dynamic prototype unit: maps -> prototypes -> retrieval."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class Retrieval(NamedTuple):
    """What the unit makes of a feature map with N = H * W pixels."""

    features: Tensor  # (B, C, H, W): the retrieved normalcy plus the normalised input
    prototypes: Tensor  # (B, M, C), unit length: this image's own, nothing is kept
    distance: Tensor  # (B, H, W): mean over channels of (x - nearest prototype)^2


class PrototypeUnit(nn.Module):
    """M attention maps over the pixels pool M prototypes; each pixel is then rebuilt from them. M * C parameters."""

    def __init__(self, channels: int, prototypes: int) -> None:
        super().__init__()
        self.maps = nn.Linear(channels, prototypes, bias=False)

    def forward(self, features: Tensor) -> Retrieval:
        """(B, C, H, W) to a `Retrieval`. No tensor of pixels x prototypes x channels is ever made."""
        shape = features.shape
        x = normalize(features.flatten(2).transpose(1, 2), dim=2)  # (B, N, C)
        attention = self.maps(x).softmax(1)  # (B, N, M): each map sums to one over the pixels
        prototypes = normalize(attention.transpose(1, 2) @ x, dim=2)  # (B, M, C)
        similarity = x @ prototypes.transpose(1, 2)  # (B, N, M), cosine
        retrieved = normalize(similarity.softmax(2) @ prototypes, dim=2)
        # Both are unit vectors, so |x - p|^2 = 2 - 2 cos: the nearest prototype needs no gather of N x C.
        distance = (2 - 2 * similarity.amax(2)) / shape[1]
        return Retrieval(
            (retrieved + x).transpose(1, 2).reshape(shape), prototypes, distance.view(shape[0], *shape[2:])
        )


def diversity(prototypes: Tensor, margin: float = 1.0) -> Tensor:
    """Hinge that pushes unit prototypes (B, M, C) apart: mean over pairs of max(0, margin - |p - q|^2). Scalar."""
    count = prototypes.shape[1]
    if count < 2:
        return prototypes.sum() * 0.0
    upper = torch.triu_indices(count, count, 1, device=prototypes.device)
    cosine = prototypes @ prototypes.transpose(1, 2)
    return (margin - (2 - 2 * cosine[:, upper[0], upper[1]])).clamp_min(0).mean()


def covariance(prototypes: Tensor) -> Tensor:
    """Mean squared off-diagonal covariance of the prototypes (B, M, C), each a variable over channels. Scalar."""
    count = prototypes.shape[1]
    if count < 2:
        return prototypes.sum() * 0.0
    centred = prototypes - prototypes.mean(2, keepdim=True)
    product = centred @ centred.transpose(1, 2) / (prototypes.shape[2] - 1)
    off_diagonal = product - torch.diag_embed(product.diagonal(dim1=1, dim2=2))
    return off_diagonal.square().sum((1, 2)).mean() / (count * (count - 1))
