"""Frames with a foreign object in them: normal ones made abnormal, by a network that nobody trained (Aich et al. 2023).

Convolutions answer to edges and textures before they have learned anything, so that where a random network answers
most there is an object. What is cut out there is pasted into another clip's frame, at any size and place.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample, interpolate

GRID = 8  # objects are found on about so many cells in height and width: ResNet-50's deepest map of 256 pixels


def activation_map(features: Tensor) -> Tensor:
    """Where features (B, C, h, w) are strong: their absolute values summed over channels, (B, 1, h, w) in [0, 1].

    SCDA (Wei et al., IEEE TIP 2017), divided by the largest of an image.
    """
    strength = features.abs().sum(1, keepdim=True)
    return strength / strength.amax((2, 3), keepdim=True).clamp_min(1e-8)


class ObjectFinder(nn.Module):
    """A ResNet-50 of random weights, down to the stage whose map of a frame is about 8 x 8 cells."""

    def __init__(self, size: int, threshold: Literal["mean", "tenth"] = "mean") -> None:
        """Draw it, for frames of `size` pixels.

        Args:
            size: height and width of a frame.
            threshold: an object is where the map is above its mean, as SCDA has it, or above a tenth of its maximum.
        """
        super().__init__()
        from torchvision.models import resnet50  # takes seconds, and tables need none of it

        trunk = resnet50(weights=None)
        stages = [trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4]  # strides 4, 8, 16, 32
        depth = sum(size / stride > GRID for stride in (4, 8, 16)) + 1
        self.stages = nn.Sequential(trunk.conv1, trunk.bn1, trunk.relu, trunk.maxpool, *stages[:depth])
        self.threshold = threshold
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """Find objects in frames (B, C, H, W), gray or RGB: 1 there and 0 elsewhere, (B, 1, H, W)."""
        found = activation_map(self.stages(frames.expand(-1, 3, -1, -1)))
        threshold = found.mean((2, 3), keepdim=True) if self.threshold == "mean" else 0.1
        return interpolate((found > threshold).to(frames.dtype), frames.shape[2:], mode="nearest")


def paste(frames: Tensor, donors: Tensor, objects: Tensor) -> tuple[Tensor, Tensor]:
    """Paste what donors show into frames, shrunk into a box as CutMix draws it (Yun et al., ICCV 2019).

    The box has a share 1 - beta of a frame's area, beta uniform in [0, 1), and its centre anywhere in the frame; what
    of it lies beyond the border is cut off.

    Args:
        frames: what is pasted into, (B, C, H, W).
        donors: of the same shape; the whole of one is shrunk into the box.
        objects: what of the donors is pasted, (B, 1, H, W) of 0 and 1.

    Returns:
        The frames with objects in them, and where these are, (B, 1, H, W) of 0 and 1.
    """
    batch, device = len(frames), frames.device
    side = torch.rand(batch, device=device).clamp_max(0.999).neg().add(1).sqrt().to(frames)  # of the box, of a frame's
    centre = (2 * torch.rand(batch, 2, device=device) - 1).to(frames)  # x, y from -1 to 1
    shrink = frames.new_zeros(batch, 2, 3)  # from a place in the frame to the donor's that lies there
    shrink[:, 0, 0] = shrink[:, 1, 1] = 1 / side
    shrink[:, :, 2] = -centre / side[:, None]
    places = affine_grid(shrink, list(frames.shape), align_corners=False)
    shown = grid_sample(donors, places, padding_mode="border", align_corners=False)
    inside = grid_sample(objects, places, mode="nearest", align_corners=False)  # zero beyond the donor, and so the box
    return torch.where(inside > 0, shown, frames), inside
