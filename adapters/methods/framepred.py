"""Frame-Pred: a U-Net predicts the next frame (Liu et al., "Future Frame Prediction for Anomaly Detection", CVPR 2018).

Four frames in, the fifth out, scored by its PSNR. `framepred` is the plain predictor that others build on; the paper's
own is `framepred[paper]`, whose frames must also move as the real ones do, and look real to a discriminator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Optimizers, Versions, descend
from crossvad.adapters.methods.frame_predictor import FramePredictor
from crossvad.adapters.nets.discriminators import PatchDiscriminator
from crossvad.adapters.nets.losses import gradient_loss, lsgan_loss
from crossvad.adapters.nets.optical_flow import lucas_kanade
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.nets.unet import UNet
from crossvad.adapters.options import Budget, PoolOptions, Schedule, option
from crossvad.adapters.published import EVALUATIONS

FLOW_WIDTH, FLOW_HEIGHT = 512, 384  # pixels: of the frames whose flow the published loss is of
SLOWER = 10  # the discriminator learns at so small a share of the generator's rate


@dataclass(frozen=True)
class Options(PoolOptions):
    """Which losses train it, and their weights."""

    presets: ClassVar[dict[str, dict[str, Any]]] = {"paper": {"losses": "intensity+gradient+adversarial+flow"}}

    losses: Literal[
        "intensity",
        "intensity+gradient",
        "intensity+gradient+adversarial",
        "intensity+gradient+flow",
        "intensity+gradient+adversarial+flow",
    ] = option("intensity+gradient", "that train it; the paper's is all four")
    adversarial: float = option(0.05, "weight of looking real to the discriminator, if that trains", minimum=0)
    flow: float = option(2.0, "weight of moving as the real frame does, if that counts", minimum=0)


class FramePrediction(FramePredictor):
    """A U-Net that predicts the next frame; 7 704 195 parameters at width 64 in RGB."""

    Options = Options
    versions = Versions(fit=2)
    paper = "Liu et al., CVPR 2018"
    licence = "none"
    last_layers = ("net.head.",)
    published = Schedule(80_000, 4, 2e-4, "adam", "none")
    published_evaluation = EVALUATIONS["framepred"]
    deviations = (
        "intensity and gradient loss only, neither optical-flow loss nor adversarial one, unless it is "
        "framepred[paper]. A public port whose flow loss has no gradient reports 95.6 and 84.6 on Ped2 and Avenue, the "
        "paper 95.4 and 85.1",
        "flow is Lucas and Kanade's over a pyramid, at the frames' size: the paper's is FlowNet2-SD, whose weights are "
        "not to be had offline, on frames of 384 x 512, in whose pixels it counts here, too",
        "one learning rate for every source and step, the code's for colour: it has half of that for gray sets, and a "
        "tenth after 7 000 to 100 000 steps (not measured)",
        "adapts to a scene, by all of its parameters: its authors adapt nothing",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=5)
        self.net = UNet(4 * budget.channels, budget.channels, budget.width)
        self.apply(_published_initialisation)
        self.wanted = self.options.losses.split("+")
        widths = [budget.width * multiple for multiple in (2, 4, 8, 8)]
        self.discriminator = TrainingOnly(
            lambda: PatchDiscriminator(budget.channels, widths, [2, 2, 2, 1, 1], padding=2, padding_mode="reflect")
        )

    def predict(self, clips: Tensor) -> Tensor:
        """Predict the fifth frame of clips (B, 5, C, H, W) from the four before it."""
        frames = clips[:, :-1].flatten(1, 2)  # (B, 4C, H, W)
        prediction: Tensor = self.net(frames)  # (B, C, H, W)
        return prediction

    def loss(self, clips: Tensor) -> Tensor:
        """Add the losses but the adversarial one: intensity and gradient with weight 1, and flow."""
        return self._loss(self.predict(clips), clips)

    def _loss(self, prediction: Tensor, clips: Tensor) -> Tensor:
        before, target = clips[:, -2], clips[:, -1]
        loss = (prediction - target).square().mean()
        if "gradient" in self.wanted:
            loss = loss + gradient_loss(prediction, target)
        if "flow" in self.wanted:
            moved, moves = (lucas_kanade(before.mean(1), frame.mean(1)) for frame in (prediction, target))
            height, width = before.shape[2:]
            unit = moved.new_tensor([FLOW_WIDTH / width, FLOW_HEIGHT / height]).view(1, 2, 1, 1)
            loss = loss + self.options.flow * ((moved - moves) * unit).abs().mean()
        return loss

    @property
    def splits_batches(self) -> bool:
        """Not with an adversary, which has an optimiser of its own."""
        own = type(self).training_step is FramePrediction.training_step
        return own and "adversarial" not in self.wanted

    def optimizers(self, budget: Budget) -> Optimizers:
        """The schedule's for the U-Net; Adam for the discriminator, if it trains."""
        optimizers = super().optimizers(budget)
        if "adversarial" in self.wanted:
            rate = self.schedule(budget).learning_rate / SLOWER
            optimizers["discriminator"] = torch.optim.Adam(self.discriminator.network.parameters(), rate)
        return optimizers

    def training_step(self, clips: Tensor, optimizers: Optimizers) -> dict[str, float]:
        """Learn from clips (B, 5, C, H, W); with an adversary, what judges it first and then the U-Net (code)."""
        if "adversarial" not in self.wanted:
            return super().training_step(clips, optimizers)
        prediction = self.predict(clips)
        real, made = (self.discriminator(frames).sigmoid() for frames in (clips[:, -1], prediction.detach()))
        judged = lsgan_loss(real, 1) + lsgan_loss(made, 0)
        descend(optimizers["discriminator"], judged)
        loss = self._loss(prediction, clips)
        loss = loss + self.options.adversarial * lsgan_loss(self.discriminator(prediction).sigmoid(), 1)
        descend(optimizers["all"], loss)
        return {"loss": loss.item(), "discriminator": judged.item()}

    @torch.no_grad()
    def predicted_frames(self, clips: Tensor) -> Tensor:
        """The frame predicted in the place of each clip's last, (B, C, H, W) in [-1, 1]."""
        return self.predict(clips)


def _published_initialisation(module: nn.Module) -> None:
    """Draw a layer's weights as the published code does: uniformly after Glorot and Bengio, with biases of zero."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None  # every convolution of the U-Net has one
        nn.init.zeros_(module.bias)
