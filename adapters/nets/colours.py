"""Gray from colour, for methods that are published for gray frames alone."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R 601): as MemAE's code and our readers make gray


def gray(clips: Tensor) -> Tensor:
    """Turn clips (B, T, C, H, W), RGB or gray already, into gray (B, T, H, W)."""
    if clips.shape[2] == 1:
        return clips.squeeze(2)
    return torch.tensordot(clips, clips.new_tensor(LUMA), ([2], [0]))
