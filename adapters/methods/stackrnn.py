"""StackRNN: sparse codes of what a frozen backbone sees, which change as slowly as what is seen.

Luo, Liu and Gao, "A revisit of sparse coding based anomaly detection in stacked RNN framework" (ICCV 2017). A frame is
seen as the mean features of its whole, its quarters and its sixteenths, each of which is followed over time by itself.
A stacked RNN codes each by few atoms of a dictionary; what cannot be made of its code again is abnormal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.backbones import get_backbone
from crossvad.adapters.nets.frozen_source import FrozenSource
from crossvad.adapters.nets.overlaps import each_once
from crossvad.adapters.nets.sparse_codes import Last, SparseCodes, drawn
from crossvad.adapters.options import Budget, Schedule, option
from crossvad.adapters.published import EVALUATIONS
from crossvad.datasets.clips import ClipSource

FRAMES = 10
STRIDE = 32  # of the backbone's last map: 7 x 7 cells of an image of 224 pixels
PARTS = (1, 2, 4)  # to each side of a frame, level by level
FULL_WIDTH = 64  # a budget's width at which the dictionary has as many atoms as there are features
BATCH = 8  # clips at once through the backbone


@dataclass(frozen=True)
class Options:
    """What sees, how it is coded, and where the paper and the published code part."""

    backbone: str = option("efficientnet-lite0", "see `bench methods info knn`")
    layers: int = option(3, "K: of the RNN, steps of ISTA a frame", minimum=1)
    sparsity: float = option(0.1, "lambda 1, to begin with where it is learned", minimum=0)
    coherence: float = option(0.1, "lambda 2, to begin with where it is learned", minimum=0)
    first_layer: Literal["ista", "released"] = option(
        "ista", "a step of ISTA, as the paper derives it, or with lambda 2 in the place of 1, as the code has it"
    )
    feature_norm: float = option(
        20.0, "of the source's feature vectors, in the mean: distances over time are measured against 10", above=0
    )
    clips: int = option(200, "of the source, whose features are trained on", minimum=1)
    stateful: bool = option(
        False, "codes go on through a test video (code), in the place of ten frames from rest", trains=False
    )


class StackRnn(Adapter):
    """A stacked RNN of three layers and a decoder of its own; 8 388 611 parameters over 2048 features."""

    Options = Options
    paper = "Luo et al., ICCV 2017"
    licence = "none"
    last_layers = ("decoder.",)
    published = Schedule(20_000, 4, 1e-4, "rmsprop", "none")
    published_evaluation = EVALUATIONS["stackrnn"]
    tied: ClassVar[bool] = False  # the dictionary decodes, too, and is all that is learned
    deviations: ClassVar[tuple[str, ...]] = (
        "adapts to a scene, by all of its parameters: its authors adapt nothing",
        "features of EfficientNet-Lite0, trained on ImageNet (backbone=resnet50 and others): the paper's are of a "
        "ResNet-152 that was trained on UCF101, which is not to be had. They are stretched to a mean length of 20",
        "trained on the features of 200 clips of the source, again and again: authors keep all of them",
        "the first layer is a step of ISTA, as the paper derives it: the code takes lambda 2 for 1 there "
        "(first_layer=released)",
        "a frame is scored after nine others from rest, as in training, so that a clip's score is its own: the code "
        "goes on through a test video (stateful=true)",
        "the loss is the error alone, as the code has it: sparsity and coherence act through the layers, and the paper "
        "has both in the loss, too. RMSprop begins with a mean square of 0, and TensorFlow's with 1",
        "all of the frame's levels count, as in the code for Ped2, wherever it is: the code counts the whole frame "
        "alone on Avenue and ShanghaiTech",
    )
    scale: Tensor  # (), that features are multiplied by

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=FRAMES)
        o = self.options
        self.backbone = get_backbone(o.backbone, budget.size, STRIDE)
        features = self.backbone.features
        atoms = max(1, features * budget.width // FULL_WIDTH)
        self.codes = SparseCodes(
            features, atoms, o.layers, o.sparsity, o.coherence, not self.tied, o.first_layer == "ista"
        )
        self.decoder = None if self.tied else nn.Linear(atoms, features, bias=False)
        if self.decoder is not None:
            self.decoder.weight = nn.Parameter(drawn(features, atoms))
        self.register_buffer("scale", torch.ones(()))

    def frozen_features(self, clips: Tensor) -> Tensor:
        """Mean features of each part of the frames of clips (B, 10, C, H, W): (B, 10, parts, D), the whole first."""
        return each_once(clips, self.parts)

    def parts(self, frames: Tensor) -> Tensor:
        """Mean features of the parts of frames (N, C, H, W): (N, parts, D)."""
        maps = self.backbone(frames).relu()
        return torch.cat([averages(maps, side).flatten(2) for side in PARTS], 2).mT

    def before_training(self, source: ClipSource) -> FrozenSource:
        """Features of clips spread over the source, to be drawn from; they say what features are multiplied by."""
        seen = FrozenSource(source, self.frozen_features, self.options.clips, BATCH)
        self.scale.copy_(self.options.feature_norm / seen.features.norm(dim=3).mean().clamp_min(1e-9))
        return seen

    def errors(self, clips: Tensor) -> Tensor:
        """Half the squared error of each part, of clips or their features: (B, T, parts)."""
        return self._errors(clips if clips.dim() == 4 else self.frozen_features(clips))[0]

    def _errors(self, features: Tensor, last: Last | None = None) -> tuple[Tensor, Last]:
        """Errors (B, T, parts) of features (B, T, parts, D) that go on from a last moment, and their own last one."""
        sequences = (features * self.scale).transpose(1, 2).flatten(0, 1)  # (B * parts, T, D): each part by itself
        codes = self.codes(sequences, last)
        made = codes @ self.codes.dictionary.mT if self.decoder is None else self.decoder(codes)
        errors = (made - sequences).square().sum(2) / 2
        by_part = errors.view(len(features), -1, errors.shape[1]).transpose(1, 2)
        return by_part, Last(sequences[:, -1], codes[:, -1])

    def loss(self, clips: Tensor) -> Tensor:
        """Mean error of all parts and frames, of clips or their features: all that the code lowers.

        Sparsity and coherence act through the layers alone; the paper has both in the loss, too.
        """
        return self.errors(clips).mean()

    @property
    def scores_in_order(self) -> bool:
        """Only if codes are carried on."""
        return self.options.stateful

    def _score(self, errors: Tensor) -> CueScores:
        """Score errors (N, parts): the mean over levels, of each its worst part."""
        counts = [cells(self.backbone.side, side) ** 2 for side in PARTS]
        return {"reconstruction": torch.stack([level.amax(1) for level in torch.split(errors, counts, 1)]).mean(0)}

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"reconstruction": (B,)}, of clips or of their features: of the last frame."""
        return self._score(self.errors(clips)[:, -1])

    @torch.no_grad()
    def score_video(self, batches: Any) -> CueScores:
        """Scores of a video's clips in order, through which codes are carried if the options say so."""
        if not self.options.stateful:
            return super().score_video(batches)
        last: Last | None = None
        parts: list[Tensor] = []  # errors of the frames that are scored
        for clips in batches:
            features = self.frozen_features(clips)
            fresh = features[:, -1] if last else torch.cat([features[0], features[1:, -1]])  # frames not seen yet
            errors, last = self._errors(fresh.unsqueeze(0), last)
            parts.append(errors[0, -len(clips) :])
        return self._score(torch.cat(parts))

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Error of the smallest part that each cell of the backbone's map is in, (B, h, w)."""
        whole = self.backbone.side
        across, side = cells(whole, PARTS[-1]), -(-whole // PARTS[-1])
        errors = self.errors(clips)[:, -1, -(across**2) :].reshape(-1, across, across)
        return errors.repeat_interleave(side, 1).repeat_interleave(side, 2)[:, :whole, :whole]


def cells(side: int, parts: int) -> int:
    """Parts to each side that a map of so many cells is cut into, asked for so many: of 7 cells 4, of 5 three."""
    return -(-side // -(-side // parts))


def averages(maps: Tensor, parts: int) -> Tensor:
    """Mean of maps (N, D, H, W) over parts that are as large as can be, the last of what is left: (N, D, h, w)."""
    side = -(-maps.shape[2] // parts)
    return avg_pool2d(maps, side, side, ceil_mode=True)
