"""SDOR: frames of the test video that look odd teach a network what is odd, and those that do not what is not.

Pang, Yan, Shen, van den Hengel and Bai, "Self-trained deep ordinal regression for end-to-end video anomaly detection"
(CVPR 2020). No source is needed, and no scene is known before. Two detectors rank the frames of the video that is to be
judged; a network learns to give one to the oddest and zero to the most usual ones, and ranks all of them anew.

It knows all of a test video before it scores any of it: no camera that runs could do that, and tables mark it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import rankdata
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, CueScores, descend
from crossvad.adapters.nets.backbones import get_backbone
from crossvad.adapters.nets.whole_precision import in_float32
from crossvad.adapters.options import Budget, option
from crossvad.adapters.published import EVALUATIONS

STRIDE = 32  # of the backbone's last map, of which the mean is taken
SAMPLE, SAMPLES = 32, 20  # frames that the first detector measures the distance to, and how often others are drawn
HIDDEN, RATE, BATCH = 100, 1e-3, 32  # of the network that is trained
LEAST = 4  # frames: of fewer, none is told from others


@dataclass(frozen=True)
class Options:
    """What sees, what is taken for odd, and how long that is learned."""

    backbone: str = option("efficientnet-lite0", "see `bench methods info knn`")
    scope: Literal["video", "scene"] = option(
        "video", "what is ranked at once: each test video, or all of a scene (paper)"
    )
    components: int = option(50, "principal ones, that the first detectors see", minimum=1)
    anomalous: float = option(0.1, "share of the frames, the oddest, that are taught as such", above=0, maximum=0.5)
    normal: float = option(0.2, "share of the frames, the least odd, that are taught as such", above=0, maximum=0.5)
    rounds: int = option(5, "times that the network is trained and frames are ranked anew", minimum=1)
    epochs: int = option(50, "of each training", minimum=1)


class Sdor(Adapter):
    """Ordinal regression of a test video's frames, taught by their own first ranking."""

    Options = Options
    needs_source = False
    stochastic = False  # seeds of its own, as a score must be the same whatever was scored before
    adapts = False
    paper = "Pang et al., CVPR 2020"
    licence = "none: no code was found"
    published_evaluation = EVALUATIONS["sdor"]
    deviations = (
        "the backbone is frozen, and its last map's mean is what a fully connected network learns from: the paper "
        "trains a ResNet-50 with it",
        "each test video by itself (scope=scene: all of a scene's at once, as the paper has it)",
        "not checked against the paper, as no code is public: a tenth and a fifth of frames as pseudo-labels, five "
        "rounds of 50 epochs whose scores are averaged, absolute error by Adam at 1e-3, 100 hidden units, and of Sp "
        "the mean over 20 subsamples of 32",
        "first ranking: the mean of the ranks by both detectors, where the paper averages their scores",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)
        self.backbone = get_backbone(self.options.backbone, budget.size, STRIDE)

    @property
    def scores_in_order(self) -> bool:
        """A frame is ranked among all of its video."""
        return True

    @property
    def scores_scene(self) -> bool:
        """A frame is ranked among all of its scene, if the options say so."""
        return self.options.scope == "scene"

    @property
    def transductive(self) -> bool:
        """All of a test video is seen before any of it is scored."""
        return True

    def frozen_features(self, clips: Tensor) -> Tensor:
        """Features of frames (B, 1, C, H, W): (B, D), of one by one.

        Of several at once they may differ in the last digit, which decides near ties among the oddest frames, and with
        them all of what is learned.
        """
        return torch.cat([self.backbone(frame).relu().mean((2, 3)) for frame in torch.split(clips[:, 0], 1)])

    def score(self, clips: Tensor) -> CueScores:
        """{"ordinal": (B,)}: zeros, as a frame by itself has no rank. What counts is `score_video`."""
        return {"ordinal": clips.new_zeros(len(clips))}

    @torch.no_grad()
    def score_video(self, batches: Iterable[Tensor]) -> CueScores:
        """{"ordinal": (frames,)}: how odd each frame of a video is among all of them, about 0 to 1."""
        return self.score_scene([batches])[0]

    @torch.no_grad()
    def score_scene(self, videos: Sequence[Iterable[Tensor]]) -> list[CueScores]:
        """As `score_video`, of the frames of some videos among all of them, or each among those of its own video."""
        features = [torch.cat([self.frozen_features(clips) for clips in batches]) for batches in videos]
        if not self.scores_scene:
            return [{"ordinal": self.ranked(each)} for each in features]
        scores = self.ranked(torch.cat(features))
        return [{"ordinal": part} for part in torch.split(scores, [len(each) for each in features])]

    def ranked(self, features: Tensor) -> Tensor:
        """How odd each of some frames is, of features (N, D): (N,), the mean over rounds."""
        if len(features) < LEAST:
            return features.new_zeros(len(features))
        o = self.options
        first = first_ranks(features.double().cpu().numpy(), o.components)
        scores, rounds = torch.from_numpy(first).to(features), []
        spread = features.std(0, correction=0).clamp_min(1e-6)
        inputs = (features - features.mean(0)) / spread
        for number in range(o.rounds):
            scores = regressed(inputs, *extremes(scores, o.anomalous, o.normal), o.epochs, seed=number)
            rounds.append(scores)
        return torch.stack(rounds).mean(0)


