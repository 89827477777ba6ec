"""ConvAE: an autoencoder of ten gray frames at once (Hasan et al., "Learning Temporal Regularity", CVPR 2016).

Two poolings squeeze the clip, and unpoolings, to where the maxima were, undo them. It is trained on clips of every
frame, of every second and of every third, so that it knows regular motion at three speeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, max_unpool2d

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.colours import gray
from crossvad.adapters.options import Budget, Schedule, option
from crossvad.adapters.published import EVALUATIONS

FRAMES, SCORED = 10, 5
FULL_WIDTH = 64  # a budget's width at which layers have the published 512, 256 and 128 channels
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


@dataclass(frozen=True)
class Options:
    """What readers of the paper disagree on."""

    activation: Literal["tanh", "relu"] = option("tanh", "after every layer but the last: tanh (paper), ReLU (ports)")
    strides: tuple[int, ...] = option((1, 2, 3), "training clips take every so-manieth frame", minimum=1, maximum=8)


class ConvAe(Adapter):
    """The convolutional autoencoder; 8 384 138 parameters at width 64. A clip's score is for its sixth frame."""

    Options = Options
    paper = "Hasan et al., CVPR 2016"
    licence = "none"
    last_layers = ("rebuild3.",)
    published = Schedule(150_000, 32, 1e-2, "adagrad", "none")
    published_evaluation = EVALUATIONS["convae"]
    deviations = (
        "frames are square, of a multiple of 16 pixels, the first layer and the last padded by 4: the paper's are of "
        "227 pixels, which need no padding",
        "one score a clip, for its sixth frame: the paper's is of all ten at once, and its clips overlap",
        "schedule, initialisation and the scale of frames are recalled, not read: the authors' Caffe code was not at "
        "hand, and ports differ (15 x 15 and 4 x 4 kernels, batch norm, learned up-convolutions)",
        "no weight decay: the paper has some, of a size that is not in hand",
        "colour budgets are turned to gray, as the paper's input is",
        "adapts to a scene, by all of its parameters: its authors adapt nothing",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=FRAMES, scored=SCORED)
        if budget.size % 16:
            raise ValueError(f"frames of {budget.size} pixels are not halved four times evenly")
        wide, mid, deep = (channels * budget.width // FULL_WIDTH for channels in (512, 256, 128))
        self.squeeze1 = nn.Conv2d(FRAMES, wide, 11, 4, padding=4)
        self.squeeze2 = nn.Conv2d(wide, mid, 5, padding=2)
        self.squeeze3 = nn.Conv2d(mid, deep, 3, padding=1)
        self.rebuild1 = nn.ConvTranspose2d(deep, mid, 3, padding=1)
        self.rebuild2 = nn.ConvTranspose2d(mid, wide, 5, padding=2)
        self.rebuild3 = nn.ConvTranspose2d(wide, FRAMES, 11, 4, padding=4, output_padding=1)
        self.activation = ACTIVATIONS[self.options.activation]()

    @property
    def training_strides(self) -> tuple[int, ...]:
        """The three speeds at which it is shown regular motion."""
        return tuple(self.options.strides)

    def reconstruct(self, frames: Tensor) -> Tensor:
        """Rebuild ten gray frames, (B, 10, H, W) both."""
        act = self.activation
        # Squeeze: (B, 8w, H/4, W/4), pooled; (B, 4w, H/8, W/8), pooled; the code (B, 2w, H/16, W/16).
        pooled, places1 = max_pool2d(act(self.squeeze1(frames)), 2, return_indices=True)
        pooled, places2 = max_pool2d(act(self.squeeze2(pooled)), 2, return_indices=True)
        code = act(self.squeeze3(pooled))
        # Rebuild: every layer first, then back to where the maxima were.
        rebuilt = max_unpool2d(act(self.rebuild1(code)), places2, (2, 2))  # (B, 4w, H/8, W/8)
        rebuilt = max_unpool2d(act(self.rebuild2(rebuilt)), places1, (2, 2))  # (B, 8w, H/4, W/4)
        whole: Tensor = self.rebuild3(rebuilt)  # (B, 10, H, W)
        return whole

    def loss(self, clips: Tensor) -> Tensor:
        """Half the mean squared error of all ten frames."""
        frames = gray(clips)
        return (self.reconstruct(frames) - frames).square().mean() / 2

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"reconstruction": (B,)}: squared error summed over the clip's pixels."""
        frames = gray(clips)
        return {"reconstruction": (self.reconstruct(frames) - frames).square().sum((1, 2, 3))}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Squared error in the sixth frame, (B, H, W)."""
        frames = gray(clips)
        return (self.reconstruct(frames) - frames)[:, SCORED].square()
