"""AMC: appearance and motion that belong together (Nguyen and Meunier, "Anomaly Detection in Video Sequence with
Appearance-Motion Correspondence", ICCV 2019).

From one frame, a shared encoder and two decoders: one rebuilds the frame, without skips, the other says how what it
shows is about to move, with skips. A discriminator tells true from predicted motion of a frame. A frame is as abnormal
as the window in which its motion was predicted worst, and as badly as its appearance was rebuilt there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from crossvad.adapters.base import Adapter, CueScores, Optimizers, descend
from crossvad.adapters.nets.losses import gan_loss, gradient_loss
from crossvad.adapters.nets.optical_flow import lucas_kanade
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.options import Budget, Schedule, option
from crossvad.adapters.published import EVALUATIONS
from crossvad.datasets.clips import ClipSource

MOTION = 3  # channels: right, down, and how far in all
BETAS = (0.5, 0.9)  # of Adam
WINDOWS, STRIDES = 8, 32  # a window is so small a part of a frame's height, and a step so small a one
MEASURED, BATCH = 512, 16  # training clips that the cues' usual size is measured on, and at once
LEAST = 1e-12  # of a mean squared error that has a logarithm


@dataclass(frozen=True)
class Options:
    """Weights of losses and cues."""

    adversarial: float = option(0.25, "weight of fooling the discriminator; 0 trains none", minimum=0)
    flow: float = option(2.0, "weight of the predicted motion's absolute error", minimum=0)
    dropout: float = option(0.3, "share of the decoders' values that training drops", minimum=0, maximum=0.9)
    score: float = option(0.2, "lambda: weight of the frame's cue beside the flow's", trains=False, minimum=0)


class Guess(NamedTuple):
    """What a frame was taken for, beside what it is."""

    frame: Tensor  # (B, C, H, W), rebuilt
    flow: Tensor  # (B, 3, H, W), predicted
    true_frame: Tensor
    true_flow: Tensor


class Amc(Adapter):
    """Two decoders on one encoder; 17 390 406 parameters at width 64 in RGB. A clip's score is for its first frame."""

    Options = Options
    paper = "Nguyen & Meunier, ICCV 2019"
    licence = "BSD-2-Clause"
    last_layers = ("to_flow.", "to_frame.")
    published = Schedule(6_000, 16, 2e-4, "adam", "none")  # 40 epochs of Ped2's 2 550 frames
    published_evaluation = EVALUATIONS["amc"]
    deviations = (
        "motion is Lucas and Kanade's over a pyramid, at the frames' size: the paper's is FlowNet2's at full size, "
        "resized without rescaling it",
        "frames are square: the paper's are of 128 x 192. A window is an eighth of the height and moves by a 32nd, as "
        "there; the code leaves out those at the right and lower border",
        "the two cues are logarithms of the code's weighted errors, put on one scale by held-out clips before they are "
        "added with weights 1 and 0.2: the code adds them as they are, and divides by each video's largest",
        "the discriminator learns from motion that was predicted with dropout, and gradients are taken to zeros beyond "
        "the border: in the code without, and within (not measured)",
        "one batch norm momentum and epsilon, torch's: Tensorflow's defaults there (not measured)",
        "adapts to a scene, by all of its parameters down the losses without the adversarial one: its authors adapt "
        "nothing",
    )
    usual: Tensor  # (2,), mean flow and frame error of a training frame's worst window; 1 until training is over

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=2, scored=0)
        if budget.size % STRIDES:
            raise ValueError(f"frames of {budget.size} pixels are not cut into {STRIDES} steps evenly")
        w, channels, drop = budget.width, budget.channels, self.options.dropout
        self.inception = Inception(channels, w)
        self.down = nn.ModuleList(
            [
                nn.Sequential(SameConv(w, w), nn.LeakyReLU(0.2, inplace=True)),
                *(_down(w * i, w * o) for i, o in ((1, 2), (2, 4), (4, 8), (8, 8))),
            ]
        )
        skips = (8, 4, 2, 1)  # channels, in widths, of what stands beside a stage of the flow decoder when it is done
        outs = (4, 4, 2, 1)
        flow_ins = (8, *(o + s for o, s in zip(outs, skips, strict=True)))
        self.flow_up = nn.ModuleList(_up(w * i, w * o, drop) for i, o in zip(flow_ins, outs, strict=False))
        self.frame_up = nn.ModuleList(_up(w * i, w * o, drop) for i, o in zip((8, *outs), outs, strict=False))
        self.to_flow = nn.Conv2d(w * flow_ins[-1], MOTION, 3, padding=1)
        self.to_frame = nn.Conv2d(w * outs[-1], channels, 3, padding=1)
        self.apply(_published_initialisation)
        self.discriminator = TrainingOnly(lambda: _discriminator(channels + MOTION, w))
        self.register_buffer("usual", torch.ones(2))

    @property
    def fusion(self) -> dict[str, float]:
        """log S_F + lambda log S_I."""
        return {"flow": 1.0, "frame": self.options.score}

    def guess(self, clips: Tensor) -> Guess:
        """Rebuild the first frame of clips (B, 2, C, H, W), and predict how it is about to move."""
        frame, after = clips[:, 0], clips[:, 1]
        with torch.no_grad():
            moves = lucas_kanade(frame.mean(1), after.mean(1))  # (B, 2, H, W)
            moves = torch.cat([moves, moves.square().sum(1, keepdim=True).sqrt()], 1)  # (B, 3, H, W)
        # Encode: (B, w, H, W), (B, 2w, H/2, W/2), (B, 4w, H/4, W/4), (B, 8w, H/8, W/8), (B, 8w, H/16, W/16).
        levels = [self.inception(frame)]
        for down in self.down:
            levels.append(down(levels[-1]))
        *skips, deepest = levels[1:]
        # Decode the motion beside the skips, and the frame without: (B, w + w, H, W) and (B, w, H, W).
        moved, rebuilt = deepest, deepest
        for flow_up, frame_up, skip in zip(self.flow_up, self.frame_up, reversed(skips), strict=True):
            moved, rebuilt = torch.cat([flow_up(moved), skip], 1), frame_up(rebuilt)
        return Guess(self.to_frame(rebuilt), self.to_flow(moved), frame, moves)

    def loss(self, clips: Tensor) -> Tensor:
        """Intensity, gradient and flow: all of the loss but the adversarial one."""
        return self._loss(self.guess(clips))

    def _loss(self, guess: Guess) -> Tensor:
        frame = (guess.frame - guess.true_frame).square().mean() + gradient_loss(guess.frame, guess.true_frame)
        return frame + self.options.flow * (guess.flow - guess.true_flow).abs().mean()

    # ---- training ----------------------------------------------------------------------------------------------------

    def optimizers(self, budget: Budget) -> Optimizers:
        """Adam for both; the discriminator learns at a tenth of the rate (code: 2e-4, 2e-5)."""
        rate = self.schedule(budget).learning_rate
        optimizers: Optimizers = {"generator": torch.optim.Adam(self.parameters(), rate, BETAS)}
        if self.options.adversarial:
            judging = self.discriminator.network.parameters()
            optimizers["discriminator"] = torch.optim.Adam(judging, rate / 10, BETAS)
        return optimizers

    def training_step(self, clips: Tensor, optimizers: Optimizers) -> dict[str, float]:
        """Learn from clips (B, 2, C, H, W): first the discriminator, then the generator (code)."""
        guess, losses = self.guess(clips), dict[str, float]()
        loss = self._loss(guess)
        if self.options.adversarial:
            true = torch.cat([guess.true_frame, guess.true_flow], 1)
            made = torch.cat([guess.true_frame, guess.flow], 1)
            judged = (gan_loss(self.discriminator(true), 1) + gan_loss(self.discriminator(made.detach()), 0)) / 2
            descend(optimizers["discriminator"], judged)
            losses["discriminator"] = judged.item()
            loss = loss + self.options.adversarial * gan_loss(self.discriminator(made), 1)
        descend(optimizers["generator"], loss)
        return {"loss": loss.item(), **losses}

    @torch.no_grad()
    def after_training(self, source: ClipSource) -> None:
        """Measure how large both errors are in a training frame's worst window: w_F and w_I are one over that."""
        worst = [torch.stack(self._worst(clips), 1) for clips in source.spread(MEASURED, BATCH)]
        self.usual.copy_(torch.cat(worst).mean(0))

    # ---- scoring -----------------------------------------------------------------------------------------------------

    def _windows(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors of flow and frame, summed over channels, mean over each window: (B, h, w) both."""
        guess, side = self.guess(clips), self.clip.size[0] // WINDOWS
        flow = (guess.flow - guess.true_flow).square().sum(1)
        frame = (guess.frame - guess.true_frame).square().sum(1)
        return avg_pool2d(flow, side, side // (STRIDES // WINDOWS)), avg_pool2d(
            frame, side, side // (STRIDES // WINDOWS)
        )

    def _worst(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Both errors of the window whose flow was predicted worst, (B,) both."""
        flow, frame = (windows.flatten(1) for windows in self._windows(clips))
        worst = flow.argmax(1, keepdim=True)
        return flow.gather(1, worst).squeeze(1), frame.gather(1, worst).squeeze(1)

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"flow": (B,), "frame": (B,)}: log w_F S_F and log w_I S_I, of the window that moves least as predicted."""
        errors = zip(("flow", "frame"), self._worst(clips), self.usual, strict=True)
        return {cue: (error / usual.clamp_min(LEAST)).clamp_min(LEAST).log() for cue, error, usual in errors}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Squared error of the predicted motion, by window, (B, h, w)."""
        return self._windows(clips)[0]


