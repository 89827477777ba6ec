"""Dynamic textures: patches of video as what a linear dynamical system shows (Doretto et al., IJCV 2003), and mixtures.

    x(1) ~ N(mu, S)    x(t + 1) = A x(t) + v, v ~ N(0, Q)    y(t) = mean + C x(t) + w, w ~ N(0, r I)

C has orthonormal columns, so that all that a frame of a patch says of the state is in C' (y - mean): what is left of it
is noise of its own, and the Kalman filter runs in as many dimensions as the state has.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from crossvad.adapters.nets.whole_precision import in_float32

LEAST = 1e-6  # of a variance, of gray in [0, 1]


class Textures(NamedTuple):
    """Some dynamic textures, one a component; m pixels, n states."""

    mean: Tensor  # (K, m)
    basis: Tensor  # C, (K, m, n)
    transition: Tensor  # A, (K, n, n)
    drive: Tensor  # Q, (K, n, n)
    noise: Tensor  # r, (K,)
    start: Tensor  # mu, (K, n)
    spread: Tensor  # S, (K, n, n)

    @classmethod
    def blank(cls, components: int, pixels: int, states: int) -> Textures:
        """Textures of nothing, to be filled."""
        square = torch.eye(states).repeat(components, 1, 1)
        basis = torch.eye(pixels, states).repeat(components, 1, 1)
        level, still = torch.zeros(components, pixels), torch.zeros(components, states)
        return cls(level, basis, torch.zeros_like(square), square, torch.ones(components), still, square.clone())


def texture(patches: Tensor, states: int) -> Textures:
    """One dynamic texture of patches (N, T, m), in closed form (Doretto et al., Section 3).

    C is of the left singular vectors of what the patches show; states are its coordinates, A their least-squares
    prediction, and Q, r, mu and S are what is left.
    """
    count, frames, pixels = patches.shape
    mean = patches.mean((0, 1))
    centred = (patches - mean).flatten(0, 1)  # (N * T, m)
    _, basis = torch.linalg.eigh(centred.T @ centred)  # ascending
    basis = basis[:, -states:].flip(1)  # (m, n)
    x = (centred @ basis).view(count, frames, states)
    left = centred.square().sum() - x.square().sum()
    before, after = x[:, :-1].flatten(0, 1), x[:, 1:].flatten(0, 1)  # (N * (T - 1), n)
    ridge = LEAST * torch.eye(states, dtype=x.dtype, device=x.device)
    transition = torch.linalg.solve(before.T @ before + len(before) * ridge, before.T @ after).T
    driven = after - before @ transition.T
    start = x[:, 0].mean(0)
    off = x[:, 0] - start
    noise = (left / (count * frames * max(1, pixels - states))).clamp_min(LEAST)
    found = mean, basis, transition, driven.T @ driven / len(driven) + ridge, noise, start, off.T @ off / count + ridge
    return Textures(*(part.unsqueeze(0) for part in found))


@in_float32
def log_likelihood(patches: Tensor, textures: Textures) -> Tensor:
    """Log of the density of patches (N, T, m) under each texture: (N, K)."""
    pixels, states = textures.basis.shape[1:]
    centred = patches.unsqueeze(1) - textures.mean[:, None]  # (N, K, T, m)
    seen = torch.einsum("nktm,kms->tnks", centred, textures.basis)  # (T, N, K, n)
    left = centred.square().sum((2, 3)) - seen.square().sum((0, 3))  # (N, K), of all frames
    noise, frames = textures.noise, patches.shape[1]
    total = -(left / noise + frames * (pixels - states) * (2 * math.pi * noise).log()) / 2
    # Covariances are the same of all patches, so that they may be as precise as they need to be.
    spread, drive, transition = (part.double() for part in (textures.spread, textures.drive, textures.transition))
    same = torch.eye(states, dtype=torch.float64, device=noise.device)
    state = textures.start.expand(len(patches), -1, -1)  # (N, K, n)
    for frame in seen:
        # What the frame before says of this one, and how surely.
        root = torch.linalg.cholesky(spread + noise.double()[:, None, None] * same)  # (K, n, n)
        wrong = (frame - state).movedim(0, -1)  # (K, n, N)
        white = torch.linalg.solve_triangular(root.to(wrong), wrong, upper=False)
        logs = root.diagonal(dim1=1, dim2=2).log().sum(1).to(noise)  # (K,), half a log determinant
        total = total - (white.square().sum(1).T + states * math.log(2 * math.pi)) / 2 - logs
        # Then the frame is taken in, and the state goes on.
        gain = torch.cholesky_solve(spread, root).mT  # (K, n, n)
        state = state + torch.einsum("kij,kjn->nki", gain.to(wrong), wrong)
        state = torch.einsum("kij,nkj->nki", textures.transition, state)
        spread = transition @ (spread - gain @ spread) @ transition.mT + drive
        spread = (spread + spread.mT) / 2
    return total


def mixture(patches: Tensor, assigned: Tensor, components: int, states: int, rounds: int) -> tuple[Textures, Tensor]:
    """A mixture of textures of patches (N, T, m), each patch belonging to the likeliest (hard EM).

    Args:
        patches: to be described.
        assigned: which component each belongs to at first, (N,).
        components: how many.
        states: of each.
        rounds: how often patches are assigned anew, at most.

    Returns:
        The textures, and the share of patches that belong to each, (K,): none to one that never had enough of them.
    """
    textures, shares = Textures.blank(components, patches.shape[2], states), torch.full((components,), 1 / components)
    textures, shares = Textures(*(part.to(patches) for part in textures)), shares.to(patches)
    filled = torch.zeros(components, dtype=torch.bool, device=patches.device)
    for _ in range(rounds):
        for k in range(components):
            mine = patches[assigned == k]
            if len(mine) > states:
                filled[k] = True
                for part, found in zip(textures, texture(mine, states), strict=True):
                    part[k] = found[0]
        counts = torch.bincount(assigned, minlength=components).to(patches)
        shares = (counts + 1) * filled
        shares = shares / shares.sum()
        again = (log_likelihood(patches, textures) + shares.log()).argmax(1)
        if torch.equal(again, assigned):
            break
        assigned = again
    return textures, shares
