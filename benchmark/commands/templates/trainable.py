"""MyMethod: predicts a frame from those before it; what it predicts badly is abnormal.

One class is a method. The manual is the docstring of `crossvad.adapters.base`; `bench methods check
my_method.py:MyMethod` holds this file to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from crossvad.adapters.base import Adapter, CueScores, option
from crossvad.adapters.options import Budget


@dataclass(frozen=True)
class Options:
    """What a user may set: --method 'my_method.py:MyMethod[width=2]'."""

    width: int = option(1, "of the network, times that of the budget", minimum=1)


class MyMethod(Adapter):
    """Predicts the last of five frames from the four before it."""

    Options = Options

    def __init__(self, budget: Budget, options: Any = None) -> None:
        """Build the network. `budget` says how large frames are, and how wide a network may be."""
        super().__init__(budget, options, frames=5)  # clips of 5 frames, of which the last is scored
        width = self.options.width * budget.width
        self.body = nn.Sequential(
            nn.Conv2d(4 * budget.channels, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Conv2d(width, budget.channels, 3, padding=1)  # `--tuning head` moves what is called so alone

    def predicted(self, clips: Tensor) -> Tensor:
        """The last frame of clips (B, 5, C, H, W), as it should be if nothing odd happens: (B, C, H, W)."""
        change: Tensor = self.head(self.body(clips[:, :4].flatten(1, 2)))
        return clips[:, 3] + change

    def loss(self, clips: Tensor) -> Tensor:
        """What training on normal clips lowers, and adapting on a support set, too. Values of clips are in [-1, 1]."""
        return mse_loss(self.predicted(clips), clips[:, 4])

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """How abnormal each clip is, {cue: (B,)}: HIGHER = MORE ABNORMAL, on any scale.

        It may depend on that clip alone: on no other clip of the batch, and on no label, as none ever comes here.
        """
        return {"prediction": (self.predicted(clips) - clips[:, 4]).square().mean((1, 2, 3))}

    # Where it is abnormal, (B, h, w), higher = more: for pictures and, with `bench run --maps`, for RBDC and TBDC.
    # def maps(self, clips: Tensor) -> Tensor: return (self.predicted(clips) - clips[:, 4]).square().mean(1)