class SameConv(nn.Conv2d):
    """A 4 x 4 convolution that keeps height and width: one more pixel of zeros on the right and below (Tensorflow)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        return super().forward(pad(images, (1, 2, 1, 2)))


class Inception(nn.Module):
    """Four branches that see 1, 3, 5 and 7 pixels: a 1 x 1 convolution, then as many 1 x 3 and 3 x 1 as that takes.

    Nothing but convolutions, as in the published code.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        each = outputs // 4
        self.branches = nn.ModuleList()
        for rounds in range(4):
            layers: list[nn.Module] = [nn.Conv2d(inputs, each, 1)]
            for _ in range(rounds):
                layers += [nn.Conv2d(each, each, (1, 3), padding=(0, 1)), nn.Conv2d(each, each, (3, 1), padding=(1, 0))]
            self.branches.append(nn.Sequential(*layers))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        return torch.cat([branch(images) for branch in self.branches], 1)


def _down(inputs: int, outputs: int) -> nn.Module:
    """Build what halves the resolution."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True))


def _up(inputs: int, outputs: int, dropout: float) -> nn.Module:
    """Build what doubles the resolution."""
    up = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)
    return nn.Sequential(up, nn.BatchNorm2d(outputs), nn.Dropout(dropout), nn.ReLU(inplace=True))


def _discriminator(channels: int, width: int) -> nn.Module:
    """Build what judges a frame and its motion, at every place of a 16th of its size by 8 * width numbers."""
    first = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    last = [nn.Conv2d(4 * width, 8 * width, 4, 2, 1), nn.BatchNorm2d(8 * width)]
    judge = nn.Sequential(*first, _down(width, 2 * width), _down(2 * width, 4 * width), *last)
    return judge.apply(_published_initialisation)


def _published_initialisation(module: nn.Module) -> None:
    """Draw a layer's weights as the published code does."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.trunc_normal_(module.weight, 0.0, 0.02, -0.04, 0.04)
        assert module.bias is not None  # every convolution has one
        nn.init.zeros_(module.bias)
