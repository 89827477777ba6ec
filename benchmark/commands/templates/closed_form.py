"""MyMethod: what moves where, as a normal distribution for each place; what is far from it is abnormal.

One class is a method. This one is fitted in closed form, without a gradient. The manual is the docstring of
`crossvad.adapters.base`; `bench methods check my_method.py:MyMethod` holds this file to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from crossvad.adapters.base import Adapter, CueScores, Log, option
from crossvad.adapters.options import Budget
from crossvad.datasets.clips import ClipSource

CLIPS = 500  # of the source, at most, that it is fitted on
LEAST = 1e-4  # variance: where nothing ever moves, the smallest movement would be infinitely far


@dataclass(frozen=True)
class Options:
    """What a user may set: --method 'my_method.py:MyMethod[grid=4]'."""

    grid: int = option(8, "places along each side of a frame", minimum=1, maximum=32)


class MyMethod(Adapter):
    """Distance to a mean and a variance of frame differences, place by place."""

    Options = Options
    stochastic = False  # no seed makes a difference
    tunable = False  # no steps of a tuning: `calibrate` alone adapts it, whatever --tuning says
    mean: Tensor  # (places,)
    variance: Tensor

    def __init__(self, budget: Budget, options: Any = None) -> None:
        """Declare what is kept. Parameters and buffers are saved; other attributes are lost."""
        super().__init__(budget, options, frames=2)  # clips of 2 frames, of which the last is scored
        places = self.options.grid**2
        self.register_buffer("mean", torch.zeros(places))
        self.register_buffer("variance", torch.ones(places))

    def features(self, clips: Tensor) -> Tensor:
        """How much changed at each place of clips (B, 2, C, H, W): (B, places)."""
        change = (clips[:, 1] - clips[:, 0]).abs().mean(1, keepdim=True)
        return adaptive_avg_pool2d(change, self.options.grid).flatten(1)

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Measure clips that are spread over the source's video, a batch at a time."""
        features = torch.cat([self.features(clips) for clips in source.spread(CLIPS, 16)])
        self.mean, self.variance = features.mean(0), features.var(0, unbiased=False) + LEAST

    def calibrate(self, support: Tensor) -> None:
        """Take in K clips of the target's scene, (K, 2, C, H, W): the more there are, the more they count.

        It is called on a copy, once a scene, and never with K = 0. All of this happens before a test frame is seen.
        """
        features, share = self.features(support), len(support) / (len(support) + 10)
        self.mean = torch.lerp(self.mean, features.mean(0), share)
        self.variance = torch.lerp(self.variance, features.var(0, unbiased=False) + LEAST, share)

    def score(self, clips: Tensor) -> CueScores:
        """How abnormal each clip is, {cue: (B,)}: HIGHER = MORE ABNORMAL, on any scale."""
        return {"distance": ((self.features(clips) - self.mean).square() / self.variance).mean(1)}

    # Where it is abnormal, (B, h, w), higher = more: for pictures and, with `bench run --maps`, for RBDC and TBDC.
    # def maps(self, clips: Tensor) -> Tensor: return (clips[:, 1] - clips[:, 0]).abs().mean(1)
