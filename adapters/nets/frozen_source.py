"""Training on what a frozen part makes of the source: made once, drawn from ever after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from crossvad.datasets.clips import ClipSource


class FrozenSource:
    """Batches of the features of some clips of a source, spread over all of it. They are `datasets.clips.Batches`."""

    def __init__(self, source: ClipSource, compute: Callable[[Tensor], Tensor], limit: int, batch: int) -> None:
        """Compute features.

        Args:
            source: that clips are of, with whose generator they are drawn.
            compute: makes features (B, …) of clips (B, T, C, H, W).
            limit: how many clips, at most.
            batch: of these at once.
        """
        self.random = source.random
        with torch.no_grad():
            self.features = torch.cat([compute(clips) for clips in source.spread(limit, batch)])

    def batch(self, size: int, strides: Sequence[int] = (1,)) -> Tensor:
        """Draw features of `size` clips uniformly, (size, …); they were made of clips of stride 1."""
        picks = self.random.integers(0, len(self.features), size)
        return self.features[torch.from_numpy(picks).to(self.features.device)]
