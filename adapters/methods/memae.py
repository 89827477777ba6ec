"""MemAE: autoencoders that must rebuild what they see from remembered normal parts (Gong et al., ICCV 2019).

Every vector of the code is replaced by a sparse mixture of learned slots, so that what is not normal cannot pass.
`memae` is the published one: sixteen gray frames through four 3-D convolutions. `memae-2d` is what later papers compare
with, for small budgets: a single frame, and the memory at the bottom of MNAD's network without skips.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.colours import gray
from crossvad.adapters.nets.memory import SlotMemory, entropy
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, encoder_blocks
from crossvad.adapters.options import Budget, Schedule, option
from crossvad.adapters.published import EVALUATIONS

ADAPTS = "adapts to a scene, by all of its parameters: its authors adapt nothing"
FULL_WIDTH = 64  # a budget's width at which the 3-D network has the published 96 channels
LEVELS = 4  # of the 2-D network


@dataclass(frozen=True)
class Options:
    """The paper's hyper-parameters."""

    slots: int = option(2000, "N", minimum=2)
    shrink: float = option(
        0.0, "lambda; 0 stands for 1 / slots, the least the paper advises; its code has 0.0025", minimum=0, maximum=0.5
    )
    entropy: float = option(2e-4, "weight of the sparsity loss", minimum=0)


class MemoryAutoencoder(Adapter):
    """What both have in common: the loss, the score, and what to watch."""

    Options = Options
    paper = "Gong et al., ICCV 2019"
    licence = "MIT"

    def _memory(self, channels: int) -> SlotMemory:
        """Build the memory of vectors with so many channels, as the options say."""
        return SlotMemory(self.options.slots, channels, self.options.shrink or 1 / self.options.slots)

    @abstractmethod
    def rebuild(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rebuild images from memory.

        Returns:
            The images of the clips that are to be rebuilt (B, …), what they were rebuilt to (B, …), and the addressing
            weights (K, N) of K queries.
        """

    def loss(self, clips: Tensor) -> Tensor:
        """Add mean squared error and entropy of the addressing."""
        images, rebuilt, weights = self.rebuild(clips)
        return (rebuilt - images).square().mean() + self.options.entropy * entropy(weights)

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"reconstruction": (B,)}: mean absolute error on the [-1, 1] scale, as in the code."""
        images, rebuilt, _ = self.rebuild(clips)
        return {"reconstruction": (rebuilt - images).abs().flatten(1).mean(1)}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Absolute error in the scored frame, (B, H, W)."""
        images, rebuilt, _ = self.rebuild(clips)
        error = (rebuilt - images).abs().mean(1)  # over channels: (B, H, W), or (B, T, H, W)
        return error[:, self.clip.scored] if error.dim() == 4 else error

    def diagnostics(self, clips: Tensor) -> dict[str, float]:
        """Share of slots that any query of these clips reads, and share of queries that reach any slot."""
        used = self.rebuild(clips)[2] > 0
        shares = {"slots in use": used.any(0), "queries served": used.any(1)}
        return {name: share.double().mean().item() for name, share in shares.items()}


class MemAE(MemoryAutoencoder):
    """The 3-D autoencoder; 6 492 801 parameters at width 64. A clip's score is for its ninth frame."""

    last_layers = ("decoder.9.",)  # its last layer is linear
    published = Schedule(16_000, 14, 1e-4, "adam", "none")  # 100 epochs of Ped2's 2 310 clips
    published_evaluation = EVALUATIONS["memae"]
    deviations: ClassVar[tuple[str, ...]] = (
        "shrinkage 1 / slots: the code's 0.0025 lets, at small widths, almost no query reach any slot",
        "the memory is asked by dot products, as in the code: by cosines in the paper (not measured)",
        "colour budgets are turned to gray, as the paper's input is, which its authors resize bicubically in Matlab",
        "batches of 14, the code's default: its training script has 10 (not measured)",
        ADAPTS,
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=16, scored=8)
        widths = [channels * budget.width // FULL_WIDTH for channels in (96, 128, 256, 256)]
        strides = [(1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2)]
        down: list[nn.Module] = []
        for inputs, outputs, stride in zip([1, *widths], widths, strides, strict=False):
            down += [nn.Conv3d(inputs, outputs, 3, stride, 1), nn.BatchNorm3d(outputs), nn.LeakyReLU(0.2, inplace=True)]
        up: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths[::-1], [*widths[-2::-1], 1], strides[::-1], strict=True):
            filled: Any = tuple(s - 1 for s in stride)
            up.append(nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, output_padding=filled))
            up += [nn.BatchNorm3d(outputs), nn.LeakyReLU(0.2, inplace=True)]
        self.encoder, self.decoder = nn.Sequential(*down), nn.Sequential(*up[:-2])  # the last layer is linear
        self.memory = self._memory(widths[-1])
        self.apply(_published_initialisation)

    def rebuild(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rebuild the gray clips (B, 1, T, H, W) by addressing weights (B * t * h * w, N)."""
        images = gray(clips).unsqueeze(1)  # (B, 1, T, H, W)
        # Encode: D = 4w channels on t x h x w = T/8 x H/16 x W/16 places.
        grid = self.encoder(images).permute(0, 2, 3, 4, 1)  # (B, t, h, w, D)
        queries = grid.flatten(0, 3)  # (B * t * h * w, D)
        # Remember: each query is replaced.
        read, weights = self.memory(queries)  # (B * t * h * w, D), (B * t * h * w, N)
        code = read.view_as(grid).permute(0, 4, 1, 2, 3)  # (B, D, t, h, w)
        # Decode.
        return images, self.decoder(code), weights  # (B, 1, T, H, W) both


class MemAE2d(MemoryAutoencoder):
    """The 2-D autoencoder of single frames."""

    paper = "after Gong et al., ICCV 2019, as in Park et al., CVPR 2020"
    published = Schedule(37_000, 4, 2e-5, "adam", "cosine")  # MNAD's, for its reconstruction
    published_evaluation = EVALUATIONS["memae-2d"]
    deviations: ClassVar[tuple[str, ...]] = (
        "nobody's published network to the letter: no paper gives its size",
        ADAPTS,
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=1)
        depth = budget.width * 2 ** (LEVELS - 1)
        blocks = encoder_blocks(budget.channels, budget.width, LEVELS, norm=True, last_activation=False)
        self.encoder = Encoder(blocks)
        self.memory = self._memory(depth)
        self.decoder = Decoder(budget.width, LEVELS, entry=depth, norm=True, skips=False)
        self.head = Head(budget.width, budget.channels, norm=True)

    def rebuild(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rebuild the frames (B, C, H, W) by addressing weights (B * h * w, N)."""
        frames = clips[:, 0]  # (B, C, H, W)
        # Encode, of which the skips are left: D = 8w channels on h x w = H/8 x W/8 places.
        *_, deepest = self.encoder(frames)
        grid = deepest.permute(0, 2, 3, 1)  # (B, h, w, D)
        # Remember: each query is replaced.
        read, weights = self.memory(grid.flatten(0, 2))  # (B * h * w, D), (B * h * w, N)
        code = read.view_as(grid).permute(0, 3, 1, 2)  # (B, D, h, w)
        # Decode: (B, 2w, H, W), and the frame (B, C, H, W).
        return frames, self.head(self.decoder(code, [])), weights


def _published_initialisation(module: nn.Module) -> None:
    """Draw a layer's weights as the published code does."""
    if isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, 0.02)
