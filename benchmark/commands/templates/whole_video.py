"""MyMethod: a picture of the background that follows the video; what differs from it is abnormal.

One class is a method. This one goes through a video in order and carries something along. The manual is the docstring
of `crossvad.adapters.base`; `bench methods check my_method.py:MyMethod` holds this file to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter, CueScores, joined, option
from crossvad.adapters.options import Budget


@dataclass(frozen=True)
class Options:
    """What a user may set: --method 'my_method.py:MyMethod[speed=0.1]'."""

    speed: float = option(0.05, "share of each frame that becomes background", above=0, maximum=1)


class MyMethod(Adapter):
    """Difference to a running background, which starts as the mean of the support set."""

    Options = Options
    needs_source = False  # nothing is learned from a source, so there is no `fit`
    stochastic = False  # no seed makes a difference
    tunable = False  # no steps of a tuning: `calibrate` alone adapts it, whatever --tuning says
    scores_in_order = True  # the score of a clip depends on those before it: `score_video` sees them all
    scene: Tensor  # (C, H, W); empty until `calibrate` sees a support set

    def __init__(self, budget: Budget, options: Any = None) -> None:
        """Declare what is kept. Parameters and buffers are saved; other attributes are lost."""
        super().__init__(budget, options, frames=1)  # clips of a single frame
        self.register_buffer("scene", torch.zeros(0))

    def calibrate(self, support: Tensor) -> None:
        """Take in K clips of the target's scene, (K, 1, C, H, W); called on a copy, and never with K = 0."""
        self.scene = support.mean((0, 1))

    def score_video(self, batches: Iterable[Tensor]) -> CueScores:
        """Scores of a whole video, {cue: (clips,)}, from batches of its clips in order.

        What is carried along starts anew with every video, and a score may rest on what came before it alone. A method
        that looks ahead says `transductive = True`, and tables mark it.
        """
        background = self.scene if len(self.scene) else None
        scored = []
        for clips in batches:
            differences = []
            for frame in clips[:, 0]:
                background = frame if background is None else background
                differences.append((frame - background).square().mean())
                background = torch.lerp(background, frame, self.options.speed)
            scored.append({"background": torch.stack(differences)})
        return joined(scored)

    def score(self, clips: Tensor) -> CueScores:
        """Scores of clips (B, 1, C, H, W) that are no video, such as a support set: HIGHER = MORE ABNORMAL."""
        background = self.scene if len(self.scene) else clips[:, 0].mean(0)
        return {"background": (clips[:, 0] - background).square().mean((1, 2, 3))}

    # Where it is abnormal, (B, h, w), higher = more: for pictures and, with `bench run --maps`, for RBDC and TBDC.
    # def maps(self, clips: Tensor) -> Tensor: return (clips[:, 0] - clips[:, 0].mean(0)).square().mean(1)
