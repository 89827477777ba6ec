"""What APN and MPN share: they predict the fifth frame from features rebuilt out of the image's own prototypes.

Two cues: how badly the frame is predicted (the papers' FP), and how far features lie from their nearest prototype (FR).
A third is ours: how fast what is in the clip moves. Each method builds its parts, of these names, and runs them:
`encode` up to the prototype unit, `predict` from there on.
"""

from __future__ import annotations

from abc import abstractmethod
from statistics import median
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.losses import decibel, pool_error, smoothed, squared_error
from crossvad.adapters.nets.motion import SLOWEST, flow_speed, measurable, nearness, scale_slope
from crossvad.adapters.nets.prototypes import NoPrototypes, PrototypeUnit, likeness
from crossvad.adapters.nets.retrieval import Retrieval
from crossvad.adapters.nets.unet import Decoder, Encoder, Head
from crossvad.adapters.options import Budget
from crossvad.adapters.portions import at_once, together
from crossvad.datasets.clips import ClipSource

NO_DISTANCE = 1e-20  # of features to their nearest prototype, which may be far nearer than frames are ever predicted
SMOOTH = 0.25  # of a frame's side: what a map of expected errors is averaged over
# A source's perspective is measured on so many scenes at most, so many episodes of each at least, of 8 clips each.
SCENES, EPISODES, CLIPS = 64, 8, 8


class Encoded(NamedTuple):
    """The part of a prediction that no adaptation changes."""

    features: Tensor  # (B, C, h, w), what the prototype unit stands on, as its `units` returned it
    last: Tensor  # (B, C, H, W), the last frame that goes in
    target: Tensor  # (B, C, H, W), the frame to be predicted
    finer: tuple[Tensor, ...] = ()  # skips of the decoder's stages after the unit, finest first; none on the finest map
    speed: tuple[Tensor, ...] = ()  # (B, h, w) squared, of what the clips show, where that is a cue


