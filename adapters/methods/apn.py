"""APN: learning normalcy with attention prototypes (Hu et al., arXiv 2108.11055), and what we make of it.

A U-Net predicts the fifth frame from four. A circulative attention unit (CAU: reduce, criss-cross attention run R
times with shared weights, fuse with the local feature) widens what its deepest features see. From the finest map the
attention prototype unit (APU) makes M attention maps, pools M prototypes and rebuilds every pixel from them; a head
turns the sum into the frame. Two cues: frame prediction (FP) and feature reconstruction (FR).

`apn[paper]` is the paper's. What goes by `apn` differs in four options: the head paints the change from the frame
before; FR, which says little of an unseen camera, has no weight; a cue of motion stands beside FP; and both are divided
by what the source's perspective makes of them. What chose each, and that motion and perspective were found on five of
the cameras they are measured on: results/cameras.md.

The paper leaves much open and contradicts itself and its own code (that code, as it is: `apn-released`). Each ambiguity
is resolved once, in `Options`, whose texts say what the paper prints. One default of both is ours and not the paper's:
with its own, all prototypes of an image become the same vector (`temperature`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from crossvad.adapters.base import Versions
from crossvad.adapters.methods.prototype_predictor import Encoded, Prediction, PrototypePredictor
from crossvad.adapters.nets.attention import CirculativeAttention
from crossvad.adapters.nets.losses import PATCH, pixel_norm
from crossvad.adapters.nets.prototypes import absolute_distance, closeness, covariance, diversity, prototype_unit
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, encoder_blocks
from crossvad.adapters.options import Budget, Schedule, option

RESOLUTIONS = ("1/1", "1/2", "1/4")  # of the map that the APU stands on, finest first


@dataclass(frozen=True)
class Options:
    """What the paper varies, what it leaves open, and what we add."""

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {"predicts": "frame", "score": 1.0, "motion": 0.0, "perspective": "none"},
    }

    prototypes: int = option(10, "M; 0 leaves the APU out: the AE of Table 4", minimum=0)
    cycles: int = option(2, "R, runs of the criss-cross attention; 0 leaves the CAU out", minimum=0)
    resolution: Literal["1/1", "1/2", "1/4"] = option("1/1", "of the APU's map (Table 6)")
    levels: int = option(4, "resolutions of the U-Net: 'same as [22, 37]' (MNAD, MPN) is 4; the code has 3", minimum=2)
    attention: Literal["deepest", "finest"] = option("deepest", "CAU after the encoder (figure) or the decoder (text)")
    weights: Literal["softmax", "ratio"] = option("softmax", "of maps over pixels; printed: 'w / sum w'")
    temperature: float = option(
        0.05, "divides the logits of both softmaxes; the paper has 1, where prototypes collapse", minimum=1e-3
    )
    predicts: Literal["frame", "change"] = option(
        "change", "what the head paints: the frame (paper), or its change from the one before, which needs no scenery"
    )
    frame: Literal["squared", "norm"] = option("squared", "L_fra: mean squared error (code), or each pixel's 2-norm")
    distance: Literal["squared", "absolute"] = option("squared", "L_c, to the nearest prototype; printed: '|x - p|'")
    apart: Literal["hinge", "mean"] = option(
        "hinge", "L_d, of squared distances: hinge, with margin 1 (text), or their mean; printed: a mean without square"
    )
    compactness: float = option(1.0, "lambda 1", minimum=0)
    diversity: float = option(0.01, "lambda 2", minimum=0)
    covariance: float = option(
        0.01, "lambda 3, of the mean squared off-diagonal covariance: 'cov' is not defined", minimum=0
    )
    score: float = option(
        0.0, "lambda of the fused score: weight of FR beside FP; the paper's is 1", trains=False, minimum=0
    )
    motion: float = option(
        1.0, "weight beside FP of a cue that is ours: how fast what the clip shows moves", trains=False, minimum=0
    )
    perspective: Literal["none", "source"] = option(
        "source",
        "source: what errors and speeds are divided by, row by row, as things are larger where they are nearer",
    )
    calibrate: Literal["none", "scene"] = option(
        "none", "divide the error map by what the support set leads to expect there", trains=False
    )
    pool: Literal["mean", "p99", "patch"] = option(
        "mean", "of the error map into FP: mean (paper), 99th percentile, worst 8 x 8 mean", trains=False
    )
    scales: tuple[float, ...] = option(
        (1.0,),
        "multi-scale testing (Table 2), such as 1,0.5,0.25: shares of the frames' size over which FP and FR, in dB, "
        "are means; the paper does not say how it does it",
        trains=False,
        above=0,
        maximum=1,
    )

    def __post_init__(self) -> None:
        """Refuse a map that the U-Net does not have."""
        if self.levels <= RESOLUTIONS.index(self.resolution):
            raise ValueError(f"levels = {self.levels} leaves no map at resolution {self.resolution}")


class Apn(PrototypePredictor):
    """The attention prototype network; 13 699 748 parameters at width 64 in RGB, of which 113 731 adapt."""

    Options = Options
    paper = "Hu et al., arXiv 2108.11055"
    licence = "none"
    versions = Versions(score=2)
    published = Schedule(130_000, 4, 1e-4, "adamw", "none")  # rate and batch of the paper, length of the code
    deviations = (
        "but as `apn[paper]` it is not the paper's: it predicts the change of a frame, divides errors by the source's "
        "perspective, and scores motion in the place of features",
        "the paper's 'ResNet-50' and '14.68 M' fit neither its equations nor its code: the U-Net is MPN's, as its row "
        "without APU is MPN's row without DPU, digit for digit",
        "temperature 0.05, where the paper has none (1) and its prototypes are one and the same vector",
        "no episodes in training: meta-learning is a tuning (metasgd), over the same frozen U-Net",
        "one training of 130 000 steps, the length of the code's checkpoint (210 epochs of Ped2): the paper trains the "
        "AE, then the APU alone for 1000 epochs (not measured)",
        "lambda 1 weighs L_c alone, as in the code: the paper's weighs L_c, L_d and L_cov (no difference at its 1)",
        "apart=mean is of squared distances: printed are distances, which push near prototypes harder",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        o = options or Options()
        if budget.size % 2 ** (o.levels - 1):
            raise ValueError(f"levels = {o.levels} halves frames of {budget.size} pixels {o.levels - 1} times")
        multiple = max(PATCH, 2 ** (o.levels - 1))  # pixels: the U-Net halves its input so often
        super().__init__(
            budget,
            o,
            pool=o.pool,
            calibrates=o.calibrate == "scene",
            perspective=o.perspective == "source",
            motion=o.motion > 0,
            scales=o.scales,
            multiple=multiple,
        )
        width, halvings = budget.width, RESOLUTIONS.index(o.resolution)
        deepest = width * 2 ** (o.levels - 1)  # channels there
        # Channels halve with every stage of the decoder but the last, which leaves skip and features side by side.
        mapped = width * 2 ** max(halvings, 1)  # channels of the APU's map
        self.unit_stage = o.levels - halvings  # of the decoder, which the APU stands before
        blocks = encoder_blocks(4 * budget.channels, width, o.levels, last_activation=False)
        decoder = Decoder(width, o.levels, entry=deepest)
        prototypes = prototype_unit(mapped, o.prototypes, o.temperature, o.weights)
        head = Head(width, budget.channels)
        # Drawn last: with one seed, what `cycles` and `attention` change is the attention, and no other weight.
        attention = [*(nn.Identity() for _ in blocks[1:]), _attention(o, "deepest", deepest)]
        self.encoder, self.decoder = Encoder(blocks, attention), decoder
        self.attend, self.prototypes, self.head = _attention(o, "finest", mapped), prototypes, head

    @property
    def fusion(self) -> dict[str, float]:
        """FP + lambda FR, and motion if it is a cue."""
        weights = {"prediction": 1.0, "feature": self.options.score}
        return weights | ({"motion": self.options.motion} if self.motion else {})

    def encode(self, clips: Tensor) -> Encoded:
        """Run steps 1 to 3, which adaptation leaves as they are."""
        frames = clips[:, :-1].flatten(1, 2)  # (B, 4C, H, W)
        # 1. Encode: the skips (B, w, H, W), (B, 2w, H/2, W/2), (B, 4w, H/4, W/4), the deepest map (B, 8w, H/8, W/8).
        *skips, deepest = self.encoder(frames)
        # 2. CAU on the deepest map, as the figure has it: (B, 8w, H/8, W/8).
        deepest = self.encoder.bottleneck(deepest)
        # 3. Decode up to the APU's map, where the CAU stands in the text: (B, 2w, H, W).
        features = self.attend(self.decoder(deepest, skips, stop=self.unit_stage))
        finer = tuple(skips[: self.decoder.stages - self.unit_stage])
        return Encoded(self.prototypes.units_(features), clips[:, -2], clips[:, -1], finer, self.seen_speed(clips))

    def predict(self, clips: Tensor | Encoded) -> Prediction:
        """Predict the fifth frame of clips (B, 5, C, H, W): steps 4 and 5 after `encode`."""
        features, last, target, finer, _ = self.encoded(clips)
        # 4. APU: features rebuilt (B, 2w, H, W) from the image's prototypes (B, M, 2w), by maps (B, H * W, M).
        retrieval = self.prototypes.retrieve(features)
        # 5. Head, after what a coarser APU left to decode: (B, C, H, W).
        if self.unit_stage == self.decoder.stages:
            frame = self.head(retrieval)
        else:
            frame = self.head(self.decoder(retrieval.features, finer, start=self.unit_stage))
        return Prediction(frame + last if self.options.predicts == "change" else frame, target, retrieval)

    def loss(self, clips: Tensor | Encoded) -> Tensor:
        """Frame, compactness, diversity and covariance losses (L_fra, L_c, L_d and L_cov)."""
        o = self.options
        prediction, target, retrieval = self.predict(clips)
        residual, prototypes = prediction - target, retrieval.prototypes
        frame = residual.square().mean() if o.frame == "squared" else pixel_norm(residual).mean()
        squared = o.distance == "squared" or not self.prototypes.count  # without prototypes, it is zero
        near = retrieval.distance if squared else absolute_distance(retrieval.units, prototypes)
        apart = diversity(prototypes) if o.apart == "hinge" else closeness(prototypes)
        return frame + o.compactness * near.mean() + o.diversity * apart + o.covariance * covariance(prototypes)


def _attention(options: Options, level: str, channels: int) -> nn.Module:
    """Build the CAU if this is the level for it, and what changes nothing if not."""
    here = options.cycles and options.attention == level
    return CirculativeAttention(channels, options.cycles) if here else nn.Identity()
