"""Training on what a frozen part makes of the source: made once, drawn from ever after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from crossvad.datasets.clips import ClipSource


class FrozenSource(ClipSource):
    """A source whose batches are of the features of some of its clips, spread over all of them."""

    def __init__(self, source: ClipSource, compute: Callable[[Tensor], Tensor], limit: int, batch: int) -> None:
        """Compute features.

        Args:
            source: that clips are of.
            compute: makes features (B, …) of clips (B, T, C, H, W).
            limit: how many clips, at most.
            batch: of these at once.
        """
        self.__dict__.update(source.__dict__)
        with torch.no_grad():
            self.features = torch.cat([compute(clips) for clips in source.spread(limit, batch)])

    def batch(self, size: int, strides: Sequence[int] = (1,)) -> Tensor:
        """Draw features of `size` clips uniformly, (size, …)."""
        picks = self.random.integers(0, len(self.features), size)
        return self.features[torch.from_numpy(picks).to(self.features.device)]
