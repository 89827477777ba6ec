"""The U-Net family that frame predictors share: Frame-Pred, MNAD, MPN and APN are settings of these parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from crossvad.adapters.nets.retrieval import Retrieval


def double_conv(inputs: int, outputs: int, norm: bool = False, last_activation: bool = True) -> nn.Sequential:
    """Build two 3x3 convolutions, each followed by batch norm (if `norm`) and ReLU; the second may be bare (MNAD)."""
    layers: list[nn.Module] = []
    for width, bare in ((inputs, False), (outputs, not last_activation)):
        layers.append(nn.Conv2d(width, outputs, 3, padding=1))
        if not bare:
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)] if norm else [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def encoder_blocks(
    channels: int, width: int, levels: int, norm: bool = False, last_activation: bool = True
) -> nn.ModuleList:
    """Build the double convolutions of an `Encoder` of images with `channels`; level i has width * 2^i channels."""
    widths = [channels, *(width * 2**level for level in range(levels))]
    return nn.ModuleList(
        double_conv(widths[i], widths[i + 1], norm, last_activation or i < levels - 1) for i in range(levels)
    )


class Encoder(nn.Module):
    """Convolutions with 2x2 max pooling between; where there is attention (APN), it acts on what a level passes on."""

    def __init__(self, blocks: nn.ModuleList, attention: Sequence[nn.Module] = ()) -> None:
        """Join the blocks of all levels, finest first, with as many units of attention, or with none."""
        super().__init__()
        self.blocks = blocks
        self.attend = nn.ModuleList(attention or [nn.Identity() for _ in blocks])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Encode images (B, C, H, W) to one feature map a level, finest first; 2^(levels - 1) must divide H and W.

        A map is attended to before it is pooled and given out. The deepest is given out bare: see `bottleneck`.
        """
        features: list[Tensor] = []
        for level, block in enumerate(self.blocks):
            if level > 0:
                features[-1] = self.attend[level - 1](features[-1])  # (B, C, H, W)
                images = nn.functional.max_pool2d(features[-1], 2)  # (B, C, H / 2, W / 2)
            features.append(block(images))
        return features

    def bottleneck(self, deepest: Tensor) -> Tensor:
        """Attend to the deepest map (B, C, h, w), which keeps its shape."""
        attended: Tensor = self.attend[-1](deepest)
        return attended


class Decoder(nn.Module):
    """From the deepest map back up to (B, 2 * width, H, W): the finest skip beside what came up to it.

    Stage 0 is the entry, a double convolution; stage i then makes the map 2^i times as fine.
    """

    def __init__(
        self, width: int, levels: int, entry: int | None, norm: bool = False, up_kernel: int = 3, skips: bool = True
    ) -> None:
        """Build the stages.

        Args:
            width: channels of the finest level; level i has width * 2^i.
            levels: how many there are.
            entry: channels of the map that comes in; None leaves the entry out (Frame-Pred).
            norm: batch norm after each convolution (MNAD).
            up_kernel: 3 for transposed convolutions whose patches overlap (MNAD, MPN, APN), 2 (Frame-Pred).
            skips: without, up-convolutions keep their channels instead, so that all else stays the same (MNAD's
                reconstruction).
        """
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
        """Number of stages, the entry included."""
        return len(self.ups) + 1

    def forward(self, features: Tensor, skips: Sequence[Tensor], start: int = 0, stop: int | None = None) -> Tensor:
        """Decode the deepest map (B, entry, h, w), with the finer levels' maps, finest first, as skips.

        `start` and `stop` run some of the stages alone, which read only the skips of their own levels. Without `skips`
        none is read.
        """
        for stage in range(self.stages)[start:stop]:
            if stage == 0:
                features = self.entry(features)  # (B, C, h, w)
                continue
            features = self.ups[stage - 1](features)  # (B, C / 2, 2h, 2w)
            if self.skips:
                features = torch.cat([skips[len(self.ups) - stage], features], 1)  # (B, C, 2h, 2w)
            features = self.merges[stage - 1](features)  # (B, C / 2, 2h, 2w); the last stage keeps C
        return features


class Head(nn.Sequential):
    """Double convolution, convolution and tanh: from the decoder's (B, 2 * width, H, W) to an image in [-1, 1]."""

    def __init__(self, width: int, channels: int, norm: bool = False) -> None:
        super().__init__(double_conv(2 * width, width, norm), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh())

    def forward(self, features: Tensor | Retrieval) -> Tensor:
        """Make an image of the decoder's features, or of what a prototype unit retrieved for them."""
        if isinstance(features, Tensor):
            made: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
            return made
        first, *others = (layer for layer in self.modules() if not isinstance(layer, nn.Sequential))
        assert isinstance(first, nn.Conv2d)
        made = features.convolved(first)
        for layer in others:
            made = layer(made)
        return made


class UNet(nn.Module):
    """Frame-Pred's generator (Liu et al. 2018): four levels, 2x2 transposed convolutions, no batch norm, tanh."""

    def __init__(self, inputs: int, outputs: int, width: int, levels: int = 4) -> None:
        super().__init__()
        self.encoder = Encoder(encoder_blocks(inputs, width, levels))
        self.decoder = Decoder(width, levels, entry=None, up_kernel=2)
        self.head = Head(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, inputs, H, W) to (B, outputs, H, W) in [-1, 1]; 2^(levels - 1) must divide H and W."""
        *skips, deepest = self.encoder(images)  # (B, w, H, W), (B, 2w, H/2, W/2), …; the deepest (B, 8w, H/8, W/8)
        features = self.decoder(deepest, skips)  # (B, 2w, H, W)
        return self.head(features)  # (B, outputs, H, W)


def _upsample(inputs: int, outputs: int, norm: bool, kernel: int) -> nn.Module:
    """Build what doubles the resolution: a transposed convolution, 3x3 or 2x2, batch norm (if `norm`) and ReLU."""
    filled = kernel - 2  # on each side of what goes in, and once of what comes out: exactly twice the size
    up = nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=filled, output_padding=filled)
    return nn.Sequential(up, *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU(inplace=True))
