"""The U-Net family that frame predictors share: Frame-Pred, MNAD, MPN and APN are settings of these parts."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


def double_conv(inputs: int, outputs: int, norm: bool = False, last_activation: bool = True) -> nn.Sequential:
    """Two 3x3 convolutions, each followed by batch norm (if `norm`) and ReLU; the second may end bare, as in MNAD."""
    layers: list[nn.Module] = []
    for width, bare in ((inputs, False), (outputs, not last_activation)):
        layers.append(nn.Conv2d(width, outputs, 3, padding=1))
        if not bare:
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)] if norm else [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """`levels` double convolutions with 2x2 max pooling between; level i has width * 2^i channels."""

    def __init__(
        self, channels: int, width: int, levels: int, norm: bool = False, last_activation: bool = True
    ) -> None:
        super().__init__()
        widths = [channels, *(width * 2**level for level in range(levels))]
        self.blocks = nn.ModuleList(
            double_conv(widths[i], widths[i + 1], norm, last_activation or i < levels - 1) for i in range(levels)
        )
        # What a method does to a level's features before they are passed on (APN: attention); nothing by default.
        self.attend = nn.ModuleList(nn.Identity() for _ in range(levels))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, C, H, W) to one feature map a level, finest first; H and W must divide by 2^(levels - 1)."""
        features: list[Tensor] = []
        for block, attend in zip(self.blocks, self.attend, strict=True):
            inputs = nn.functional.max_pool2d(features[-1], 2) if features else images
            features.append(attend(block(inputs)))
        return features


class Decoder(nn.Module):
    """From the deepest map back up to (B, 2 * width, H, W): the finest skip beside what came up to it.

    `entry` is the number of channels coming in, if they pass a double convolution first (MPN, MNAD, APN), or None.
    Without `skips` the up-convolutions keep their channels instead, so that all else stays the same (MNAD's
    reconstruction variant).
    """

    def __init__(
        self, width: int, levels: int, entry: int | None, norm: bool = False, up_kernel: int = 3, skips: bool = True
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in reversed(range(levels))]  # deepest first
        self.entry = double_conv(entry, widths[0], norm) if entry else nn.Identity()
        self.ups = nn.ModuleList(
            _upsample(deep, fine if skips else deep, norm, up_kernel) for deep, fine in pairwise(widths)
        )
        self.merges = nn.ModuleList(double_conv(2 * fine, fine, norm) for fine in widths[1:-1])
        self.merges.append(nn.Identity())  # the finest level is merged by the head
        self.skips = skips

    @property
    def stages(self) -> int:
        """How many there are."""
        return len(self.ups) + 1

    def forward(self, features: Tensor, skips: list[Tensor], start: int = 0, stop: int | None = None) -> Tensor:
        """The deepest map (B, entry, h, w) and the finer levels' maps, finest first; the latter unused without `skips`.

        Stage 0 is the entry, stage i brings it 2^i times as fine; `start` and `stop` run some of them alone, which
        read only the maps of those levels.
        """
        for stage in range(self.stages)[start:stop]:
            if stage == 0:
                features = self.entry(features)
                continue
            features = self.ups[stage - 1](features)
            if self.skips:
                features = torch.cat([skips[len(self.ups) - stage], features], 1)
            features = self.merges[stage - 1](features)
        return features


class Head(nn.Sequential):
    """From the decoder's (B, 2 * width, H, W) to an image in [-1, 1]: double convolution, convolution, tanh."""

    def __init__(self, width: int, channels: int, norm: bool = False) -> None:
        super().__init__(double_conv(2 * width, width, norm), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh())


class UNet(nn.Module):
    """Frame-Pred's generator (Liu et al. 2018): four levels, 2x2 transposed convolutions, no batch norm, tanh."""

    def __init__(self, inputs: int, outputs: int, width: int, levels: int = 4) -> None:
        super().__init__()
        self.encoder = Encoder(inputs, width, levels)
        self.decoder = Decoder(width, levels, entry=None, up_kernel=2)
        self.head = Head(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W) in [-1, 1]."""
        *skips, deepest = self.encoder(images)
        return self.head(self.decoder(deepest, skips))


def _upsample(inputs: int, outputs: int, norm: bool, kernel: int) -> nn.Module:
    """Double the resolution: a 3x3 transposed convolution with ReLU (MNAD, MPN, APN) or a bare 2x2 one (Frame-Pred)."""
    if kernel == 2:
        return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
    up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(up, *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU(inplace=True))
