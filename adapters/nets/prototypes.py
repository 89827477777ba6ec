"""The attention prototype unit of APN, which is MPN's dynamic prototype unit: maps -> prototypes -> retrieval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from crossvad.adapters.nets.retrieval import Retrieval, in_parts, joined, parts_of

# Distances are taken of so many numbers of a map at once: 1 MB stays in a processor's cache from the product that makes
# them to the sum that uses them up. All at once takes five times as long, of 65 536 pixels and 128 channels.
CHUNK = 2**18


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
        return self.retrieve(self.units(features))

    def units(self, features: Tensor) -> Tensor:
        """Bring each pixel's features (B, C, H, W) to unit length. Nothing that adapts has a part in this."""
        return normalize(features)

    def units_(self, features: Tensor) -> Tensor:
        """`units` of features that nobody else needs: in their own memory, where no gradient and no bit is lost by it.

        A norm of fewer bits is taken in float32, and so are these.
        """
        own = not torch.is_grad_enabled() and features.dtype in (torch.float32, torch.float64)
        return normalize(features, out=features) if own else self.units(features)

    def retrieve(self, pixels: Tensor) -> Retrieval:
        """Rebuild what `units` returned, (B, C, H, W)."""
        batch, channels, height, width = pixels.shape
        parts = parts_of(height * width, pixels.device)
        units = pixels.flatten(2).transpose(1, 2).contiguous()  # (B, N, C)
        # Each of an image's P parts has N / P pixels and, later on, the image's prototypes: (B P, …).
        x = units.view(batch * parts, -1, channels)
        attention = self.attention(x, parts)  # (B, M, N), sums to 1 over N
        pooled = (in_parts(attention, parts) @ x).view(batch, parts, -1, channels).sum(1)
        prototypes = normalize(pooled, dim=2)  # (B, M, C), unit length
        known = prototypes.repeat_interleave(parts, 0)
        nearness = affinity(x, known)  # (…, M, N / P), cosine but for an offset of each pixel's, which softmax ignores
        distance = SquaredDistance.apply(x, known, nearest(nearness))  # (…)
        # Retrieved for each pixel is a mixture of prototypes, at unit length.
        mixture = unit_mixture((nearness / self.temperature).softmax(1), known)
        return Retrieval(
            pixels, units, attention.transpose(1, 2), prototypes, joined(mixture, parts),
            distance.view(batch, height, width),
        )  # fmt: skip

    def attention(self, units: Tensor, parts: int) -> Tensor:
        """Weigh the pixels of each map by their unit features (B P, N / P, C): (B, M, N), a map's weights sum to 1."""
        logits = joined(self.maps.weight @ units.transpose(1, 2), parts) / self.temperature
        return logits.softmax(2) if self.weights == "softmax" else normalize(softplus(logits), p=1, dim=2)


class NoPrototypes(nn.Module):
    """In place of a `PrototypeUnit`, where a network goes without one: features pass, and there is no prototype."""

    count = 0

    def forward(self, features: Tensor) -> Retrieval:
        """Pass features (B, C, H, W) as they are, with M = 0 and no distance."""
        return self.retrieve(self.units(features))

    def units(self, features: Tensor) -> Tensor:
        """Leave features (B, C, H, W) at the length that they have."""
        return features

    units_ = units

    def retrieve(self, pixels: Tensor) -> Retrieval:
        """Pass what `units` returned, (B, C, H, W)."""
        none = pixels.new_zeros(len(pixels), 0, pixels.shape[1])
        distance = torch.zeros_like(pixels[:, 0])
        maps = pixels.flatten(2)[:, :0]  # (B, 0, N)
        return Retrieval(pixels, none, maps.transpose(1, 2), none, maps, distance)


def prototype_unit(
    channels: int, prototypes: int, temperature: float = 1.0, weights: str = "softmax"
) -> PrototypeUnit | NoPrototypes:
    """Build a unit of so many prototypes, or what stands in its place for none."""
    return PrototypeUnit(channels, prototypes, temperature, weights) if prototypes else NoPrototypes()


