"""Criss-cross attention (CCNet, Huang et al. ICCV 2019) and the two circulative units APN makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

# So many energies are made at once: 1 MB of floats stays in a core's own cache from the product that makes them to the
# one that uses them up. Four times as many take a fifth longer where other programs want the cores; all at once takes
# half as long again, and half a gigabyte for a map of 512 x 512.
CHUNK = 2**18
ON_GPU = 256  # times as many: there every product has to be large, or its launch takes longer than itself


def _attend(query: Tensor, key: Tensor, value: Tensor, itself: bool) -> tuple[Tensor, Tensor]:
    """Attention within each of N lists of L pixels: a softmax over the list, or over the list without the pixel itself.

    Args:
        query, key, value: (B, N, L, C / 8), (B, N, L, C / 8) and (B, N, L, C).
        itself: whether a pixel attends to itself.

    Returns:
        The result (B, N, L, C), and the logarithm of the sum of exp(logit), (B, N, L, 1), with which it can be joined
        to the softmax over another list.
    """
    lists = [part.flatten(0, 1) for part in (query, key, value)]
    on_cpu = query.device.type == "cpu"
    step = max(1, (CHUNK if on_cpu else CHUNK * ON_GPU) // query.shape[2] ** 2)
    chunks = zip(*(torch.split(part, step) for part in lists), strict=True)
    # A GPU multiplies what lies apart as fast; there every copy is a launch, and a map's parts are a few.
    laid = (tuple(part.contiguous() for part in chunk) if on_cpu else chunk for chunk in chunks)
    result, total = _together((_attend_a_few(q, k, v, itself) for q, k, v in laid), len(lists[0]))
    return result.view(*query.shape[:3], -1), total.view(*query.shape[:3], 1)


def _attend_a_few(query: Tensor, key: Tensor, value: Tensor, itself: bool) -> tuple[Tensor, Tensor]:
    """Attend within each of so few lists that all their energies are made at once; see `_attend`."""
    energy = query @ key.transpose(1, 2)  # (n, L, L)
    if not itself:
        # Not -inf: in a list of one pixel nothing would be left, and -inf minus its maximum -inf is no number.
        energy.diagonal(dim1=1, dim2=2).fill_(torch.finfo(energy.dtype).min)
    greatest = energy.detach().amax(2, keepdim=True)
    if energy.requires_grad:  # the backward pass is left one tensor, not two
        weight = energy.sub_(greatest).exp_()
        total = weight.sum(2, keepdim=True)
        return weight @ value / total, greatest + total.log()
    weight = energy.softmax(2)  # makes its exponentials in half the time, and its greatest is one over their sum
    return weight @ value, greatest - weight.amax(2, keepdim=True).log()


def _together(parts: Iterable[tuple[Tensor, ...]], count: int) -> Sequence[Tensor]:
    """Join tensors along their first axis, `count` long in all, as they come: `torch.cat` would hold all at first."""
    if torch.is_grad_enabled():
        return [torch.cat(each) if len(each) > 1 else each[0] for each in zip(*parts, strict=True)]
    made: list[Tensor] = []
    start = 0
    for part in parts:
        if len(part[0]) == count:
            return part
        made = made or [each.new_empty(count, *each.shape[1:]) for each in part]
        for whole, each in zip(made, part, strict=True):
            whole[start : start + len(each)] = each
        start += len(part[0])
    return made


class CrissCrossAttention(nn.Module):
    """Each pixel attends to the H + W - 1 pixels of its own column and row. 1.25 C^2 + 1.25 C + 1 parameters.

    Queries and keys are 1x1 convolutions to C / 8 channels, values to C; the result is scaled by a learned gamma that
    starts at 0 and is added to the input, so that at first the unit is the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1)
        self.key = nn.Conv2d(channels, channels // 8, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        features = features.contiguous(memory_format=torch.channels_last)  # a pixel's channels side by side
        query, key, value = (project(features).permute(0, 2, 3, 1) for project in (self.query, self.key, self.value))
        # The pixel itself stands in its column and in its row: it counts once, in the row.
        down = _attend(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), itself=False)
        column, column_total = (part.transpose(1, 2) for part in down)
        row, row_total = _attend(query, key, value, itself=True)
        # One softmax over both lists is a mean of the two softmaxes, each by its share of the sum of exponentials.
        share = torch.sigmoid(column_total - row_total).to(row.dtype)  # (B, H, W, 1)
        both = row.lerp(column, share) if torch.is_grad_enabled() else row.lerp_(column, share)
        return torch.addcmul(features, self.gamma, both.permute(0, 3, 1, 2))


class ResidualCrissCross(nn.Module):
    """The same criss-cross attention `cycles` times, then added to the input: RCA in APN's published code.

    Two cycles give every pixel a path to every other, by way of the one where its row meets the other's column.
    """

    def __init__(self, channels: int, cycles: int = 2) -> None:
        super().__init__()
        self.cycles, self.attention = cycles, CrissCrossAttention(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        attended = features
        for _ in range(self.cycles):
            attended = self.attention(attended)
        return attended.add_(features) if self.cycles else features + attended


class CirculativeAttention(nn.Module):
    """The circulative attention unit (CAU) as APN's paper draws it, after CCNet's recurrent head.

    A 1x1 convolution reduces the local features, one criss-cross attention runs over them `cycles` times (R, with
    shared weights), and a 1x1 convolution with ReLU fuses the result with the local features it came from.
    """

    def __init__(self, channels: int, cycles: int = 2, reduction: int = 4) -> None:
        super().__init__()
        reduced = max(8, channels // reduction)  # the attention's queries have an eighth of that
        self.cycles = cycles
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.attention = CrissCrossAttention(reduced)
        self.fuse = nn.Sequential(nn.Conv2d(channels + reduced, channels, 1), nn.ReLU(inplace=True))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        attended = self.reduce(features)
        for _ in range(self.cycles):
            attended = self.attention(attended)
        fused: Tensor = self.fuse(torch.cat([features, attended], 1))
        return fused
