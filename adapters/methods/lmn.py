"""LMN, known as MNAD: learning memory-guided normality (Park et al., CVPR 2020), prediction and reconstruction.

A U-Net with batch norm; each vector of its deepest map asks a memory of M normal items, and goes on beside what it
read. The items are written by a rule and never by gradient. `lmn` predicts the fifth frame from four; `lmn-recon`
rebuilds a single frame, without skips. Two cues: the error of the frame, and the queries' distance to their nearest
item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, triplet_margin_loss

from crossvad.adapters.base import Adapter, CueScores, joined
from crossvad.adapters.nets.losses import decibel, squared_error, weighted_regular_error
from crossvad.adapters.nets.memory import ItemMemory
from crossvad.adapters.nets.memory_layout import laid_out_as
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, encoder_blocks
from crossvad.adapters.options import Budget, Schedule, option
from crossvad.adapters.published import EVALUATIONS

LEVELS = 4


@dataclass(frozen=True)
class Options:
    """The paper's hyper-parameters, prediction."""

    items: int = option(10, "M", minimum=2)
    compactness: float = option(0.1, "weight of the distance of queries to their nearest item", minimum=0)
    separateness: float = option(0.1, "weight of the triplet loss between nearest and second nearest item", minimum=0)
    largest: Literal["all", "own"] = option(
        "all",
        "update weights are divided by their maximum over all queries (code) or over the item's own (paper)",
    )
    test_update: bool = option(False, "go on writing the memory at test time with frames that pass the gate")
    gate: float = option(
        0.01, "threshold below which a frame's weighted regular error lets it into the memory", minimum=0
    )


@dataclass(frozen=True)
class ReconOptions(Options):
    """The paper's hyper-parameters, reconstruction."""

    compactness: float = option(0.01, "weight of the distance of queries to their nearest item", minimum=0)
    separateness: float = option(0.01, "weight of the triplet loss between nearest and second nearest item", minimum=0)
    gate: float = option(
        0.015, "threshold below which a frame's weighted regular error lets it into the memory", minimum=0
    )


