"""Patch discriminators: convolutions that judge every patch of an image by itself (Isola et al., CVPR 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """4 x 4 convolutions with leaky ReLU (0.2) between, and batch norm from the second to the last but one if `norm`.

    Settings of it: pix2pix (Isola et al.), Frame-Pred's (Liu et al. 2018), zxVAD's.
    """

    def __init__(
        self,
        channels: int,
        widths: Sequence[int],
        strides: Sequence[int],
        *,
        padding: int = 1,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        norm: bool = False,
    ) -> None:
        """Build it for images of so many channels.

        Args:
            channels: of the images.
            widths: channels of the hidden layers.
            strides: of the hidden layers, and of the last one, which gives a number a patch.
            padding: on each side of a layer's input.
            padding_mode: what is there, as torch's convolutions take it.
            norm: batch norm after the hidden layers but the first.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(pairwise([channels, *widths])):
            layers.append(nn.Conv2d(inputs, outputs, 4, strides[number], padding, padding_mode=padding_mode))
            layers += [nn.BatchNorm2d(outputs)] if norm and number else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.hidden = nn.Sequential(*layers)
        self.judge = nn.Conv2d(widths[-1], 1, 4, strides[-1], padding, padding_mode=padding_mode)

    def features(self, images: Tensor) -> Tensor:
        """What it judges by: images (B, C, H, W) to (B, widths[-1], h, w)."""
        seen: Tensor = self.hidden(images)
        return seen

    def forward(self, images: Tensor) -> Tensor:
        """Judge the patches of images (B, C, H, W) by unbounded numbers (B, 1, h', w')."""
        judged: Tensor = self.judge(self.features(images))
        return judged
