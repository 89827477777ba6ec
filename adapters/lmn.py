"""LMN, known as MNAD: a frame predictor with a memory of normal patterns (Park et al., CVPR 2020), prediction variant.

Known deviation: the memory stays as training left it; the published test-time update, which carries over from one test
video to the next, would make a score depend on other videos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize, triplet_margin_loss

from crossvad.adapters.base import Adapter, Budget, Schedule, Scores
from crossvad.adapters.nets.losses import decibel, squared_error
from crossvad.adapters.nets.memory import ItemMemory
from crossvad.adapters.nets.unet import Decoder, Encoder, Head

LEVELS = 4


@dataclass(frozen=True)
class Options:
    """The paper's hyper-parameters, prediction task."""

    items: int = 10  # M
    compactness: float = 0.1
    separateness: float = 0.1


class Lmn(Adapter):
    """Learning memory-guided normality; 15 650 819 parameters at width 64 in RGB.

    The published code counts 1 024 more: a batch norm that its encoder declares and never calls.
    """

    Options = Options
    paper = "Park et al., CVPR 2020"
    published = Schedule(37_000, 4, 2e-4)  # 60 epochs of Ped2's 2 486 clips
    fusion = {"prediction": 0.6, "feature": 0.4}  # noqa: RUF012 - declared ClassVar in the base

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=5)
        width, depth = budget.width, budget.width * 2 ** (LEVELS - 1)
        self.encoder = Encoder(4 * budget.channels, width, LEVELS, norm=True, last_activation=False)
        self.memory = ItemMemory(self.options.items, depth)
        self.decoder = Decoder(width, LEVELS, entry=2 * depth, norm=True)
        self.head = Head(width, budget.channels, norm=True)

    def predict(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """The last frame (B, C, H, W) from the ones before it, and the unit queries (B * h * w, D)."""
        *skips, deepest = self.encoder(clips[:, :-1].flatten(1, 2))
        grid = normalize(deepest, dim=1).permute(0, 2, 3, 1)  # (B, h, w, D)
        queries = grid.flatten(0, 2)
        read = torch.cat([grid, self.memory.read(queries).view_as(grid)], 3).permute(0, 3, 1, 2)
        return self.head(self.decoder(read, skips)), queries

    def loss(self, clips: Tensor) -> Tensor:
        """Intensity, compactness and separateness (Eq. 8 to 11); in train mode the memory then takes the queries in."""
        prediction, queries = self.predict(clips)
        nearest, second = self.memory.nearest_two(queries)
        loss = (
            (prediction - clips[:, -1]).square().mean()
            + self.options.compactness * (queries - nearest).square().mean()
            + self.options.separateness * triplet_margin_loss(queries, nearest, second)
        )
        if self.training:
            self.memory.update(queries.detach())
        return loss

    @torch.no_grad()
    def score(self, clips: Tensor) -> Scores:
        """{"prediction": (B,) in dB, "feature": (B,)}: the latter the mean squared distance to the nearest item."""
        prediction, queries = self.predict(clips)
        distance = (queries - self.memory.nearest_two(queries)[0]).square().mean(1)
        return {
            "prediction": decibel(squared_error(prediction, clips[:, -1]).mean((1, 2))),
            "feature": distance.view(len(clips), -1).mean(1),
        }
