"""MPN: dynamic prototypes that are meta-learned to adapt to a scene (Lv et al., CVPR 2021).

MNAD's U-Net without batch norm; on its finest feature map the dynamic prototype unit (DPU, the same as APN's APU) pools
M prototypes and rebuilds every pixel from them. Its unsupervised recipe trains everything on all losses. Its few-shot
recipe freezes the U-Net after training on the frame loss alone, and meta-learns the unit and the head with a step size
for each of their elements (Meta-SGD):

    --method 'mpn[training=frame]' --tuning 'metasgd[learning_rate=1e-6,meta_learning_rate=1e-6,support=2,query=2]'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from crossvad.adapters.methods.prototype_predictor import Encoded, Prediction, PrototypePredictor
from crossvad.adapters.nets.prototypes import diversity, prototype_unit
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, encoder_blocks
from crossvad.adapters.options import Budget, Schedule, option

LEVELS = 4


@dataclass(frozen=True)
class Options:
    """The paper's hyper-parameters, and where its two scripts differ."""

    prototypes: int = option(10, "M; 0 leaves the DPU out", minimum=0)
    training: Literal["all", "frame"] = option("all", "losses before meta-learning: all, or the frame's (few-shot)")
    compactness: float = option(1.0, "weight of the distance to the nearest prototype, in training", minimum=0)
    diversity: float = option(1e-4, "weight of the hinge between prototypes, in training", minimum=0)
    adaptation: float = option(0.1, "weight of both on a support set (code)", minimum=0)
    score: Literal["unsupervised", "few-shot"] = option(
        "unsupervised", "0.5 : 0.5 with FR in dB; or the few-shot script's 0.7 : 0.3 with FR's sign turned, by mistake"
    )


class Mpn(PrototypePredictor):
    """The meta prototype network; 13 285 251 parameters at width 64 in RGB, of which 113 731 adapt."""

    Options = Options
    paper = "Lv et al., CVPR 2021"
    licence = "none"
    published = Schedule(16_000, 4, 1e-4, "adam", "none")  # 1000 passes over Ped2's 16 videos, a step each
    deviations = (
        "training clips are drawn one by one: in the code the four clips of a step are of one video",
        "support clips of an episode are consecutive, as at test time: the code draws them at random from a segment",
        "1000 passes over the videos, the code's default: the paper has 60 epochs (not measured)",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options or Options())
        width = budget.width
        self.encoder = Encoder(encoder_blocks(4 * budget.channels, width, LEVELS, last_activation=False))
        self.decoder = Decoder(width, LEVELS, entry=8 * width)
        self.prototypes = prototype_unit(2 * width, self.options.prototypes)
        self.head = Head(width, budget.channels)

    @property
    def fusion(self) -> dict[str, float]:
        """Both cues weigh the same, or as in the few-shot script."""
        return {"prediction": 0.7, "feature": -0.3} if self.options.score == "few-shot" else super().fusion

    def encode(self, clips: Tensor) -> Encoded:
        """Run steps 1 and 2, the U-Net, which adaptation leaves as it is."""
        frames = clips[:, :-1].flatten(1, 2)  # (B, 4C, H, W)
        # 1. Encode: the skips (B, w, H, W), (B, 2w, H/2, W/2), (B, 4w, H/4, W/4), the deepest map (B, 8w, H/8, W/8).
        *skips, deepest = self.encoder(frames)
        # 2. Decode: (B, 2w, H, W).
        features = self.decoder(deepest, skips)
        return Encoded(self.prototypes.units_(features), clips[:, -2], clips[:, -1])

    def predict(self, clips: Tensor | Encoded) -> Prediction:
        """Predict the fifth frame of clips (B, 5, C, H, W): steps 3 and 4 after `encode`."""
        encoded = self.encoded(clips)
        # 3. DPU: features rebuilt (B, 2w, H, W) from prototypes (B, M, 2w), by maps (B, H * W, M).
        retrieval = self.prototypes.retrieve(encoded.features)
        # 4. Head: (B, C, H, W).
        frame = self.head(retrieval)
        return Prediction(frame, encoded.target, retrieval)

    def losses(self, clips: Tensor | Encoded, compactness: float, weight: float) -> Tensor:
        """Add the frame loss and the unit's two terms by the given weights."""
        prediction, target, retrieval = self.predict(clips)
        unit = compactness * retrieval.distance.mean() + weight * diversity(retrieval.prototypes)
        return (prediction - target).square().mean() + unit

    def loss(self, clips: Tensor | Encoded) -> Tensor:
        """Compute what trains the network before any meta-learning: all terms, or the frame loss alone."""
        return self.losses(clips, 0, 0) if self.options.training == "frame" else self.meta_loss(clips)

    def meta_loss(self, clips: Tensor | Encoded) -> Tensor:
        """Compute what meta-learning lowers: all terms."""
        return self.losses(clips, self.options.compactness, self.options.diversity)

    def adaptation_loss(self, clips: Tensor | Encoded) -> Tensor:
        """Compute what the steps on a support set lower; its weights are the code's."""
        return self.losses(clips, self.options.adaptation, self.options.adaptation)

    def feature_cue(self, distance: Tensor) -> Tensor:
        """Turn mean distances (B,) into the feature cue: dB, or the few-shot script's distances as they are."""
        return distance if self.options.score == "few-shot" else super().feature_cue(distance)
