"""Convolutional LSTM (Shi et al., NIPS 2015), without peepholes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]  # what a cell gives out and what it remembers, (B, hidden, H, W) both


class ConvLstmCell(nn.Module):
    """One layer: all four gates are one 3 x 3 convolution of what comes in beside what it gave out last."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, 3, padding=1)
        self.hidden = hidden

    def forward(self, images: Tensor, state: State | None = None) -> State:
        """Take in images (B, inputs, H, W), from a state or from zeros."""
        if state is None:
            zeros = images.new_zeros(len(images), self.hidden, *images.shape[2:])
            state = zeros, zeros
        given, memory = state
        entry, forget, exit_, new = self.gates(torch.cat([images, given], 1)).chunk(4, 1)
        memory = forget.sigmoid() * memory + entry.sigmoid() * new.tanh()
        return exit_.sigmoid() * memory.tanh(), memory


class ConvLstm(nn.Module):
    """Layers of cells, each fed with what the one before gives out."""

    def __init__(self, inputs: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.cells = nn.ModuleList(ConvLstmCell(*widths) for widths in pairwise([inputs, *hidden]))

    def forward(self, images: Tensor, states: Sequence[State | None] | None = None) -> tuple[Tensor, list[State]]:
        """Take in images (B, inputs, H, W) of one moment, from the states of the moment before, or from zeros.

        Returns:
            What the last layer gives out, (B, hidden[-1], H, W), and the states of all layers.
        """
        after: list[State] = []
        for cell, state in zip(self.cells, states or [None] * len(self.cells), strict=True):
            after.append(cell(images, state))
            images = after[-1][0]
        return images, after