def affinity(units: Tensor, prototypes: Tensor) -> Tensor:
    """Compute by how much each prototype is nearer to a pixel than the prototypes' mean c is: (B, M, N).

    (|x - c|^2 - |x - p|^2) / 2 of unit features (B, N, C) and prototypes (B, M, C): the cosine of x and p, less what
    all prototypes share. Where they are all but one vector, cosines in float32 are one number, and these still differ.
    Pixels come last: of ten numbers side by side a softmax takes twenty times as long, and a gradient's product ten.
    """
    centre = prototypes.mean(1, keepdim=True)  # (B, 1, C)
    beside = prototypes - centre  # (B, M, C)
    offset = (beside * (prototypes + centre)).sum(2, keepdim=True) / 2  # (B, M, 1), (|p|^2 - |c|^2) / 2
    return torch.baddbmm(offset, beside, units.transpose(1, 2), beta=-1)


def nearest(nearness: Tensor) -> Tensor:
    """Say which prototype is each pixel's nearest, by their `affinity` (B, M, N): 1 there and else 0, (B, M, N).

    As a product with these, choosing is faster than a gather, there and back.
    """
    # Not argmax, which takes four times as long.
    return torch.zeros_like(nearness).scatter_(1, nearness.max(1, keepdim=True).indices, 1.0)


def from_nearest(units: Tensor, prototypes: Tensor, chosen: Tensor) -> Tensor:
    """Subtract from unit features (B, N, C) the prototypes (B, M, C) that are `nearest`, (B, M, N): (B, N, C).

    2 - 2 cos would be |x - p|^2 as well, but in float32 no less than 1e-7 can be told from nothing that way.
    """
    return torch.baddbmm(units, chosen.transpose(1, 2), prototypes, alpha=-1)


def in_chunks(units: Tensor, *maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Give pixels (B, N, C) and maps of them (B, M, N) a few pixels at a time; all at once on a GPU."""
    batch, pixels, channels = units.shape
    step = max(1, CHUNK // (batch * channels)) if units.device.type == "cpu" else pixels
    return zip(torch.split(units, step, 1), *(torch.split(each, step, 2) for each in maps), strict=True)


class SquaredDistance(torch.autograd.Function):
    """(x - nearest prototype)^2, mean over channels: (B, N). Its gradient is in closed form: no difference is kept."""

    @staticmethod
    def forward(units: Tensor, prototypes: Tensor, chosen: Tensor) -> Tensor:
        """Take units (B, N, C), prototypes (B, M, C), and which are `nearest` (B, M, N), which has no gradient."""
        parts = in_chunks(units, chosen)
        return torch.cat([from_nearest(x, prototypes, which).square_().mean(2) for x, which in parts], 1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Keep what went in."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """2 / C (x - p) for a pixel, and minus the sum of them over its pixels for a prototype."""
        units, prototypes, chosen = ctx.saved_tensors
        shares = slope.unsqueeze(1) * (2 / units.shape[2])  # (B, 1, N)
        of_units: list[Tensor] = []
        of_prototypes = None
        for x, which, share in in_chunks(units, chosen, shares):
            apart = from_nearest(x, prototypes, which)  # (B, n, C)
            if ctx.needs_input_grad[0]:
                of_units.append(apart * share.transpose(1, 2))
            if ctx.needs_input_grad[1]:
                part = (which * share) @ apart
                of_prototypes = -part if of_prototypes is None else of_prototypes - part
        return torch.cat(of_units, 1) if of_units else None, of_prototypes, None


def unit_mixture(weights: Tensor, prototypes: Tensor) -> Tensor:
    """Scale weights (B, M, N) so that each pixel's mixture of prototypes (B, M, C) has unit length: (B, M, N).

    |w P|^2 = w (P P^T) w^T needs no mixture: a pixel costs M^2 products, and no tensor of its C channels is kept.
    """
    products = prototypes @ prototypes.transpose(1, 2)  # (B, M, M)
    squared = ((products @ weights) * weights).sum(1, keepdim=True)  # (B, 1, N)
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
