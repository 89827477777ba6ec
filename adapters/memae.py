"""MemAE: a 3-D autoencoder that must rebuild a clip from remembered normal parts (Gong et al., ICCV 2019).

Sixteen gray frames through four 3-D convolutions; every vector of the code is replaced by a sparse mixture of learned
slots. Known deviation: the default shrinkage is 1 / slots, within the paper's [1/N, 3/N]; the published 0.0025 lets, at
small widths, almost no query reach any slot. Colour budgets are turned to gray, as the paper's input is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, Budget, Schedule, Scores
from crossvad.adapters.nets.memory import SlotMemory, entropy

FULL_WIDTH = 64  # a budget's width at which the network has the published 96 channels


@dataclass(frozen=True)
class Options:
    """The paper's hyper-parameters."""

    slots: int = 2000  # N
    shrink: float = 0.0  # lambda; 0 stands for 1 / slots
    entropy: float = 2e-4  # weight of the sparsity loss


class MemAE(Adapter):
    """The memory-augmented autoencoder; 6 492 801 parameters at width 64. A clip's score is for its ninth frame."""

    Options = Options
    paper = "Gong et al., ICCV 2019"
    published = Schedule(16_000, 14, 1e-4)  # 100 epochs of Ped2's 2 310 clips

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=16, scored=8)
        widths = [96 * budget.width // FULL_WIDTH, 128 * budget.width // FULL_WIDTH, 256 * budget.width // FULL_WIDTH]
        widths.append(widths[-1])
        strides = [(1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]
        down: list[nn.Module] = []
        for inputs, outputs, stride in zip([1, *widths], widths, strides, strict=False):
            down += [nn.Conv3d(inputs, outputs, 3, stride, 1), nn.BatchNorm3d(outputs), nn.LeakyReLU(0.2, inplace=True)]
        up: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths[::-1], [*widths[-2::-1], 1], strides[::-1], strict=True):
            up.append(nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, output_padding=tuple(s - 1 for s in stride)))  # type: ignore[arg-type]
            up += [nn.BatchNorm3d(outputs), nn.LeakyReLU(0.2, inplace=True)]
        self.encoder, self.decoder = nn.Sequential(*down), nn.Sequential(*up[:-2])  # the last layer is linear
        self.memory = SlotMemory(self.options.slots, widths[-1], self.options.shrink or 1 / self.options.slots)
        self.apply(_published_initialisation)

    def rebuild(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gray clips (B, 1, T, H, W), what the memory makes of them, and the addressing weights (K, N)."""
        gray = clips.mean(2).unsqueeze(1)
        code = self.encoder(gray)
        grid = code.permute(0, 2, 3, 4, 1)
        read, weights = self.memory(grid.flatten(0, 3))
        return gray, self.decoder(read.view_as(grid).permute(0, 4, 1, 2, 3)), weights

    def loss(self, clips: Tensor) -> Tensor:
        """Mean squared error of the clip plus the entropy of the addressing (Eq. 9 to 11)."""
        gray, rebuilt, weights = self.rebuild(clips)
        return (rebuilt - gray).square().mean() + self.options.entropy * entropy(weights)

    @torch.no_grad()
    def score(self, clips: Tensor) -> Scores:
        """{"reconstruction": (B,)}: mean absolute error of the clip on the [-1, 1] scale, as in the code."""
        gray, rebuilt, _ = self.rebuild(clips)
        return {"reconstruction": (rebuilt - gray).abs().mean((1, 2, 3, 4))}


def _published_initialisation(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, 0.02)
