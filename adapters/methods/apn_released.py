"""APN as its authors published it in code, which is not what their paper describes (that: `apn`).

A U-Net with two poolings; after each encoder level the same criss-cross attention runs twice, its input is added once
more, and the skips carry the result. All modules train together on one loss. Its covariance term is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from crossvad.adapters.methods.prototype_predictor import Encoded, PrototypePredictor
from crossvad.adapters.nets.attention import ResidualCrissCross
from crossvad.adapters.nets.losses import ssim
from crossvad.adapters.nets.prototypes import diversity, kernel_similarity
from crossvad.adapters.options import Budget, Schedule, option

LEVELS = 3


@dataclass(frozen=True)
class Options:
    """The code's settings."""

    prototypes: int = option(10, "M")
    compactness: float = option(1.0, "weight of the distance to the nearest prototype")
    diversity: float = option(1e-4, "weight of the hinge between prototypes")
    covariance: float = option(1e-4, "weight of the kernel similarity, a constant without a gradient")
    ssim: float = option(1e-4, "weight of 1 - SSIM")


class ApnReleased(PrototypePredictor):
    """The published APN; 3 364 022 parameters at width 64 in RGB."""

    Options = Options
    paper = "Hu et al., code of arXiv 2108.11055"
    licence = "none"
    published = Schedule(130_000, 4, 1e-3, "adamw", "none")  # 210 epochs of Ped2's 2 486 clips
    deviations = ("adapts to a scene, by prototype maps and head: its code has no adaptation at all",)

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options or Options(), LEVELS)
        self.encoder.attend = nn.ModuleList(ResidualCrissCross(budget.width * 2**level) for level in range(LEVELS))

    def loss(self, clips: Tensor | Encoded) -> Tensor:
        """Frame error with SSIM, and the prototypes' compactness, hinge and constant kernel similarity."""
        o = self.options
        prediction, target, retrieval = self.predict(clips)
        frame = (prediction - target).square().mean() + o.ssim * (1 - ssim(prediction, target))
        apart = o.diversity * diversity(retrieval.prototypes)
        constant = o.covariance * kernel_similarity(retrieval.prototypes)
        return frame + o.compactness * retrieval.distance.mean() + apart + constant
