"""Tunings that take gradient steps by Adam: on all that adapts, or on the last layers"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import option
from crossvad.adapters.tunings.base import Tuning, in_turn


@dataclass(frozen=True)
class FineTuneOptions:
    """How to fine-tune."""

    learning_rate: float = option(0.0, "of Adam; 0: chosen on the source, from four decades", minimum=0)


class FineTune(Tuning):
    """Adam on the whole support set, from fresh moments. Normalisation statistics and memories stay as trained."""

    Options = FineTuneOptions
    rate = "learning_rate"
    RATES = (1e-5, 1e-4, 1e-3, 1e-2)

    def parameters(self, adapter: Adapter) -> dict[str, nn.Parameter]:
        """What moves: everything that the method lets adapt."""
        return adapter.adaptable_parameters()

    def unsupported_reason(self, adapter: Adapter) -> str:
        """A method without a parameter to move."""
        return "" if self.parameters(adapter) else "has no parameter that adapts"

    def steps(self, adapter: Adapter, features: Any) -> Iterator[float]:
        """Take Adam steps.

        Raises:
            ValueError: the learning rate has not been chosen.
        """
        if self.rate_is_open:
            raise ValueError(f"the {self.rate} is still open: tuning.with_rate(rate), or tunings.rate_search")
        parameters = list(self.parameters(adapter).values())
        optimizer = torch.optim.Adam(parameters, self.options.learning_rate)
        while True:
            with only_these_learn(adapter, parameters):
                optimizer.zero_grad(set_to_none=True)
                begun = 0.0
                for part, share in in_turn(adapter, features):
                    loss = share * adapter.adaptation_loss(part)
                    loss.backward()  # type: ignore[no-untyped-call]
                    begun += loss.item()
                optimizer.step()
            yield begun


class HeadTuning(FineTune):
    """Adam on the last layers alone."""

    def parameters(self, adapter: Adapter) -> dict[str, nn.Parameter]:
        """The adaptable ones of the last layers."""
        return adapter.head_parameters()

    def unsupported_reason(self, adapter: Adapter) -> str:
        """A method that does not say which its last layers are."""
        names = " or ".join(adapter.last_layers)
        return "" if self.parameters(adapter) else f"has no adaptable parameter whose name begins with {names}"


@contextmanager
def only_these_learn(adapter: Adapter, parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Ask for gradients of these parameters alone: a frozen backbone costs no backward pass. Restored afterwards."""
    asked = {parameter: parameter.requires_grad for parameter in adapter.parameters()}
    adapter.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, before in asked.items():
            parameter.requires_grad_(before)
            parameter.grad = None
