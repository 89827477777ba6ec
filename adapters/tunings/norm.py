"""The tuning that moves normalisation statistics, and no parameter"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import option
from crossvad.adapters.tunings.base import Tuning, support_loss

NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class NormOptions:
    """How to move statistics."""

    momentum: float = option(
        0.0, "share of the support set's statistics in a step; 0: chosen on the source", minimum=0, maximum=1
    )


class NormTuning(Tuning):
    """Move the statistics of batch norms towards the support set's; no parameter moves (Li et al. 2018, AdaBN)."""

    Options = NormOptions
    rate = "momentum"
    RATES = (0.01, 0.1, 0.3, 1.0)

    def unsupported_reason(self, adapter: Adapter) -> str:
        """A method without such statistics."""
        return "" if self._layers(adapter) else "has no normalisation statistics"

    def steps(self, adapter: Adapter, features: Any) -> Iterator[float]:
        """Show the support set to layers that take its statistics in.

        Raises:
            ValueError: the momentum has not been chosen.
        """
        if self.rate_is_open:
            raise ValueError(f"the {self.rate} is still open: tuning.with_rate(rate), or tunings.rate_search")
        layers = self._layers(adapter)
        while True:
            loss = support_loss(adapter, features)
            with torch.no_grad(), _taking_in(layers, self.options.momentum):
                adapter.adaptation_loss(features)
            yield loss

    def _layers(self, adapter: Adapter) -> list[Any]:
        return [m for m in adapter.modules() if isinstance(m, NORMALISATIONS) and m.track_running_stats]


@contextmanager
def _taking_in(layers: list[Any], momentum: float) -> Iterator[None]:
    """Let these layers, and no other part of a method, be in training, with this momentum. Restored afterwards."""
    before = [(layer.momentum, layer.training) for layer in layers]
    for layer in layers:
        layer.momentum, layer.training = momentum, True
    try:
        yield
    finally:
        for layer, (its, training) in zip(layers, before, strict=True):
            layer.momentum, layer.training = its, training
