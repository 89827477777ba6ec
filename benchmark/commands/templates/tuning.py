"""MyTuning: plain gradient steps on a method's last layers.

One class is a tuning: a way to adapt a fitted method to a scene. The contract is `crossvad.adapters.tunings.base`;
`bench tunings check my_tuning.py:MyTuning` holds this file to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from crossvad.adapters.base import Adapter, option
from crossvad.adapters.tunings.base import Tuning
from crossvad.adapters.tunings.gradient import only_these_learn


@dataclass(frozen=True)
class Options:
    """What a user may set: --tuning 'my_tuning.py:MyTuning[learning_rate=0.1]'."""

    learning_rate: float = option(0.0, "of each step; 0: chosen on the source", minimum=0)


class MyTuning(Tuning):
    """Gradient descent on the last layers, without momentum."""

    Options = Options
    rate = "learning_rate"  # the option that says how far a step goes: at 0 it is chosen on the source, of these
    RATES = (1e-3, 1e-2, 1e-1)

    def unsupported_reason(self, adapter: Adapter) -> str:
        """Why a method cannot be adapted so; empty if it can."""
        return "" if adapter.head_parameters() else "has no last layers that adapt"

    def steps(self, adapter: Adapter, features: Any) -> Iterator[float]:
        """Adapt a method in place, a step each time the iterator is advanced; how many, the caller decides.

        `features` is the support set: K clips of the target's scene, as `adapter.frozen_features` made them. No label
        and no test frame ever comes here. A step yields the support loss that it began with. Steps that end at a
        higher loss than they began with are taken back, and tables mark that.
        """
        parameters = list(adapter.head_parameters().values())
        while True:
            with only_these_learn(adapter, parameters):
                loss = adapter.adaptation_loss(features)
                gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(self.options.learning_rate * gradient)
            yield loss.item()
