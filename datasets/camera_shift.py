"""The same scene as if another camera had filmed it: stands in for an unseen scene where a source has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from torch import Tensor
from torch.nn.functional import interpolate


@dataclass(frozen=True)
class CameraShift:
    """A fixed change of view and of light, the same for every frame, so that normal stays normal."""

    window: tuple[float, float, float]  # left, top and side of the square in view, as shares of the frame's
    mirrored: bool
    contrast: float
    brightness: float  # in units of half the range of values

    @classmethod
    def draw(cls, random: np.random.Generator) -> Self:
        """Draw a window of 0.6 to 0.9 of the frame's side, contrast 0.6 to 1.4, brightness within 0.3."""
        side = float(random.uniform(0.6, 0.9))
        left, top = random.uniform(0, 1 - side, 2).tolist()
        light = (float(random.uniform(0.6, 1.4)), float(random.uniform(-0.3, 0.3)))
        return cls((left, top, side), bool(random.integers(2)), *light)

    def view(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a frame that are in view."""
        left, top, side = self.window
        y, x = round(top * height), round(left * width)
        return slice(y, y + max(1, round(side * height))), slice(x, x + max(1, round(side * width)))

    def __call__(self, clips: Tensor) -> Tensor:
        """Shift clips (B, T, C, H, W) in [-1, 1]: the same shape and range."""
        height, width = clips.shape[-2:]
        rows, columns = self.view(height, width)
        view = clips[..., rows, columns].flatten(0, 1)
        view = interpolate(view, (height, width), mode="bilinear", align_corners=False, antialias=True)
        view = view.flip(-1) if self.mirrored else view
        return (self.contrast * view + self.brightness).clamp(-1, 1).view_as(clips)
