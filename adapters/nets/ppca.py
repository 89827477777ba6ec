"""Mixtures of probabilistic principal component analysers (Tipping and Bishop, Neural Computation 1999)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

LEAST = 1e-6  # of a variance, as a share of the data's mean variance


class Mixture(NamedTuple):
    """K Gaussians in D dimensions, whose covariances are W W' + s I with W of q columns."""

    shares: Tensor  # (K,)
    means: Tensor  # (K, D)
    loadings: Tensor  # W, (K, D, q)
    noise: Tensor  # s, (K,)


def log_densities(vectors: Tensor, means: Tensor, loadings: Tensor, noise: Tensor) -> Tensor:
    """Log of each Gaussian's density of vectors (…, D): (…, K). Means are (K, D), or as many as there are vectors.

    By the matrix inversion lemma: q x q matrices in the place of D x D ones.
    """
    dimensions, latent = loadings.shape[1:]
    same = torch.eye(latent, dtype=loadings.dtype, device=loadings.device)
    inner = loadings.mT @ loadings + noise[:, None, None] * same  # M, (K, q, q)
    root = torch.linalg.cholesky(inner)
    off = vectors.unsqueeze(-2) - means  # (…, K, D)
    seen = torch.einsum("...kd,kdq->k...q", off, loadings)  # (K, …, q)
    white = torch.linalg.solve_triangular(root, seen.flatten(1, -2).mT, upper=False)  # (K, q, …)
    explained = white.square().sum(1).view(seen.shape[:-1]).movedim(0, -1)  # (…, K)
    distance = (off.square().sum(-1) - explained) / noise
    logdet = 2 * root.diagonal(dim1=1, dim2=2).log().sum(1) + (dimensions - latent) * noise.log()
    return -(distance + logdet + dimensions * math.log(2 * math.pi)) / 2


def fit_mixture(vectors: Tensor, components: int, latent: int, rounds: int) -> tuple[Mixture, list[float]]:
    """Fit a mixture to vectors (N, D) by EM, from components that lie along the first principal axis.

    Args:
        vectors: to be described.
        components: K.
        latent: q < D.
        rounds: of EM.

    Returns:
        The mixture, and the mean log-likelihood of the vectors before every round, in nats.
    """
    count, mean = len(vectors), vectors.mean(0)
    floor = LEAST * (vectors - mean).square().mean().clamp_min(1e-12)
    axis = torch.linalg.svd(vectors - mean, full_matrices=False)[2][0]
    order = ((vectors - mean) @ axis).argsort()
    belongs = vectors.new_zeros(count, components)  # responsibilities
    belongs[order, torch.arange(count, device=vectors.device) * components // count] = 1
    curve: list[float] = []
    mixture = _maximised(vectors, belongs, latent, floor)
    for _ in range(rounds):
        joint = log_densities(vectors, *mixture[1:]) + mixture.shares.log()  # (N, K)
        curve.append(joint.logsumexp(1).mean().item())
        mixture = _maximised(vectors, joint.softmax(1), latent, floor)
    return mixture, curve


def _maximised(vectors: Tensor, belongs: Tensor, latent: int, floor: Tensor) -> Mixture:
    """The M-step: of each component's weighted covariance, the q leading axes and the mean of what is left."""
    weight = belongs.sum(0).clamp_min(1e-6)  # (K,)
    means = belongs.T @ vectors / weight[:, None]
    off = vectors.unsqueeze(1) - means  # (N, K, D)
    covariance = torch.einsum("nk,nkd,nke->kde", belongs, off, off) / weight[:, None, None]
    # Of numbers that are too small for all their digits LAPACK makes eigenvalues that are no numbers.
    covariance = covariance.masked_fill(covariance.abs() < torch.finfo(covariance.dtype).tiny, 0)
    values, axes = torch.linalg.eigh(covariance)  # ascending
    noise = torch.maximum(values[:, :-latent].mean(1), floor)
    spread = (values[:, -latent:] - noise[:, None]).clamp_min(0).sqrt()
    return Mixture(weight / weight.sum(), means, axes[:, :, -latent:] * spread[:, None], noise)
