"""What APN and MPN share: a U-Net that predicts the next frame from features rebuilt out of the image's own prototypes.

Two cues: how badly the frame is predicted (the papers' FP), and how far features lie from their nearest prototype (FR).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.losses import decibel, pool_error, smoothed, squared_error
from crossvad.adapters.nets.prototypes import NoPrototypes, PrototypeUnit, Retrieval, likeness
from crossvad.adapters.nets.unet import Decoder, Encoder, Head
from crossvad.adapters.options import Budget

SMOOTH = 0.25  # of a frame's side: what a map of expected errors is averaged over


class Encoded(NamedTuple):
    """What of some clips no adaptation changes."""

    features: Tensor  # (B, C, h, w), what the prototype unit stands on
    finer: tuple[Tensor, ...]  # skips that the decoder reads after it, finest first; none at full resolution
    last: Tensor  # (B, C, H, W), the last frame that goes in
    target: Tensor  # (B, C, H, W), the one to be predicted


class Prediction(NamedTuple):
    """A predicted frame beside the real one, and how it came about."""

    frame: Tensor  # (B, C, H, W)
    target: Tensor  # (B, C, H, W)
    retrieval: Retrieval

    @property
    def error(self) -> Tensor:
        """Per-pixel squared error, (B, H, W)."""
        return squared_error(self.frame, self.target)


class PrototypePredictor(Adapter):
    """Four frames in, the fifth out. A method adds its options, its losses and where it attends."""

    expected: Tensor
    fusion = {"prediction": 0.5, "feature": 0.5}  # noqa: RUF012 - declared ClassVar in the base

    def __init__(
        self, budget: Budget, options: Any, levels: int, coarser: int = 0, bare: bool = False, **unit: Any
    ) -> None:
        """Build the parts.

        Args:
            budget: how large.
            options: the method's own, of which `prototypes` is read here.
            levels: resolutions of the U-Net.
            coarser: how many times the map that the prototype unit stands on is halved; 0 is full resolution.
            bare: the encoder's last convolution goes without ReLU, as in MNAD and MPN.
            unit: settings of the prototype unit.
        """
        super().__init__(budget, options, frames=5)
        width = budget.width
        self.change = getattr(options, "predicts", "frame") == "change"
        self.pool = getattr(options, "pool", "mean")
        self.stage = levels - coarser  # of the decoder, after which the unit stands
        self.encoder = Encoder(4 * budget.channels, width, levels, last_activation=not bare)
        self.decoder = Decoder(width, levels, entry=width * 2 ** (levels - 1))
        self.attend: nn.Module = nn.Identity()  # what a method does to the features before the unit sees them
        # Channels halve with every stage but the last, which leaves skip and features beside one another.
        self.unit_channels = width * 2 ** max(coarser, 1)
        self.prototypes: nn.Module = (
            PrototypeUnit(self.unit_channels, options.prototypes, **unit) if options.prototypes else NoPrototypes()
        )
        self.head = Head(width, budget.channels)
        self.register_buffer("expected", torch.ones(()), persistent=False)  # the error map, in a scene it was shown

    def encode(self, clips: Tensor) -> Encoded:
        """What the U-Net makes of clips (B, T, C, H, W), up to where the prototype unit stands."""
        *skips, deepest = self.encoder(clips[:, :-1].flatten(1, 2))
        features = self.attend(self.decoder(deepest, skips, stop=self.stage))
        finer = tuple(skips[: self.decoder.stages - self.stage])  # those that a stage after the unit reads
        return Encoded(features, finer, clips[:, -2], clips[:, -1])

    def predict(self, clips: Tensor | Encoded) -> Prediction:
        """The last frame from the ones before it, and what the prototype unit made of the features."""
        seen = self.encode(clips) if isinstance(clips, Tensor) else clips
        retrieval = self.prototypes(seen.features)
        painted = self.head(self.decoder(retrieval.features, list(seen.finer), start=self.stage))
        return Prediction(painted + seen.last if self.change else painted, seen.target, retrieval)

    @torch.no_grad()
    def frozen_features(self, clips: Tensor) -> Encoded:
        """The U-Net's features: adaptation moves the prototype unit and the head alone."""
        return self.encode(clips)

    @torch.no_grad()
    def score(self, clips: Tensor | Encoded) -> CueScores:
        """{"prediction": (B,), "feature": (B,)}: both squared errors in dB; without prototypes the first alone."""
        prediction = self.predict(clips)
        scores = {"prediction": decibel(pool_error(prediction.error / self.expected, self.pool))}
        if self.options.prototypes:
            scores["feature"] = self.feature_cue(prediction.retrieval.distance.mean((1, 2)))
        return scores

    @torch.no_grad()
    def calibrate(self, clips: Tensor | Encoded) -> None:
        """With option `calibrate`, take in how large errors are where: errors then count in proportion to it."""
        if getattr(self.options, "calibrate", "none") == "scene":
            error = self.predict(clips).error.mean(0)
            # A few clips know little of a single pixel: half of what is expected there is the scene's mean.
            self.expected = (smoothed(error, SMOOTH) + error.mean()) / 2

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """The squared error of the prediction."""
        return self.predict(clips).error

    def feature_cue(self, distance: Tensor) -> Tensor:
        """The feature cue of images with these mean distances (B,) to their nearest prototypes: in dB."""
        return decibel(distance)

    def diagnostics(self, clips: Tensor) -> dict[str, float]:
        """How alike the prototypes are."""
        return likeness(self.predict(clips).retrieval.prototypes) if self.options.prototypes > 1 else {}

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        """The prototype maps and the head, over a frozen U-Net (MPN, Section 3.3)."""
        return {name: p for name, p in self.named_parameters() if name.startswith(("prototypes.", "head."))}
