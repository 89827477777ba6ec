"""A method of one number: how bright a frame should be."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from crossvad.adapters.base import Adapter, option


@dataclass(frozen=True)
class Options:
    """What a user may set."""

    power: float = option(2.0, "that a difference is raised to", trains=False, above=0)


class Brightness(Adapter):
    """Learns how bright frames are; a frame of another brightness is abnormal."""

    Options = Options
    last_layers = ("level",)

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.level = torch.nn.Parameter(torch.zeros(()))

    def loss(self, clips):
        return (clips - self.level).square().mean()

    @torch.no_grad()
    def score(self, clips):
        return {"brightness": (clips[:, 0] - self.level).abs().pow(self.options.power).mean((1, 2, 3))}
