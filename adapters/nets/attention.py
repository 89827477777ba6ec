"""Criss-cross attention (CCNet, Huang et al. ICCV 2019) and the circulative unit APN makes of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        query, key, value = (project(features) for project in (self.query, self.key, self.value))
        # Columns: one attention over H for each (image, x); rows: one over W for each (image, y).
        column = query.permute(0, 3, 2, 1) @ key.permute(0, 3, 1, 2)  # (B, W, H, H)
        row = query.permute(0, 2, 3, 1) @ key.permute(0, 2, 1, 3)  # (B, H, W, W)
        # The pixel itself stands in its column and in its row: it counts once, in the row.
        column.diagonal(dim1=2, dim2=3).fill_(float("-inf"))
        # One softmax over both lists, without ever joining them: shared maximum, separate sums.
        peak = torch.maximum(column.detach().amax(3).transpose(1, 2), row.detach().amax(3)).unsqueeze(3)  # (B, H, W, 1)
        column, row = (column - peak.transpose(1, 2)).exp(), (row - peak).exp()
        total = column.sum(3).transpose(1, 2) + row.sum(3)  # (B, H, W)
        down = (column @ value.permute(0, 3, 2, 1)).transpose(1, 2)  # (B, H, W, C)
        along = row @ value.permute(0, 2, 3, 1)  # (B, H, W, C)
        return self.gamma * ((down + along) / total.unsqueeze(3)).permute(0, 3, 1, 2) + features


class CirculativeAttention(nn.Module):
    """APN's CAU / RCA: the same criss-cross attention `cycles` times, then added to the input.

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
        return features + attended
