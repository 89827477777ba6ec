"""A tuning: plain steps of a fixed size."""

from __future__ import annotations

import torch

from crossvad.adapters.tunings.base import Tuning
from crossvad.adapters.tunings.gradient import only_these_learn


class Descent(Tuning):
    """Gradient descent on all that adapts, by a hundredth of the gradient."""

    def steps(self, adapter, features):
        parameters = list(adapter.adaptable_parameters().values())
        while True:
            with only_these_learn(adapter, parameters):
                loss = adapter.adaptation_loss(features)
                gradients = torch.autograd.grad(loss, parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(0.01 * gradient)
            yield loss.item()