class Lmn(Adapter):
    """Memory-guided prediction; 15 651 843 parameters at width 64 in RGB."""

    Options = Options
    paper = "Park et al., CVPR 2020"
    licence = "none"
    published = Schedule(37_000, 4, 2e-4, "adam", "cosine")  # 60 epochs of Ped2's 2 486 clips
    published_evaluation = EVALUATIONS["lmn"]
    deviations: ClassVar[tuple[str, ...]] = (
        "the memory stays as training left it unless test_update is set, and then starts anew with every video: the "
        "published one carries over, so that scores depend on the order of videos",
        "the learning rate decays at every step: the code's at every epoch (not measured)",
        "adapts to a scene, by all of its parameters: its authors adapt nothing but the memory",
    )
    cue: ClassVar[str] = "prediction"  # name of the frame's error
    splits_batches = False  # the memory takes in all queries of a batch at once

    def __init__(self, budget: Budget, options: Any = None, *, frames: int = 5, skips: bool = True) -> None:
        super().__init__(budget, options, frames=frames)
        width, depth = budget.width, budget.width * 2 ** (LEVELS - 1)
        inputs = max(1, frames - 1) * budget.channels
        self.encoder = Encoder(encoder_blocks(inputs, width, LEVELS, norm=True, last_activation=False))
        # The published encoder declares this batch norm and never calls it: 1 024 of the published parameter count.
        self.uncalled = nn.BatchNorm2d(depth)
        self.memory = ItemMemory(self.options.items, depth, self.options.largest)
        self.decoder = Decoder(width, LEVELS, entry=2 * depth, norm=True, skips=skips)
        self.head = Head(width, budget.channels, norm=True)

    @property
    def fusion(self) -> dict[str, float]:
        """The frame's error by alpha = 0.6, the queries' distance by the rest."""
        return {"prediction": 0.6, "feature": 0.4}

    @property
    def scores_in_order(self) -> bool:
        """With `test_update` alone: the memory that reads a frame then holds what earlier frames wrote."""
        return bool(self.options.test_update)

    def predict(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the last frame (B, C, H, W) from those before it; or rebuild it, where a clip is a single frame.

        Returns:
            The frame, and the unit queries (B * h * w, D) that the memory was asked.
        """
        frames = clips[:, :-1] if self.clip.frames > 1 else clips
        images = frames.flatten(1, 2)  # (B, 4C, H, W); (B, C, H, W) to be rebuilt
        # Encode: the skips (B, w, H, W), (B, 2w, H/2, W/2), (B, 4w, H/4, W/4), the deepest (B, D, h, w)
        # with D = 8w channels on h x w = H/8 x W/8 places.
        *skips, deepest = self.encoder(images)
        grid = normalize(deepest, dim=1).permute(0, 2, 3, 1)  # (B, h, w, D), unit queries
        queries = grid.flatten(0, 2)  # (B * h * w, D)
        # Read: each query goes on beside what the items answer.
        answers = self.memory.read(queries).view_as(grid)  # (B, h, w, D)
        features = laid_out_as(torch.cat([grid, answers], 3).permute(0, 3, 1, 2), deepest)  # (B, 2D, h, w)
        # Decode: (B, 2w, H, W), and the frame (B, C, H, W).
        return self.head(self.decoder(features, skips)), queries

    def loss(self, clips: Tensor) -> Tensor:
        """Add intensity, compactness and separateness.

        In train mode the memory then takes the queries in.
        """
        prediction, queries = self.predict(clips)
        nearest, second = self.memory.nearest_two(queries)
        loss = (
            (prediction - clips[:, -1]).square().mean()
            + self.options.compactness * (queries - nearest).square().mean()
            + self.options.separateness * triplet_margin_loss(queries, nearest, second)
        )
        if self.training:
            self.memory.update(queries.detach())
        return loss

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"prediction" or "reconstruction": (B,) in dB, "feature": (B,)}: the mean squared distance."""
        return self._scores(clips, *self.predict(clips))

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Squared error, (B, H, W); with the memory as it was trained, whatever `test_update` says."""
        return squared_error(self.predict(clips)[0], clips[:, -1])

    @torch.no_grad()
    def predicted_frames(self, clips: Tensor) -> Tensor:
        """The frame predicted or rebuilt in the place of each clip's last, (B, C, H, W) in [-1, 1]."""
        return self.predict(clips)[0]

    @torch.no_grad()
    def score_video(self, batches: Iterable[Tensor]) -> CueScores:
        """Score as `score` does; with `test_update` frame by frame, each read from what earlier ones left in memory."""
        if not self.scores_in_order:
            return super().score_video(batches)
        trained = self.memory.items

        def scored() -> Iterator[CueScores]:
            for clip in (clip for batch in batches for clip in batch.split(1)):  # type: ignore[no-untyped-call]
                prediction, queries = self.predict(clip)
                yield self._scores(clip, prediction, queries)
                if self._passes(clip, prediction):
                    self.memory.update(queries)

        try:
            return joined(scored())
        finally:  # a video that breaks off must not leave what it wrote
            self.memory.items = trained

    def diagnostics(self, clips: Tensor) -> dict[str, float]:
        """Share of items in use, how alike they are, and share of frames that would pass the test-time gate."""
        prediction, queries = self.predict(clips)
        return self.memory.usage(queries) | {"gate open": self._passes(clips, prediction).double().mean().item()}

    def adaptable_parameters(self) -> dict[str, nn.Parameter]:
        """All that take part in a forward pass."""
        return {name: p for name, p in self.named_parameters() if not name.startswith("uncalled.")}

    def _passes(self, clips: Tensor, prediction: Tensor) -> Tensor:
        """Whether each frame is regular enough to be written to the memory at test time, (B,)."""
        return weighted_regular_error(prediction, clips[:, -1]) < self.options.gate

    def _scores(self, clips: Tensor, prediction: Tensor, queries: Tensor) -> CueScores:
        """Both cues of clips of which these frames and queries were made."""
        distance = (queries - self.memory.nearest_two(queries)[0]).square().mean(1)
        return {
            self.cue: decibel(squared_error(prediction, clips[:, -1]).mean((1, 2))),
            "feature": distance.view(len(clips), -1).mean(1),
        }


class LmnReconstruction(Lmn):
    """Memory-guided reconstruction of single frames; 17 196 291 parameters at width 64 in RGB."""

    Options = ReconOptions
    published = Schedule(37_000, 4, 2e-5, "adam", "cosine")
    published_evaluation = EVALUATIONS["lmn-recon"]
    cue = "reconstruction"

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1, skips=False)

    @property
    def fusion(self) -> dict[str, float]:
        """The frame's error by alpha = 0.7, the queries' distance by the rest."""
        return {"reconstruction": 0.7, "feature": 0.3}
