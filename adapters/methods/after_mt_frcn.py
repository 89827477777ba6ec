"""After MT-FRCN: is anything that moves unlike all that is known to move, wherever it is, to a network of images?

Hinami, Mei and Satoh, "Joint detection and recounting of abnormal events by learning deep generic knowledge" (ICCV
2017), as far as it can be built without a detector that was trained on COCO and Visual Genome. There, a multi-task Fast
R-CNN describes objects that proposals found, and what is normal in a scene is told by nearest neighbours or by a
density of these descriptions. Here, regions of several sizes in which something moves are described by a frozen
backbone. It is not MT-FRCN, and no figure of it is MT-FRCN's: no attributes, no actions, no names of what is unusual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from crossvad.adapters.base import Adapter, CueScores, Log
from crossvad.adapters.nets.backbones import get_backbone
from crossvad.adapters.nets.neighbours import EXACT, coreset, evenly
from crossvad.adapters.options import Budget, option
from crossvad.adapters.published import EVALUATIONS
from crossvad.datasets.clips import ClipSource

BATCH = 16  # clips at once
SIDES = (2, 4, 7)  # of regions, in cells of the backbone's map, 14 x 14 of an image of 224 pixels; half of it apart
CHANGED = 0.1  # of gray levels in [-1, 1]: by so much a pixel changes where something moves
LEAST = 1e-9  # spread of a component


@dataclass(frozen=True)
class Options:
    """What sees, what is looked at, and what tells the unusual."""

    backbone: str = option("efficientnet-lite0", "see `bench methods info knn`")
    motion: float = option(
        0.05, "share of a region's pixels that change, from which on it is looked at; 0: all regions are",
        minimum=0, maximum=0.2,
    )  # fmt: skip
    frames: int = option(200, "of the source, of whose regions descriptions are remembered", minimum=20)
    bank: int = option(2000, "descriptions of the source that are remembered", minimum=20)
    detector: Literal["nearest", "density"] = option(
        "nearest", "distance to the nearest one, or a kernel density of their principal components", trains=False
    )
    components: int = option(16, "principal ones, of which the density is", minimum=1)


class AfterMtFrcn(Adapter):
    """Distance of moving regions to the nearest known ones, or how rare they are, by a frozen backbone."""

    Options = Options
    stochastic = False
    tunable = False
    paper = "after Hinami et al., ICCV 2017"
    licence = "none: no code was found"
    published_evaluation = EVALUATIONS["after-mt-frcn"]
    deviations = (
        "not MT-FRCN: no detector, attributes or actions, as none that was trained on COCO and Visual Genome is to be "
        "had offline. Descriptions are averages of EfficientNet-Lite0's features in windows of 1/7, 2/7 and 1/2 of the "
        "frame",
        "regions are windows in which one pixel in twenty changes: the paper's are object and motion proposals",
        "a new scene's descriptions join those of the source: in the paper a scene has its own only, of all its "
        "training video",
        "of its three detectors two: nearest neighbours, among 2000 descriptions that lie near all others (a k-centre "
        "coreset; the paper quantises), and a kernel density, of 2000 that are as frequent as in the source",
    )
    bank: Tensor  # (M, D), of the source, such that all others are near one; and of the scene once there is one
    sample: Tensor  # (M, D), as frequent as they are in the source; and of the scene
    mean: Tensor  # (D,)
    axes: Tensor  # (P, D), principal components over their spread

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=2)
        self.backbone = get_backbone(self.options.backbone, budget.size)
        for name in ("bank", "sample", "mean", "axes"):
            self.register_buffer(name, torch.zeros(0))

    @property
    def fusion(self) -> dict[str, float]:
        """There is one cue."""
        return {"region": 1.0}

    def frozen_features(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Descriptions of the regions of the second frame, (B, R, D), and whether they are looked at, (B, R)."""
        maps: Tensor = self.backbone(clips[:, 1])
        changed = ((clips[:, 1] - clips[:, 0]).abs().amax(1, keepdim=True) > CHANGED).to(maps.dtype)
        share = adaptive_avg_pool2d(changed, (self.backbone.side, self.backbone.side))  # (B, 1, h, w)
        described = torch.cat([windows(maps, side).flatten(2) for side in SIDES], 2).mT
        moves = torch.cat([windows(share, side).flatten(2) for side in SIDES], 2)[:, 0] >= self.options.motion
        return described, moves

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Remember descriptions of what moves in frames spread over the source.

        Raises:
            ValueError: nothing moves there.
        """
        found = []
        for clips in source.spread(self.options.frames, BATCH):
            described, moves = self.frozen_features(clips)
            found.append(described[moves])
        regions = torch.cat(found)
        if len(regions) < 2:
            raise ValueError(
                f"only {len(regions)} regions of the source move: choose motion below {self.options.motion}"
            )
        components = min(self.options.components, regions.shape[1], len(regions) - 1)
        analysis = PCA(components, svd_solver="full").fit(regions.double().cpu().numpy())
        self.mean = regions.mean(0)
        spread = torch.from_numpy(analysis.explained_variance_).sqrt().clamp_min(LEAST)
        self.axes = (torch.from_numpy(analysis.components_) / spread[:, None]).to(regions)
        self.bank = coreset(regions, self.options.bank)
        self.sample = evenly(regions, self.options.bank)

    def calibrate(self, features: tuple[Tensor, Tensor]) -> None:
        """Remember what moves in the support set, beside the source."""
        described, moves = features
        self.bank = torch.cat([self.bank, described[moves]])
        self.sample = torch.cat([self.sample, described[moves]])

    def _surprise(self, described: Tensor) -> Tensor:
        """How unlike what is known descriptions (N, D) are, (N,), 0 or more."""
        if self.options.detector == "nearest":
            return torch.cdist(described, self.bank, compute_mode=EXACT).amin(1)
        return rarity((described - self.mean) @ self.axes.mT, (self.sample - self.mean) @ self.axes.mT)

    def _surprises(self, features: tuple[Tensor, Tensor]) -> Tensor:
        """Of every region, (B, R): 0 of those that are not looked at."""
        described, moves = features
        found = self._surprise(described[moves])
        surprises = found.new_zeros(moves.shape)
        surprises[moves] = found
        return surprises

    @torch.no_grad()
    def score(self, clips: Any) -> CueScores:
        """{"region": (B,)}: of the most surprising region that moves, 0 where none does; of clips or their features."""
        features = self.frozen_features(clips) if isinstance(clips, Tensor) else clips
        return {"region": self._surprises(features).amax(1)}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """The most that any region around a cell surprises, (B, h, w)."""
        side, surprises = self.backbone.side, self._surprises(self.frozen_features(clips))
        counts = [count(side, window) for window in SIDES]
        maps = surprises.new_zeros(len(clips), side, side)
        for level, window, across in zip(torch.split(surprises, [n**2 for n in counts], 1), SIDES, counts, strict=True):
            step = max(1, min(window, side) // 2)
            for number, surprise in enumerate(level.unbind(1)):
                down, right = number // across * step, number % across * step
                part = maps[:, down : down + window, right : right + window]
                part.copy_(torch.maximum(part, surprise[:, None, None]))
        return maps


def count(side: int, window: int) -> int:
    """How many windows there are to each side of a map of `side` cells: half of one apart, one at least."""
    window = min(window, side)
    return (side - window) // max(1, window // 2) + 1


def windows(maps: Tensor, window: int) -> Tensor:
    """Means of maps (B, D, h, w) over windows of so many cells to each side, half of one apart: (B, D, n, n)."""
    window = min(window, maps.shape[2])
    return avg_pool2d(maps, window, max(1, window // 2))


def rarity(points: Tensor, known: Tensor) -> Tensor:
    """Minus log of a kernel density at points (N, P), of known ones (M, P), over its peak were all of them there: (N,).

    Gaussian kernels, as wide as Scott's rule has it of data of spread 1.
    """
    width = len(known) ** (-1 / (known.shape[1] + 4))
    distances = torch.cdist(points, known, compute_mode=EXACT)
    return -((-(distances / width).square() / 2).logsumexp(1) - torch.tensor(len(known)).log())
