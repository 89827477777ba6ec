"""What trainings step with: optimisers by the names that schedules give them, and a step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

Optimizers = dict[str, torch.optim.Optimizer]  # by the names that a method gives them

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad,
    "rmsprop": partial(torch.optim.RMSprop, alpha=0.9, eps=1e-10),  # numbers of TensorFlow's, which papers mean
}  # fmt: skip


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Take a step of an optimiser down a loss, whatever gradients were there before."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
