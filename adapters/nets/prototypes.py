"""The attention prototype unit of APN, which is MPN's dynamic prototype unit: maps -> prototypes -> retrieval."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from crossvad.adapters.nets.layout import laid_out_as

# On a GPU an image's pixels are summed up in so many parts. A product that leaves M x C of its N pixels is too small to
# fill one, and its few sums too long: of 65 536 pixels (10 prototypes, 128 channels, H200) each takes 1.8 ms. With 64
# parts an adapting step of `mpn`, which has six of them, takes 9 ms instead of 20.
PARTS_ON_GPU = 64


class Retrieval(NamedTuple):
    """What a unit makes of a feature map with N = H * W pixels."""

    features: Tensor  # (B, C, H, W): the retrieved normalcy plus the normalised input
    prototypes: Tensor  # (B, M, C), unit length: this image's own, nothing is kept
    distance: Tensor  # (B, H, W): mean over channels of (x - nearest prototype)^2
    units: Tensor  # (B, N, C): the input, each pixel's features at unit length
    attention: Tensor  # (B, N, M), >= 0: of each map, the weights of the pixels; they sum to 1 over the pixels


class PrototypeUnit(nn.Module):
    """M attention maps over the pixels pool M prototypes; each pixel is then rebuilt from them. M * C parameters.

    `temperature` divides the logits of both softmaxes. The papers have none, that is, 1: with unit features the logits
    then differ by a few tenths, every map is nearly even over thousands of pixels, and all prototypes are the mean
    feature. `weights` says how a map's logits become weights: `softmax` over the pixels (the published codes), or
    `ratio`, each divided by their sum (the papers' equation, made positive by a softplus).
    """

    def __init__(self, channels: int, prototypes: int, temperature: float = 1.0, weights: str = "softmax") -> None:
        super().__init__()
        self.count = prototypes
        self.maps = nn.Linear(channels, prototypes, bias=False)
        self.temperature, self.weights = temperature, weights

    def forward(self, features: Tensor) -> Retrieval:
        """Rebuild features (B, C, H, W). No tensor of pixels x prototypes x channels is ever made."""
        batch, channels, height, width = features.shape
        parts = parts_of(height * width, features.device)
        units = normalize(features.flatten(2).transpose(1, 2).contiguous(), dim=2)  # (B, N, C), unit length
        attention = self.attention(units)  # (B, N, M), sums to 1 over N
        prototypes = normalize(pooled(attention, units, parts), dim=2)  # (B, M, C), unit length
        # From here on each of an image's P parts has N / P pixels and the image's prototypes: (B P, …).
        x, known = units.view(batch * parts, -1, channels), prototypes.repeat_interleave(parts, 0)
        nearness = affinity(x, known)  # (…, M), cosine but for an offset of each pixel's, which softmax ignores
        distance = SquaredDistance.apply(x, known, nearest(nearness))  # (…)
        # Retrieved for each pixel is a mixture of prototypes, at unit length.
        mixture = unit_mixture((nearness / self.temperature).softmax(2), known)  # (…, M)
        rebuilt = torch.baddbmm(x, mixture, known)  # (…, C), the mixture beside the pixel itself
        rebuilt = rebuilt.view(batch, -1, channels).transpose(1, 2).view(features.shape)
        rebuilt = laid_out_as(rebuilt, features)  # (B, C, H, W)
        return Retrieval(rebuilt, prototypes, distance.view(batch, height, width), units, attention)

    def attention(self, units: Tensor) -> Tensor:
        """Weigh the pixels of each map by their unit features (B, N, C): (B, N, M), a map's weights sum to 1."""
        logits = self.maps(units) / self.temperature
        return logits.softmax(1) if self.weights == "softmax" else normalize(softplus(logits), p=1, dim=1)


class NoPrototypes(nn.Module):
    """In place of a `PrototypeUnit`, where a network goes without one: features pass, and there is no prototype."""

    count = 0

    def forward(self, features: Tensor) -> Retrieval:
        """Pass features (B, C, H, W) as they are, with M = 0 and no distance."""
        none = features.new_zeros(len(features), 0, features.shape[1])
        distance = torch.zeros_like(features[:, 0])
        return Retrieval(features, none, distance, none, distance.flatten(1).unsqueeze(2)[:, :, :0])


def prototype_unit(
    channels: int, prototypes: int, temperature: float = 1.0, weights: str = "softmax"
) -> PrototypeUnit | NoPrototypes:
    """Build a unit of so many prototypes, or what stands in its place for none."""
    return PrototypeUnit(channels, prototypes, temperature, weights) if prototypes else NoPrototypes()


def parts_of(pixels: int, device: torch.device) -> int:
    """In how many equal parts an image's pixels are summed up: as many as `PARTS_ON_GPU`, if they can be, or fewer."""
    return 1 if device.type == "cpu" else math.gcd(pixels, PARTS_ON_GPU)


def pooled(weights: Tensor, units: Tensor, parts: int) -> Tensor:
    """Add up pixels' features (B, N, C) by weights (B, N, M), in parts: (B, M, C)."""
    weights, units = (given.view(len(given), parts, -1, given.shape[2]) for given in (weights, units))
    return (weights.transpose(2, 3) @ units).sum(1)  # of (B, P, M, C)


def affinity(units: Tensor, prototypes: Tensor) -> Tensor:
    """Compute by how much each prototype is nearer to a pixel than the prototypes' mean c is: (B, N, M).

    (|x - c|^2 - |x - p|^2) / 2 of unit features (B, N, C) and prototypes (B, M, C): the cosine of x and p, less what
    all prototypes share. Where they are all but one vector, cosines in float32 are one number, and these still differ.
    """
    centre = prototypes.mean(1, keepdim=True)  # (B, 1, C)
    beside = prototypes - centre  # (B, M, C)
    offset = (beside * (prototypes + centre)).sum(2).unsqueeze(1) / 2  # (B, 1, M), (|p|^2 - |c|^2) / 2
    return torch.baddbmm(offset, units, beside.transpose(1, 2), beta=-1)


def nearest(nearness: Tensor) -> Tensor:
    """Say which prototype is each pixel's nearest, by their `affinity` (B, N, M): 1 there and else 0, (B, N, M).

    As a product with these, choosing is faster than a gather, there and back.
    """
    return torch.zeros_like(nearness).scatter_(2, nearness.argmax(2, keepdim=True), 1.0)


def from_nearest(units: Tensor, prototypes: Tensor, chosen: Tensor) -> Tensor:
    """Subtract from unit features (B, N, C) the prototypes (B, M, C) that are `nearest`, (B, N, M): (B, N, C).

    2 - 2 cos would be |x - p|^2 as well, but in float32 no less than 1e-7 can be told from nothing that way.
    """
    return torch.baddbmm(units, chosen, prototypes, alpha=-1)


class SquaredDistance(torch.autograd.Function):
    """(x - nearest prototype)^2, mean over channels: (B, N). Its gradient is in closed form: no difference is kept."""

    @staticmethod
    def forward(units: Tensor, prototypes: Tensor, chosen: Tensor) -> Tensor:
        """Take units (B, N, C), prototypes (B, M, C), and which are `nearest` (B, N, M), which has no gradient."""
        return from_nearest(units, prototypes, chosen).square().mean(2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Keep what went in."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """2 / C (x - p) for a pixel, and minus the sum of them over its pixels for a prototype."""
        units, prototypes, chosen = ctx.saved_tensors
        apart = from_nearest(units, prototypes, chosen)  # (B, N, C)
        share = (slope * (2 / units.shape[2])).unsqueeze(2)  # (B, N, 1)
        of_prototypes = -((chosen * share).transpose(1, 2) @ apart) if ctx.needs_input_grad[1] else None
        return apart * share if ctx.needs_input_grad[0] else None, of_prototypes, None


def unit_mixture(weights: Tensor, prototypes: Tensor) -> Tensor:
    """Scale weights (B, N, M) so that each pixel's mixture of prototypes (B, M, C) has unit length: (B, N, M).

    |w P|^2 = w (P P^T) w^T needs no mixture: a pixel costs M^2 products, and no tensor of its C channels is kept.
    """
    products = prototypes @ prototypes.transpose(1, 2)  # (B, M, M)
    squared = ((weights @ products) * weights).sum(2, keepdim=True)  # (B, N, 1)
    return weights / squared.clamp_min(1e-24).sqrt()


def absolute_distance(units: Tensor, prototypes: Tensor) -> Tensor:
    """Compute |x - nearest prototype|, mean over channels, of unit features (B, N, C), prototypes (B, M, C): (B, N)."""
    return from_nearest(units, prototypes, nearest(affinity(units, prototypes))).abs().mean(2)


def pair_distances(prototypes: Tensor) -> Tensor:
    """Compute |p - q|^2, in [0, 4], of each pair of an image's unit prototypes (B, M, C): (B, M (M - 1) / 2)."""
    first, second = torch.triu_indices(prototypes.shape[1], prototypes.shape[1], 1, device=prototypes.device)
    return (prototypes[:, first] - prototypes[:, second]).square().sum(2)


def diversity(prototypes: Tensor, margin: float = 1.0) -> Tensor:
    """Push unit prototypes (B, M, C) apart: the mean over pairs of max(0, margin - |p - q|^2). Scalar."""
    if prototypes.shape[1] < 2:
        return prototypes.sum() * 0.0
    return (margin - pair_distances(prototypes)).clamp_min(0).mean()


def closeness(prototypes: Tensor) -> Tensor:
    """Compute minus the mean squared distance of pairs of unit prototypes (B, M, C). Scalar in [-4, 0].

    APN's L_d as the paper prints it, but for the square: printed are the distances themselves.
    """
    if prototypes.shape[1] < 2:
        return prototypes.sum() * 0.0
    return -pair_distances(prototypes).mean()


def covariance(prototypes: Tensor) -> Tensor:
    """Compute the mean squared covariance of pairs of prototypes (B, M, C), each a variable over channels. Scalar."""
    count = prototypes.shape[1]
    if count < 2:
        return prototypes.sum() * 0.0
    centred = prototypes - prototypes.mean(2, keepdim=True)
    product = centred @ centred.transpose(1, 2) / (prototypes.shape[2] - 1)
    off_diagonal = product - torch.diag_embed(product.diagonal(dim1=1, dim2=2))
    return off_diagonal.square().sum((1, 2)).mean() / (count * (count - 1))


@torch.no_grad()
def kernel_similarity(prototypes: Tensor, scale: float = 10.0, length: float = 500.0) -> Tensor:
    """Compute the "covariance" of APN's published code: a Gaussian kernel of pairs of unit prototypes. Scalar.

    k = scale^2 exp(-|p - q|^2 / (2 length^2)) over the strict upper triangle of M x M, row sums times 2 / (M (M - 1)),
    mean over rows and images. The code computes it outside the graph, so it has no gradient; and as `length` dwarfs
    unit vectors, it is 10.0 for M = 10 to four digits, whatever the prototypes are.
    """
    kernel = scale**2 * (-pair_distances(prototypes) / (2 * length**2)).exp()
    return kernel.mean() / prototypes.shape[1]  # M (M - 1) / 2 pairs in M rows


@torch.no_grad()
def likeness(prototypes: Tensor) -> dict[str, float]:
    """Measure how far unit prototypes (B, M, C), M > 1, have collapsed: what the papers do not report.

    Returns:
        `prototype cosine`: mean over pairs, 1 if all are alike; `prototype rank`: the effective rank, exp of the
        entropy of the singular values' shares (Roy and Vetterli, EUSIPCO 2007), from 1 (all alike) to M.
    """
    shares = normalize(torch.linalg.svdvals(prototypes), p=1, dim=1)
    rank = (-(shares * shares.clamp_min(1e-12).log()).sum(1)).exp()
    cosine = 1 - pair_distances(prototypes) / 2
    return {"prototype cosine": cosine.mean().item(), "prototype rank": rank.mean().item()}
