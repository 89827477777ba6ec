"""APN: attention prototypes over a frame-predicting U-Net (Hu et al., "APN").

A U-Net with two poolings predicts the fifth frame from four. A circulative attention unit (criss-cross attention run
twice) stands at each encoder level; the attention prototype unit pools M prototypes from the finest feature map and
rebuilds every pixel from them; a head turns the sum into the frame. Two cues: how badly the frame is predicted, and how
far features lie from their nearest prototype.

The paper leaves much open and contradicts its own code. What is chosen here, each time once:
* backbone, places of the attention, softmax over pixels as attention weights, sum of retrieval and input: the code's
  (3 364 022 parameters at width 64; the paper's "ResNet-50" and "14.68 M" fit neither);
* frame loss: mean squared error (paper, Eq. 4), without the code's 1e-4 SSIM term;
* compactness: mean squared distance to the nearest unit prototype (code; the paper's Eq. 7 prints an L1-like distance);
* diversity: hinge with margin 1 on squared distances (code), as the paper's unbounded negative mean has no minimum;
* covariance: mean squared off-diagonal covariance of the prototypes. The paper does not define its operator, and the
  code's term is a constant without a gradient;
* loss weights 1, 0.01, 0.01: the paper's; score weights 0.5, 0.5: the code's;
* adapted to a scene: prototype maps and head over a frozen U-Net, as in MPN, from which the paper takes its adaptation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, Budget, Schedule, Scores
from crossvad.adapters.nets.attention import CirculativeAttention
from crossvad.adapters.nets.losses import decibel, squared_error
from crossvad.adapters.nets.prototypes import PrototypeUnit, Retrieval, covariance, diversity
from crossvad.adapters.nets.unet import Decoder, Encoder, Head

LEVELS = 3


@dataclass(frozen=True)
class Options:
    """What the paper varies or leaves open."""

    prototypes: int = 10  # M
    cycles: int = 2  # R; 0 leaves the attention out
    compactness: float = 1.0  # lambda 1
    diversity: float = 0.01  # lambda 2
    covariance: float = 0.01  # lambda 3


class Apn(Adapter):
    """The attention prototype network."""

    Options = Options
    paper = "Hu et al., APN"
    published = Schedule(130_000, 4, 1e-4)  # 210 epochs of Ped2's 2 486 clips; learning rate of the paper
    fusion = {"prediction": 0.5, "feature": 0.5}  # noqa: RUF012 - declared ClassVar in the base

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=5)
        width = budget.width
        self.encoder = Encoder(4 * budget.channels, width, LEVELS)
        if self.options.cycles:
            self.encoder.attend = nn.ModuleList(
                CirculativeAttention(width * 2**level, self.options.cycles) for level in range(LEVELS)
            )
        self.decoder = Decoder(width, LEVELS, entry=width * 2 ** (LEVELS - 1))
        self.prototypes = PrototypeUnit(2 * width, self.options.prototypes)
        self.head = Head(width, budget.channels)

    def predict(self, clips: Tensor) -> tuple[Tensor, Retrieval]:
        """The last frame (B, C, H, W) from the ones before it, and what the prototype unit made of the features."""
        *skips, deepest = self.encoder(clips[:, :-1].flatten(1, 2))
        retrieval = self.prototypes(self.decoder(deepest, skips))
        return self.head(retrieval.features), retrieval

    def loss(self, clips: Tensor) -> Tensor:
        """Frame, compactness, diversity and covariance losses (Eq. 4 to 9)."""
        prediction, retrieval = self.predict(clips)
        return (
            (prediction - clips[:, -1]).square().mean()
            + self.options.compactness * retrieval.distance.mean()
            + self.options.diversity * diversity(retrieval.prototypes)
            + self.options.covariance * covariance(retrieval.prototypes)
        )

    @torch.no_grad()
    def score(self, clips: Tensor) -> Scores:
        """{"prediction": (B,), "feature": (B,)}: both mean squared errors in dB."""
        prediction, retrieval = self.predict(clips)
        return {
            "prediction": decibel(squared_error(prediction, clips[:, -1]).mean((1, 2))),
            "feature": decibel(retrieval.distance.mean((1, 2))),
        }

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        """The prototype maps and the head."""
        return {name: p for name, p in self.named_parameters() if name.startswith(("prototypes.", "head."))}