def first_ranks(features: NDArray[np.float64], components: int) -> NDArray[np.float64]:
    """Mean rank, 0 to 1, of rows (N, D) by two detectors that look at their principal components: (N,), 1 = oddest.

    An isolation forest (Liu, Ting and Zhou, ICDM 2008), and Sp (Sugiyama and Borgwardt, NeurIPS 2013): the distance to
    the nearest of a few rows that were drawn, here its mean over several draws. A row that was drawn itself is measured
    against the others.
    """
    reduced = PCA(min(components, *features.shape), svd_solver="covariance_eigh").fit_transform(features)
    forest = -IsolationForest(random_state=0).fit(reduced).score_samples(reduced)
    random = np.random.default_rng(0)
    nearest = np.zeros(len(reduced))
    for _ in range(SAMPLES):
        drawn = random.choice(len(reduced), min(SAMPLE, len(reduced) - 1), replace=False)
        distances = cdist(reduced, reduced[drawn])  # (N, S)
        distances[drawn, np.arange(len(drawn))] = np.inf
        nearest += distances.min(1)
    return np.mean([rankdata(scores) - 1 for scores in (forest, nearest)], axis=0) / (len(reduced) - 1)


def extremes(scores: Tensor, anomalous: float, normal: float) -> tuple[Tensor, Tensor]:
    """Indices of the given shares of the highest and of the lowest scores (N,), at least one of each, none in both."""
    order = scores.argsort(descending=True, stable=True)
    top = max(1, round(anomalous * len(order)))
    return order[:top], order[max(top, len(order) - max(1, round(normal * len(order)))) :]


@in_float32
def regressed(inputs: Tensor, anomalous: Tensor, normal: Tensor, epochs: int, seed: int) -> Tensor:
    """Train a network to give 1 to some rows and 0 to others, and say what it gives to all of them.

    Args:
        inputs: rows (N, D), of mean 0 and spread 1.
        anomalous: indices of rows to be given 1.
        normal: indices of rows to be given 0.
        epochs: of the training.
        seed: of its first weights and order; nothing else draws from it, and nothing that was drawn before matters.

    Returns:
        (N,).
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(seed)  # the CPU's alone: a device's goes on as it was
        network = nn.Sequential(nn.Linear(inputs.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        orders = [torch.randperm(len(anomalous) + len(normal)) for _ in range(epochs)]
        network.to(inputs)
        optimizer = torch.optim.Adam(network.parameters(), RATE)
        rows = inputs[torch.cat([anomalous, normal])].detach()
        targets = torch.cat([inputs.new_ones(len(anomalous)), inputs.new_zeros(len(normal))])
        for order in orders:
            for part in torch.split(order.to(inputs.device), BATCH):
                descend(optimizer, (network(rows[part]).squeeze(1) - targets[part]).abs().mean())
    with torch.no_grad():
        return network(inputs).squeeze(1)
