"""APN as its authors published it in code, which is not what their paper describes (that: `apn`).

A U-Net with two poolings; after each encoder level the same criss-cross attention runs twice, its input is added once
more, and the skips carry the result. All modules train together on one loss. Its covariance term is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from crossvad.adapters.methods.prototype_predictor import Encoded, Prediction, PrototypePredictor
from crossvad.adapters.nets.attention import ResidualCrissCross
from crossvad.adapters.nets.losses import ssim
from crossvad.adapters.nets.prototypes import diversity, kernel_similarity, prototype_unit
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, encoder_blocks
from crossvad.adapters.options import Budget, Schedule, option

LEVELS = 3


@dataclass(frozen=True)
class Options:
    """The code's settings."""

    prototypes: int = option(10, "M", minimum=2)
    compactness: float = option(1.0, "weight of the distance to the nearest prototype", minimum=0)
    diversity: float = option(1e-4, "weight of the hinge between prototypes", minimum=0)
    covariance: float = option(1e-4, "weight of the kernel similarity, a constant without a gradient", minimum=0)
    ssim: float = option(1e-4, "weight of 1 - SSIM", minimum=0)


class ApnReleased(PrototypePredictor):
    """The published APN; 3 364 022 parameters at width 64 in RGB."""

    Options = Options
    paper = "Hu et al., code of arXiv 2108.11055"
    licence = "none"
    published = Schedule(130_000, 4, 1e-3, "adamw", "none")  # 210 epochs of Ped2's 2 486 clips
    deviations = (
        "adapts to a scene, by prototype maps and head: its code has no adaptation at all",
        "batches of 4, the code's default: its train.sh has 5 (not measured)",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options or Options())
        width = budget.width
        blocks = encoder_blocks(4 * budget.channels, width, LEVELS)
        decoder = Decoder(width, LEVELS, entry=4 * width)
        prototypes = prototype_unit(2 * width, self.options.prototypes)
        head = Head(width, budget.channels)
        # Drawn last, as in `apn`: with one seed, both start from the same U-Net where their levels are as many.
        attention = [ResidualCrissCross(width * 2**level) for level in range(LEVELS)]
        self.encoder, self.decoder = Encoder(blocks, attention), decoder
        self.prototypes, self.head = prototypes, head

    def encode(self, clips: Tensor) -> Encoded:
        """Run steps 1 to 3, which adaptation leaves as they are."""
        frames = clips[:, :-1].flatten(1, 2)  # (B, 4C, H, W)
        # 1. Encode, with RCA on each level: the skips (B, w, H, W), (B, 2w, H/2, W/2), the deepest (B, 4w, H/4, W/4).
        *skips, deepest = self.encoder(frames)
        # 2. RCA on the deepest map: (B, 4w, H/4, W/4).
        deepest = self.encoder.bottleneck(deepest)
        # 3. Decode: (B, 2w, H, W).
        features = self.decoder(deepest, skips)
        return Encoded(self.prototypes.units_(features), clips[:, -2], clips[:, -1])

    def predict(self, clips: Tensor | Encoded) -> Prediction:
        """Predict the fifth frame of clips (B, 5, C, H, W): steps 4 and 5 after `encode`."""
        encoded = self.encoded(clips)
        # 4. APU: features rebuilt (B, 2w, H, W) from the image's prototypes (B, M, 2w), by maps (B, H * W, M).
        retrieval = self.prototypes.retrieve(encoded.features)
        # 5. Head: (B, C, H, W).
        frame = self.head(retrieval)
        return Prediction(frame, encoded.target, retrieval)

    def loss(self, clips: Tensor | Encoded) -> Tensor:
        """Add frame error with SSIM, and the prototypes' compactness, hinge and constant kernel similarity."""
        o = self.options
        prediction, target, retrieval = self.predict(clips)
        frame = (prediction - target).square().mean() + o.ssim * (1 - ssim(prediction, target))
        apart = o.diversity * diversity(retrieval.prototypes)
        constant = o.covariance * kernel_similarity(retrieval.prototypes)
        return frame + o.compactness * retrieval.distance.mean() + apart + constant
