"""The plain U-Net frame predictor (Liu et al., "Future Frame Prediction for Anomaly Detection", CVPR 2018).

Four frames in, the fifth out, scored by its PSNR.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, CueScores, Versions
from crossvad.adapters.nets.losses import decibel, gradient_loss, pool_error, squared_error
from crossvad.adapters.nets.unet import UNet
from crossvad.adapters.options import Budget, PoolOptions, Schedule
from crossvad.adapters.published import EVALUATIONS


class FramePrediction(Adapter):
    """A U-Net that predicts the next frame; 7 704 195 parameters at width 64 in RGB."""

    Options = PoolOptions
    versions = Versions(fit=2)
    paper = "Liu et al., CVPR 2018"
    licence = "none"
    last_layers = ("net.head.",)
    published = Schedule(80_000, 4, 2e-4, "adam", "none")
    published_evaluation = EVALUATIONS["framepred"]
    deviations = (
        "intensity and gradient loss only: no optical-flow loss, which needs a pre-trained network, and no adversarial "
        "one. A public port whose flow loss does not work reports 95.6 and 84.6 on Ped2 and Avenue, the paper 95.4 and "
        "85.1",
        "one learning rate for every source and step, the code's for colour: it has half of that for gray sets, and a "
        "tenth after 7 000 to 100 000 steps (not measured)",
        "adapts to a scene, by all of its parameters: its authors adapt nothing",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=5)
        self.net = UNet(4 * budget.channels, budget.channels, budget.width)
        self.apply(_published_initialisation)

    def predict(self, clips: Tensor) -> Tensor:
        """Predict the fifth frame of clips (B, 5, C, H, W) from the four before it."""
        frames = clips[:, :-1].flatten(1, 2)  # (B, 4C, H, W)
        prediction: Tensor = self.net(frames)  # (B, C, H, W)
        return prediction

    def loss(self, clips: Tensor) -> Tensor:
        """Add intensity and gradient loss, both with weight 1."""
        prediction, target = self.predict(clips), clips[:, -1]
        return (prediction - target).square().mean() + gradient_loss(prediction, target)

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"prediction": (B,)}: minus the PSNR, in dB."""
        error = squared_error(self.predict(clips), clips[:, -1])  # (B, H, W)
        return {"prediction": decibel(pool_error(error, self.options.pool))}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Squared error of the prediction, (B, H, W)."""
        return squared_error(self.predict(clips), clips[:, -1])

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
