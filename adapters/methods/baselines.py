"""The rows every table must have: detectors that learn nothing. A method that does not beat them shows nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.losses import decibel, pool_error, squared_error
from crossvad.adapters.nets.motion import SLOWEST, expected, normal_speed, row_trend
from crossvad.adapters.options import Budget, PoolOptions, option


class Baseline(Adapter):
    """A detector that learns nothing from a source."""

    needs_source = False
    stochastic = False
    adapts = False


class Random(Baseline):
    """A hash of the clip's pixels: chance, yet the same for the same clip whatever the batch or the order."""

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)

    def score(self, clips: Tensor) -> CueScores:
        """{"random": (B,)} in [0, 1)."""
        hashes = [zlib.crc32(clip.cpu().numpy().tobytes()) / 2**32 for clip in clips.contiguous()]
        return {"random": torch.tensor(hashes, dtype=torch.float64, device=clips.device)}


class Ramp(Baseline):
    """The frame's index in its video: what a data set gives away by placing anomalies late."""

    scores_in_order = True

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)

    def score_video(self, batches: Iterable[Tensor]) -> CueScores:
        """{"ramp": (clips,)}: 0, 1, 2, …"""
        return {"ramp": torch.arange(sum(len(batch) for batch in batches), dtype=torch.float64)}

    def score(self, clips: Tensor) -> CueScores:
        """{"ramp": (B,)}: zeros, as a clip alone does not know where it stands."""
        return {"ramp": torch.zeros(len(clips), dtype=torch.float64, device=clips.device)}


class FrameDifference(Baseline):
    """Predict that nothing changes: the error is the difference of two frames."""

    Options = PoolOptions

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=2)

    def score(self, clips: Tensor) -> CueScores:
        """{"prediction": (B,)} in dB."""
        return {"prediction": decibel(pool_error(squared_error(clips[:, 0], clips[:, 1]), self.options.pool))}

    def maps(self, clips: Tensor) -> Tensor:
        """The squared error."""
        return squared_error(clips[:, 0], clips[:, 1])


class Extrapolate(Baseline):
    """Predict that every pixel goes on changing as it did: x(t) = 2 x(t-1) - x(t-2)."""

    Options = PoolOptions

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=3)

    def score(self, clips: Tensor) -> CueScores:
        """{"prediction": (B,)} in dB."""
        prediction = 2 * clips[:, 1] - clips[:, 0]
        return {"prediction": decibel(pool_error(squared_error(prediction, clips[:, 2]), self.options.pool))}

    def maps(self, clips: Tensor) -> Tensor:
        """The squared error."""
        return squared_error(2 * clips[:, 1] - clips[:, 0], clips[:, 2])


class SupportMean(Baseline):
    """Predict the mean frame of the support set: background subtraction, the least one can learn from a scene.

    Without a support set it knows nothing of the scene, and predicts an even gray.
    """

    Options = PoolOptions
    adapts = True
    tunable = False
    mean: Tensor  # (C, H, W)

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)
        self.register_buffer("mean", torch.zeros(budget.channels, budget.size, budget.size))

    def calibrate(self, clips: Tensor) -> None:
        """Take the mean of the support set's frames."""
        self.mean = clips.mean((0, 1))

    def score(self, clips: Tensor) -> CueScores:
        """{"prediction": (B,)} in dB."""
        error = squared_error(self.mean.expand_as(clips[:, 0]), clips[:, 0])
        return {"prediction": decibel(pool_error(error, self.options.pool))}

    def maps(self, clips: Tensor) -> Tensor:
        """The squared error."""
        return squared_error(self.mean.expand_as(clips[:, 0]), clips[:, 0])


@dataclass(frozen=True)
class SpeedOptions(PoolOptions):
    """How speed is measured, and what it is held against."""

    eps: float = option(1e-3, "squared gradient below which ground counts as even", trains=False, minimum=1e-9)
    reach: int = option(2, "of the box that speed is measured in, in pixels to each side", trains=False, minimum=0)
    trend: Literal["row", "level"] = option(
        "row", "of the support set, that speed is divided by: of each row, or one for all rows", trains=False
    )


class Speed(Baseline):
    """How fast things move: squared normal-flow speed, as perspective has it in each row of the support set's frames.

    The map is squared speed along the image's gradient (`normal_speed`), divided by what the support set's trend over
    rows expects there (`row_trend`): near the camera the same motion is more pixels, and by the square more so. It is
    divided by all of the trend, its level included, as a camera's level is its distance: within a camera that is one
    factor, which no AUC sees, and where a target has several cameras it gives their scores a common unit. Without a
    support set nothing is divided, and the unit is squared pixels a frame.
    """

    Options = SpeedOptions
    adapts = True
    tunable = False
    paper = "after Horn and Schunck 1981"
    trend: Tensor  # (2,), of `row_trend`

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=2)
        self.register_buffer("trend", torch.zeros(2))  # exp(0 + 0 row): divides by one

    def calibrate(self, clips: Tensor) -> None:
        """Take the trend of the support set's squared speeds."""
        self.trend = row_trend(self._squared_speed(clips), self.options.trend == "row")

    def score(self, clips: Tensor) -> CueScores:
        """{"speed": (B,)} in dB."""
        return {"speed": decibel(pool_error(self.maps(clips), self.options.pool), SLOWEST)}

    def maps(self, clips: Tensor) -> Tensor:
        """Squared speed, in units of what is expected in its row."""
        speed = self._squared_speed(clips)
        return speed / expected(self.trend, speed.shape[1])

    def _squared_speed(self, clips: Tensor) -> Tensor:
        return normal_speed(clips[:, 0], clips[:, 1], self.options.eps, self.options.reach).square()
