"""What a prototype unit makes of a feature map, and a convolution of it that leaves out what needs no gradient."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from crossvad.adapters.nets.memory_layout import laid_out_as

# On a GPU an image's pixels are summed up in so many parts. A product that leaves M x C of its N pixels is too small to
# fill one, and its few sums too long: of 65 536 pixels (10 prototypes, 128 channels, H200) each takes 1.8 ms. With 64
# parts an adapting step of `mpn`, which has six of them, takes 9 ms instead of 20.
PARTS_ON_GPU = 64


class Retrieval(NamedTuple):
    """What a unit makes of a feature map with N = H * W pixels: it stays in its parts until it is asked for."""

    pixels: Tensor  # (B, C, H, W): the input, each pixel's features at unit length
    units: Tensor  # (B, N, C): the same, pixel by pixel
    attention: Tensor  # (B, N, M), >= 0: of each map, the weights of the pixels; they sum to 1 over the pixels
    prototypes: Tensor  # (B, M, C), unit length: this image's own, nothing is kept
    mixture: Tensor  # (B, M, N): how much of each prototype is retrieved for a pixel, at unit length in all
    distance: Tensor  # (B, H, W): mean over channels of (x - nearest prototype)^2

    @property
    def features(self) -> Tensor:
        """The retrieved normalcy plus the pixels themselves, (B, C, H, W), in the layout of `pixels`."""
        if not self.prototypes.shape[1]:
            return self.pixels
        batch, _, pixels = self.mixture.shape
        parts = parts_of(pixels, self.units.device)
        mixture = in_parts(self.mixture, parts)
        rebuilt = torch.baddbmm(  # of parts of an image, each beside the image's prototypes
            self.units.view(batch * parts, pixels // parts, -1),
            mixture.transpose(1, 2),
            self.prototypes.repeat_interleave(parts, 0),
        )
        rebuilt = rebuilt.view(batch, pixels, -1).transpose(1, 2).view(self.pixels.shape)
        return laid_out_as(rebuilt, self.pixels)

    def convolved(self, layer: nn.Conv2d) -> Tensor:
        """`layer(self.features)`, (B, O, H', W'), in less time where the pixels are frozen.

        A convolution of a sum is the sum of convolutions. That of the pixels then needs no gradient of what goes in;
        that of the mixture has M channels instead of C, as the layer's weights can be taken times the prototypes. On a
        GPU one convolution of all images is taken instead of several small ones (not measured).
        """
        count = self.prototypes.shape[1]
        plain = layer.groups == 1 and layer.padding_mode == "zeros"
        if not count or not plain or self.units.requires_grad or self.units.device.type != "cpu":
            return layer(self.features)
        mixtures = self.mixture.view(len(self.mixture), count, *self.pixels.shape[2:])  # (B, M, H, W)
        weights = torch.einsum("ocyx,bmc->bomyx", layer.weight, self.prototypes)
        form = torch.contiguous_format if self.pixels.is_contiguous() else torch.channels_last
        mixed = [
            conv2d(
                mixture.contiguous(memory_format=form),
                weight.contiguous(memory_format=form),
                None,
                layer.stride,
                layer.padding,
                layer.dilation,
            )
            for mixture, weight in zip(torch.split(mixtures, 1), weights, strict=True)
        ]
        own: Tensor = layer(self.pixels)
        return own.add_(torch.cat(mixed) if len(mixed) > 1 else mixed[0])


def parts_of(pixels: int, device: torch.device) -> int:
    """In how many equal parts an image's pixels are summed up: as many as `PARTS_ON_GPU`, if they can be, or fewer."""
    return 1 if device.type == "cpu" else math.gcd(pixels, PARTS_ON_GPU)


def in_parts(maps: Tensor, parts: int) -> Tensor:
    """Part the pixels of maps (B, M, N): (B P, M, N / P), the parts of an image side by side."""
    batch, count, _ = maps.shape
    return maps.view(batch, count, parts, -1).transpose(1, 2).reshape(batch * parts, count, -1)


def joined(maps: Tensor, parts: int) -> Tensor:
    """Join what `in_parts` parted: (B, M, N)."""
    images, count, pixels = maps.shape
    return maps.view(images // parts, parts, count, pixels).transpose(1, 2).reshape(-1, count, parts * pixels)
