"""rGAN: few-shot scene-adaptive anomaly detection (Lu, Yu, Reddy and Wang, ECCV 2020).

A U-Net looks at each of three frames, a convolutional LSTM goes through what it saw, and what that gives out in the end
is the fourth frame; it must look real to a discriminator. The paper meta-learns it so that a few frames of a new scene
and a step are enough: here that is a tuning, with the same number of shots in training and on the target.

    --method rgan --tuning 'maml[scenes=6,support=10,query=10]' --shots 10 --steps 1

Its "fine-tuned" and "pre-trained" columns are `--tuning finetune` and K = 0.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

from crossvad.adapters.base import Optimizers, descend
from crossvad.adapters.methods.frame_predictor import FramePredictor
from crossvad.adapters.nets.conv_lstm import ConvLstm, State
from crossvad.adapters.nets.losses import gan_loss, gradient_loss, ms_ssim
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.nets.unet import double_conv
from crossvad.adapters.options import Budget, PoolOptions, Schedule, option
from crossvad.adapters.published import EVALUATIONS

BETAS = (0.5, 0.999)  # of Adam
REAL, FAKE = 0.9, 0.1  # what the discriminator is told, smoothed
SLOWER = 20  # the discriminator learns at so small a share of the generator's rate
FULL_WIDTH = 64  # a budget's width at which layers have these channels
HIDDEN = {"published": (16, 128, 256, 128, 64, 32, 16), "small": (16, 32, 16)}  # of the LSTM's layers but the last


@dataclass(frozen=True)
class Options(PoolOptions):
    """Where paper and published code part, and a size that a CPU can train."""

    reset_state: bool = option(False, "the LSTM forgets before every frame, so that only the last one counts (code)")
    lstm: Literal["published", "small"] = option(
        "published", "its layers: eight as published, most of the work, or four small ones (16, 32, 16, 3)"
    )
    gradient: float = option(1.0, "weight of the gradient loss: in the paper, and not in the code", minimum=0)
    adversarial: float = option(1.0, "weight of fooling the discriminator (code); 0 trains none", minimum=0)


class RGan(FramePredictor):
    """U-Net, ConvLSTM and a discriminator; 19 963 603 parameters at width 64 in RGB."""

    Options = Options
    paper = "Lu et al., ECCV 2020"
    licence = "MIT"
    last_layers = ("lstm.",)
    published = Schedule(20_000, 1, 2e-4, "adam", "none")
    published_evaluation = EVALUATIONS["rgan"]
    deviations = (
        "the state of the LSTM goes from frame to frame, as the paper has it: the published code forgets it before "
        "every frame (reset_state=true)",
        "MS-SSIM as it is defined, over as many of its five scales as the frame has room for: the code's copy counts "
        "the last scale's similarity again at every scale",
        "weights of the losses are 1, as in the code: the paper's are not in hand. The code has no gradient loss",
        "meta-training is by a tuning, without the discriminator, over frozen normalisation: the code adapts and "
        "meta-trains both, in batches of one, and its outer gradient is taken at mixed points",
        "length of the training before that is not published (20 000 steps)",
        "which steps it takes on a target, and how it scores, was not released: by minus PSNR",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=4)
        if budget.size % 16:
            raise ValueError(f"frames of {budget.size} pixels are not halved four times evenly")
        self.clip = dataclasses.replace(self.clip, low=0.0)  # frames in [0, 1]
        w, channels = budget.width, budget.channels
        self.down = nn.ModuleList(
            double_conv(i, o, norm=True)
            for i, o in ((channels, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 8 * w))
        )
        self.up = nn.ModuleList(double_conv(i * w, o * w, norm=True) for i, o in ((16, 4), (8, 2), (4, 1), (2, 1)))
        self.out = nn.Conv2d(w, channels, 1)
        hidden = [max(1, size * w // FULL_WIDTH) for size in HIDDEN[self.options.lstm]]
        self.lstm = ConvLstm(channels, [*hidden, channels])
        self.discriminator = TrainingOnly(lambda: Discriminator(channels, budget.size))

    def see(self, frame: Tensor) -> Tensor:
        """The U-Net: a frame (B, C, H, W) to as many channels."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            frame = block(max_pool2d(frame, 2) if level else frame)  # (B, w, H, W), …, (B, 8w, H/16, W/16)
            skips.append(frame)
        features = skips.pop()
        for block in self.up:
            skip = skips.pop()
            finer = interpolate(features, skip.shape[2:], mode="bilinear", align_corners=True)
            features = block(torch.cat([skip, finer], 1))  # (B, 4w, H/8, W/8), …, (B, w, H, W)
        seen: Tensor = self.out(features)
        return seen

    def predict(self, clips: Tensor) -> Tensor:
        """Predict the fourth frame of clips (B, 4, C, H, W) in [0, 1], from the three before it: (B, C, H, W)."""
        states: list[State] | None = None
        given = clips[:, :-1]
        for frame in (given[:, -1:] if self.options.reset_state else given).unbind(1):
            made, states = self.lstm(self.see(frame), states)
        return made

    def loss(self, clips: Tensor) -> Tensor:
        """Absolute error, structure and gradient: all of the loss but the adversarial one, which no steps lower."""
        return self._loss(self.predict(clips), clips[:, -1])

    def _loss(self, made: Tensor, real: Tensor) -> Tensor:
        structure = (1 - ms_ssim(made, real)) / 2
        return (made - real).abs().mean() + structure + self.options.gradient * gradient_loss(made, real)

    def optimizers(self, budget: Budget) -> Optimizers:
        """Adam for both (code: 2e-4, 1e-5)."""
        rate = self.schedule(budget).learning_rate
        optimizers: Optimizers = {"generator": torch.optim.Adam(self.parameters(), rate, BETAS)}
        if self.options.adversarial:
            judging = self.discriminator.network.parameters()
            optimizers["discriminator"] = torch.optim.Adam(judging, rate / SLOWER, BETAS)
        return optimizers

    def training_step(self, clips: Tensor, optimizers: Optimizers) -> dict[str, float]:
        """Learn from clips (B, 4, C, H, W): first the generator, then what judges it."""
        made, real = self.predict(clips), clips[:, -1]
        loss = self._loss(made, real)
        if self.options.adversarial:
            loss = loss + self.options.adversarial * gan_loss(self.discriminator(made), REAL)
        descend(optimizers["generator"], loss)
        losses = {"loss": loss.item()}
        if self.options.adversarial:
            judged = (gan_loss(self.discriminator(real), REAL) + gan_loss(self.discriminator(made.detach()), FAKE)) / 2
            descend(optimizers["discriminator"], judged)
            losses["discriminator"] = judged.item()
        return losses

    @torch.no_grad()
    def predicted_frames(self, clips: Tensor) -> Tensor:
        """The frame predicted in the place of each clip's last, (B, C, H, W), where frames are in [0, 1]."""
        return self.predict(clips)


class Discriminator(nn.Module):
    """Four convolutions that halve, and a layer that sees all of the image; 205 569 parameters at 256 pixels in RGB."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((channels, 16), (16, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.ReLU(inplace=True)]
        self.hidden = nn.Sequential(*layers)
        self.judge = nn.Linear(128 * (size // 16) ** 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Judge images (B, C, H, W) by logits (B, 1)."""
        judged: Tensor = self.judge(self.hidden(images).flatten(1))
        return judged