class Pyramid(NamedTuple):
    """Frames encoded at several sizes: scores are means over them, and all else is of the size that was trained on."""

    whole: Encoded
    scaled: tuple[Encoded, ...]  # one a scale


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
    """Four frames in, the fifth out, scored by two cues; adaptation moves the prototype unit and the head alone."""

    adapts_by_mean = True
    encoder: Encoder
    decoder: Decoder
    prototypes: PrototypeUnit | NoPrototypes
    head: Head
    expected: Tensor  # (H, W), the squared error to be expected of a scene; 1 until `calibrate` measures it
    slope: Tensor  # (), how much larger things are at the bottom, as `scale_slope` has it; 0 until `fit` measures it

    def __init__(
        self,
        budget: Budget,
        options: Any,
        *,
        pool: Literal["mean", "p99", "patch"] = "mean",
        calibrates: bool = False,
        perspective: bool = False,
        motion: bool = False,
        scales: tuple[float, ...] = (1.0,),
        multiple: int = 1,
    ) -> None:
        """Declare the clips and how errors become a cue; the parts are the method's to build.

        Args:
            budget: size of the frames and of the network.
            options: the method's own.
            pool: how an error map becomes one number, as `pool_error` takes it.
            calibrates: divide errors by what the support set leads to expect.
            perspective: divide errors and speeds by what nearness makes of them, as measured on the source.
            motion: score how fast things move, too.
            scales: shares of the frames' size at which they are scored; scores are means over them.
            multiple: what height and width of the network's input must be a multiple of.
        """
        super().__init__(budget, options, frames=5)
        self.pool, self.calibrates, self.scales, self.multiple = pool, calibrates, scales, multiple
        self.perspective, self.motion = perspective, motion
        self.register_buffer("expected", torch.ones(()), persistent=False)
        self.register_buffer("slope", torch.zeros(()), persistent=perspective)

    @abstractmethod
    def encode(self, clips: Tensor) -> Encoded:
        """Run the frozen part on clips (B, T, C, H, W), up to the prototype unit."""

    @abstractmethod
    def predict(self, clips: Tensor | Encoded) -> Prediction:
        """Predict the last frame of clips (B, T, C, H, W), or of what `encode` made of them."""

    def after_training(self, source: ClipSource) -> None:
        """Measure the source's perspective, if that counts."""
        if self.perspective:
            self.slope.fill_(source_slope(source))

    def seen_speed(self, clips: Tensor) -> tuple[Tensor, ...]:
        """Squared speeds (B, h, w) of what clips show, for `Encoded`, if they are a cue."""
        return (flow_speed(measurable(clips)),) if self.motion else ()

    def encoded(self, clips: Tensor | Encoded | Pyramid) -> Encoded:
        """Encode clips unless they are encoded already."""
        if isinstance(clips, Pyramid):
            return clips.whole
        return self.encode(clips) if isinstance(clips, Tensor) else clips

    @property
    def fusion(self) -> dict[str, float]:
        """Both cues weigh the same."""
        return {"prediction": 0.5, "feature": 0.5}

    @torch.no_grad()
    def frozen_features(self, clips: Tensor) -> Encoded | Pyramid:
        """Encode clips (B, T, C, H, W): all before the prototype unit is frozen in adaptation.

        On a CPU they come a few at a time, for maps of many would fill memory.
        """
        step = at_once(self) if clips.device.type == "cpu" else max(1, len(clips))
        return together([self._frozen_features(few) for few in torch.split(clips, step)])

    def _frozen_features(self, clips: Tensor) -> Encoded | Pyramid:
        """Encode clips (B, T, C, H, W) at every scale."""
        whole = self.encode(clips)
        if self.scales == (1.0,):
            return whole
        sizes = [scaled(clips, scale, self.multiple) for scale in self.scales]
        return Pyramid(whole, tuple(whole if size is clips else self.encode(size) for size in sizes))

    @torch.no_grad()
    def score(self, clips: Tensor | Encoded | Pyramid) -> CueScores:
        """{"prediction": (B,), "feature": (B,), "motion": (B,)}: two squared errors and a squared speed, in dB.

        No feature without prototypes, no motion unless it is asked for. With several scales each is the mean over them.
        """
        features = self.frozen_features(clips) if isinstance(clips, Tensor) else clips
        scores = [self._score(size) for size in (features.scaled if isinstance(features, Pyramid) else [features])]
        return {cue: torch.stack([score[cue] for score in scores]).mean(0) for cue in scores[0]}

    def _score(self, features: Encoded) -> CueScores:
        """All cues at one size of the frames."""
        prediction = self.predict(features)
        near = nearness(self.slope, prediction.frame.shape[2])  # (h, 1), 1 unless the source's perspective counts
        error = prediction.error / near  # (B, h, w)
        expected = self.expected
        if expected.dim():  # it was measured at the size that was trained on
            expected = adaptive_avg_pool2d(expected.unsqueeze(0), (error.shape[1], error.shape[2]))  # (1, h, w)
        scores = {"prediction": decibel(pool_error(error / expected, self.pool))}
        if self.prototypes.count:
            scores["feature"] = self.feature_cue(prediction.retrieval.distance.mean((1, 2)))
        for speed in features.speed:
            near = nearness(self.slope, speed.shape[1])
            scores["motion"] = decibel((speed / near).mean((1, 2)), SLOWEST)
        return scores

    @torch.no_grad()
    def calibrate(self, clips: Tensor | Encoded) -> None:
        """Measure how large errors are where, if this method calibrates: errors then count in proportion to it."""
        if self.calibrates:
            error = self.predict(clips).error.mean(0) / nearness(self.slope, self.clip.size[0])  # (H, W)
            # A few clips know little of a single pixel: half of what is expected there is the scene's mean.
            self.expected = (smoothed(error, SMOOTH) + error.mean()) / 2

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Squared error of the prediction, (B, H, W), by the row it is in where the source's perspective counts."""
        return self.predict(clips).error / nearness(self.slope, self.clip.size[0])

    @torch.no_grad()
    def predicted_frames(self, clips: Tensor) -> Tensor:
        """The frame predicted in the place of each clip's last, (B, C, H, W) in the clips' range."""
        return self.predict(clips).frame

    @torch.no_grad()
    def attention_maps(self, clips: Tensor) -> tuple[Tensor, Tensor] | None:
        """Attention maps of the prototype unit, and distances to the nearest prototype; None without prototypes.

        Returns:
            The maps (B, M, h, w), >= 0, whose weights sum to 1 over the pixels of a map, and the mean squared distances
            (B, h, w) from a pixel's features to their nearest prototype.
        """
        if not self.prototypes.count:
            return None
        retrieval = self.predict(clips).retrieval
        batch, height, width = retrieval.distance.shape
        return retrieval.attention.transpose(1, 2).reshape(batch, -1, height, width), retrieval.distance

    def feature_cue(self, distance: Tensor) -> Tensor:
        """Turn mean distances (B,) of images to their nearest prototypes into the feature cue: dB."""
        return decibel(distance, NO_DISTANCE)

    def diagnostics(self, clips: Tensor) -> dict[str, float]:
        """How alike the prototypes are."""
        return likeness(self.predict(clips).retrieval.prototypes) if self.prototypes.count > 1 else {}

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        """The prototype maps and the head, over a frozen U-Net, as in MPN's few-shot recipe."""
        return {name: p for name, p in self.named_parameters() if name.startswith(("prototypes.", "head."))}


def source_slope(source: ClipSource) -> float:
    """Measure the `scale_slope` of a source's cameras: the median over its scenes."""
    slopes, episodes = [], max(EPISODES, SCENES // len(source.scenes))
    for videos in source.scenes[:: -(-len(source.scenes) // SCENES)]:  # evenly spread
        owners = (videos[draw % len(videos)] for draw in range(episodes))
        slopes.append(scale_slope(measurable(torch.cat([source.episode(1, CLIPS, owner)[1] for owner in owners]))))
    return median(slopes)


def scaled(clips: Tensor, scale: float, multiple: int) -> Tensor:
    """Resize clips (B, T, C, H, W) to a share of their size: to the nearest multiple of so many pixels, at least one.

    A pixel becomes the mean of those that it covers.
    """
    size = [max(1, int(side * scale / multiple + 0.5)) * multiple for side in clips.shape[3:]]
    if size == list(clips.shape[3:]):
        return clips
    return interpolate(clips.flatten(0, 1), size, mode="area").view(*clips.shape[:3], *size)
