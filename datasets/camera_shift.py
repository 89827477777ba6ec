"""The same scene as if another camera had filmed it: what stands in for an unseen scene where a source has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate


@dataclass(frozen=True)
class CameraShift:
    """A fixed change of view and of light. What is normal stays normal: it is the same for every frame."""

    window: tuple[float, float, float]  # left, top and side of the square that is seen, as shares of the frame's
    mirrored: bool
    contrast: float
    brightness: float  # in units of half the range of values

    @classmethod
    def draw(cls, random: np.random.Generator) -> Self:
        """Any: a window of 0.6 to 0.9 of the frame's side, contrast 0.6 to 1.4, brightness within 0.3."""
        side = float(random.uniform(0.6, 0.9))
        left, top = random.uniform(0, 1 - side, 2).tolist()
        light = (float(random.uniform(0.6, 1.4)), float(random.uniform(-0.3, 0.3)))
        return cls((left, top, side), bool(random.integers(2)), *light)

    def __call__(self, clips: Tensor) -> Tensor:
        """Clips (B, T, C, H, W) in [-1, 1] to the same shape and range."""
        height, width = clips.shape[-2:]
        left, top, side = self.window
        rows, columns = max(1, round(side * height)), max(1, round(side * width))
        y, x = round(top * height), round(left * width)
        seen = clips[..., y : y + rows, x : x + columns].flatten(0, 1)
        seen = interpolate(seen, (height, width), mode="bilinear", align_corners=False, antialias=True)
        seen = seen.flip(-1) if self.mirrored else seen
        return (self.contrast * seen + self.brightness).clamp(-1, 1).view_as(clips)
