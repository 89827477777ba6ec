"""Nearest neighbours: how far is what is here from anything that was seen here, to a network that knows images?

The simplest strong few-shot rival. A frozen backbone makes a map of features of a frame; a place is as abnormal as its
features are far from the nearest ones of the support set around that place (the exemplars by region of Street Scene,
Ramachandra and Jones, WACV 2020, with the features and neighbourhoods of PatchCore, Roth et al., CVPR 2022). Without a
support set, as far as from the nearest of a few thousand features of the source, wherever they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from crossvad.adapters.base import Adapter, CueScores, Log
from crossvad.adapters.nets.backbones import get_backbone
from crossvad.adapters.nets.neighbours import coreset, nearest_anywhere, nearest_here
from crossvad.adapters.options import Budget, option
from crossvad.adapters.published import EVALUATIONS
from crossvad.datasets.clips import ClipSource

BATCH = 16  # frames at once


@dataclass(frozen=True)
class Options:
    """What sees, what is remembered, and what counts as near."""

    backbone: str = option("efficientnet-lite0", "efficientnet-lite0, random (a control), or any of torchvision's")
    frames: int = option(200, "of the source, of which features are remembered", minimum=1)
    bank: int = option(2000, "features of the source that are remembered, of all places together", minimum=1)
    reach: int = option(
        1, "how many cells away, of 14 x 14, is still the same place", trains=False, minimum=0, maximum=13
    )
    pool: Literal["max", "mean"] = option(
        "max", "of the map of distances: the farthest place, or the mean", trains=False
    )


class NearestNeighbours(Adapter):
    """Distance to the nearest known feature, by a frozen backbone; nothing is trained."""

    Options = Options
    stochastic = False
    tunable = False
    paper = "after Ramachandra & Jones, WACV 2020, and Roth et al., CVPR 2022"
    licence = "none: no code was followed"
    published_evaluation = EVALUATIONS["knn"]
    deviations = (
        "no paper's method to the letter: exemplars by place as Street Scene's baseline has them, of a backbone's "
        "features in place of its blurred differences and flow",
        "one map, of 1/16 of the frame's size, averaged over 3 x 3 cells: PatchCore takes two, and a Wide-ResNet-50",
    )
    source_bank: Tensor  # (M, D)
    scene: Tensor  # (K, D, h, w), features of the support set; none until `calibrate` sees it

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)
        self.backbone = get_backbone(self.options.backbone, budget.size)
        self.register_buffer("source_bank", torch.zeros(0))
        self.register_buffer("scene", torch.zeros(0))

    @property
    def fusion(self) -> dict[str, float]:
        """There is one cue."""
        return {"feature": 1.0}

    def frozen_features(self, clips: Tensor) -> Tensor:
        """Features of frames (B, 1, C, H, W) and of what is around each place, (B, D, h, w)."""
        maps: Tensor = self.backbone(clips[:, 0])
        return avg_pool2d(maps, 3, 1, 1, count_include_pad=False)

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Remember features of frames spread over the source, such that all others are near one of them."""
        maps = torch.cat([self.frozen_features(clips) for clips in source.spread(self.options.frames, BATCH)])
        self.source_bank = coreset(maps.permute(0, 2, 3, 1).flatten(0, 2), self.options.bank)

    def calibrate(self, features: Tensor) -> None:
        """Remember the support set, (K, D, h, w), in the place of the source."""
        self.scene = features.clone()

    def maps(self, clips: Tensor) -> Tensor:
        """Distance to the nearest known feature, (B, h, w)."""
        features = clips if clips.dim() == 4 else self.frozen_features(clips)
        if len(self.scene):
            return nearest_here(features, self.scene, self.options.reach)
        return nearest_anywhere(features, self.source_bank)

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"feature": (B,)}: distance of the farthest place, or the mean, of clips or of their features."""
        distance = self.maps(clips)
        return {"feature": distance.amax((1, 2)) if self.options.pool == "max" else distance.mean((1, 2))}
