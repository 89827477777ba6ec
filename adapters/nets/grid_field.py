"""A random field of yes or no over a grid of places and times: loopy belief propagation (Murphy et al., UAI 1999)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def believed(evidence: Tensor, coupling: float, rounds: int) -> Tensor:
    """Log-odds of each node after loopy belief propagation, sum-product.

    A node's own evidence is a log-odds; two neighbours weigh exp(coupling) as much where they are equal as where they
    are not. On a field without circles it is exact once messages have crossed it.

    Args:
        evidence: log-odds of yes, (B, T, h, w).
        coupling: of neighbours in time, height and width, 0 or more.
        rounds: of messages.

    Returns:
        Log-odds of yes, (B, T, h, w).
    """
    # Messages, as log-odds, along each of three axes: what each node hears from before it and from after it.
    heard = [[torch.zeros_like(evidence) for _ in range(2)] for _ in range(3)]
    for _ in range(rounds):
        total = evidence + sum(sum(pair) for pair in heard)
        told = []
        for axis, (before, after) in enumerate(heard, 1):
            # A node tells its neighbour all that it believes but what it heard from there.
            onwards, backwards = (_passed(total - own, coupling) for own in (after, before))
            told.append([_shifted(onwards, axis, 1), _shifted(backwards, axis, -1)])
        heard = told
    return evidence + sum(sum(pair) for pair in heard)


def _passed(belief: Tensor, coupling: float) -> Tensor:
    """What a belief says, as log-odds, of a neighbour: log (e^c p + q) / (p + e^c q)."""
    yes, no = logsigmoid(belief), logsigmoid(-belief)
    return torch.logaddexp(coupling + yes, no) - torch.logaddexp(yes, coupling + no)


def _shifted(messages: Tensor, axis: int, by: int) -> Tensor:
    """Messages moved to whom they are for; whoever has no such neighbour hears nothing."""
    moved, length = torch.zeros_like(messages), messages.shape[axis]
    if length > 1:
        place, taken = (1, 0) if by > 0 else (0, 1)
        moved.narrow(axis, place, length - 1).copy_(messages.narrow(axis, taken, length - 1))
    return moved
