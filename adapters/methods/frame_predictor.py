"""What methods share that predict the last frame of a clip, and score it by how far it is from what they predicted."""

from __future__ import annotations

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.losses import decibel, pool_error, squared_error


class FramePredictor(Adapter):
    """It defines `predicted_frames`, and has an option `pool`; the error of a prediction is its score."""

    def predicted_frames(self, clips: Tensor) -> Tensor:
        """The frame predicted in the place of each clip's last, (B, C, H, W) in the clips' range."""
        raise NotImplementedError(f"{type(self).__name__} must define predicted_frames(clips)")

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"prediction": (B,)}: minus the PSNR, in dB."""
        return {"prediction": decibel(pool_error(self.maps(clips), self.options.pool))}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Squared error of the prediction, (B, H, W), of images in [0, 1]."""
        return squared_error(self.predicted_frames(clips), clips[:, -1], self.clip.high - self.clip.low)
