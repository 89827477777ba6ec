"""Clips that share frames: what is computed of a frame is computed once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def each_once(clips: Tensor, compute: Callable[[Tensor], Tensor], shorter: int = 0) -> Tensor:
    """Compute something of the frames of clips (B, T, …), of each frame once where the clips are one frame apart.

    Args:
        clips: of frames.
        compute: takes consecutive frames (N, …) and returns a row for each, or for so many fewer.
        shorter: how many fewer: 1 of what takes a frame and the next.

    Returns:
        Rows of each clip, (B, T - shorter, …): the same, whether clips share frames or not.
    """
    length = clips.shape[1] - shorter
    if torch.equal(clips[1:, :-1], clips[:-1, 1:]):
        rows = compute(torch.cat([clips[0], clips[1:, -1]]))  # (B + T - 1 - shorter, …)
        return rows.unfold(0, length, 1).movedim(-1, 1)
    if shorter:
        return torch.stack([compute(clip) for clip in clips])
    rows = compute(clips.flatten(0, 1))
    return rows.view(*clips.shape[:2], *rows.shape[1:])
