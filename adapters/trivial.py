"""The rows every table must have: detectors that learn nothing. A method that does not beat them shows nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter, Budget, Scores
from crossvad.adapters.nets.losses import POOLS, decibel, pool_error, squared_error
from crossvad.datasets.base import InputError


@dataclass(frozen=True)
class PoolOptions:
    """How the error map becomes one number."""

    pool: str = "mean"  # mean, p99 (99th percentile) or patch (worst 8 x 8 mean)

    def __post_init__(self) -> None:
        """Refuse an unknown pooling.

        Raises:
            InputError: `pool` is none of the known ones.
        """
        if self.pool not in POOLS:
            raise InputError("pool", f"there is no pooling {self.pool!r}", f"choose one of {', '.join(POOLS)}")


class Random(Adapter):
    """A hash of the clip's pixels: chance, yet the same for the same clip whatever the batch or the order."""

    trainable = False

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)

    def score(self, clips: Tensor) -> Scores:
        """{"random": (B,)} in [0, 1)."""
        hashes = [zlib.crc32(clip.cpu().numpy().tobytes()) / 2**32 for clip in clips.contiguous()]
        return {"random": torch.tensor(hashes, dtype=torch.float64, device=clips.device)}


class Ramp(Adapter):
    """The frame's index in its video: what a data set gives away by placing anomalies late."""

    trainable = False

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)

    def score_video(self, batches: Iterable[Tensor]) -> Scores:
        """{"ramp": (clips,)}: 0, 1, 2, …"""
        return {"ramp": torch.arange(sum(len(batch) for batch in batches), dtype=torch.float64)}

    def score(self, clips: Tensor) -> Scores:
        """{"ramp": (B,)}: zeros, as a clip alone does not know where it stands."""
        return {"ramp": torch.zeros(len(clips), dtype=torch.float64, device=clips.device)}


class FrameDifference(Adapter):
    """Predict that nothing changes: the error is the difference of two frames."""

    Options = PoolOptions
    trainable = False

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=2)

    def score(self, clips: Tensor) -> Scores:
        """{"prediction": (B,)} in dB."""
        return {"prediction": decibel(pool_error(squared_error(clips[:, 0], clips[:, 1]), self.options.pool))}


class Extrapolate(Adapter):
    """Predict that every pixel goes on changing as it did: x(t) = 2 x(t-1) - x(t-2)."""

    Options = PoolOptions
    trainable = False

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=3)

    def score(self, clips: Tensor) -> Scores:
        """{"prediction": (B,)} in dB."""
        prediction = 2 * clips[:, 1] - clips[:, 0]
        return {"prediction": decibel(pool_error(squared_error(prediction, clips[:, 2]), self.options.pool))}
