"""Tunings that learn on the source how to adapt, through learn2learn: MAML, ANIL and Meta-SGD.

An episode stands for a scene: a support set, a few steps on it, and the loss of query clips after them. Meta-training
moves where the steps start from, and Meta-SGD their sizes, too, so that the query loss falls.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from crossvad.adapters.base import Adapter, Log
from crossvad.adapters.options import option
from crossvad.adapters.tunings.base import Tuning, in_turn
from crossvad.adapters.tunings.gradient import only_these_learn
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import InputError

RECIPE = "make meta (or the two pip commands in docs/installing.md)"


@dataclass(frozen=True)
class MetaOptions:
    """How to meta-train."""

    learning_rate: float = option(
        1e-3, "of an inner step; for metasgd what every step size is before it is learned", above=0
    )
    meta_learning_rate: float = option(1e-4, "of Adam, on what is learned", above=0)
    scenes: int = option(
        1, "N, episodes to a meta-step: each of another scene of the source, or another time of it", minimum=1
    )
    support: int = option(5, "K, support clips of an episode", minimum=1)
    query: int = option(5, "Q, query clips of an episode", minimum=1)
    steps: int = option(1, "inner steps of an episode", minimum=1)
    first_order: bool = option(False, "take the inner gradient for a constant")


class MetaTuning(Tuning):
    """What all three have in common."""

    Options = MetaOptions
    learns = True

    def __init__(self, options: Any = None) -> None:
        """Take the options.

        Raises:
            InputError: learn2learn is not installed.
        """
        super().__init__(options)
        learn2learn()

    def inner(self, adapter: Adapter) -> dict[str, nn.Parameter]:
        """What inner steps, and steps on a target, move: everything that the method lets adapt."""
        return adapter.adaptable_parameters()

    @abstractmethod
    def learner(self, fast: nn.Module) -> Any:
        """learn2learn's wrapper of the fast weights."""

    def learned(self, names: list[str], learner: Any) -> dict[str, Tensor]:
        """What meta-training learned beside the method's parameters, by name."""
        return {}

    def prepare(self, adapter: Adapter, source: ClipSource, episodes: int, log: Log) -> dict[str, Tensor]:
        """Meta-train: the query loss after the inner steps is what is minimised, mean over `scenes` episodes a step."""
        o = self.options
        adapter.eval()  # as it will adapt: normalisation statistics and memories stay
        fast, slow = _FastWeights(self.inner(adapter)), list(adapter.adaptable_parameters().values())
        learner = self.learner(fast)
        sizes = [p for p in learner.parameters() if not any(p is own for own in slow)]
        optimizer = torch.optim.Adam([*slow, *sizes], o.meta_learning_rate)
        with only_these_learn(adapter, slow):
            for episode in range(1, episodes + 1):
                optimizer.zero_grad(set_to_none=True)
                total = 0.0
                for support, query in source.episodes(o.scenes, o.support, o.query):
                    task = learner.clone()
                    for _ in range(o.steps):
                        task.adapt(of_all(task.module, loss_with(adapter, task.module.by_name(), support)))
                    loss = loss_with(adapter, task.module.by_name(), query) / o.scenes
                    loss.backward()
                    total += loss.item()
                optimizer.step()
                log(episode, episodes, {"query loss": total})
        state = self.learned(fast.names, learner)
        self.restore(state)
        return state

    def size(self, name: str) -> Tensor | float:
        """How far a step goes along a parameter's gradient."""
        return cast(float, self.options.learning_rate)

    def steps(self, adapter: Adapter, features: Any) -> Iterator[float]:
        """Take plain gradient steps, as in an episode."""
        parameters = self.inner(adapter)
        while True:
            with only_these_learn(adapter, list(parameters.values())):
                begun, gradients = _support_gradients(adapter, features, parameters)
                with torch.no_grad():
                    for name, gradient in gradients.items():
                        parameters[name].sub_(self.size(name) * gradient)
            yield begun


def _support_gradients(
    adapter: Adapter, features: Any, parameters: dict[str, nn.Parameter]
) -> tuple[float, dict[str, Tensor]]:
    """The loss on a support set, and its gradient by each of some parameters that it depends on."""
    support_loss, gradients = 0.0, dict[str, Tensor]()
    for part, share in in_turn(adapter, features):
        loss = share * adapter.adaptation_loss(part)
        of_part = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, of_part, strict=True):
            if gradient is not None:  # else the loss does not depend on it
                gradients[name] = gradients[name] + gradient if name in gradients else gradient
        support_loss += loss.item()
    return support_loss, gradients


class Maml(MetaTuning):
    """MAML (Finn et al. 2017): learn where to start; the step size is given."""

    def learner(self, fast: nn.Module) -> Any:
        """MAML."""
        o = self.options
        return learn2learn().algorithms.MAML(fast, o.learning_rate, o.first_order, allow_unused=True)


class Anil(Maml):
    """ANIL (Raghu et al. 2020): as MAML, but inner steps move the last layers alone; the rest is only learned."""

    def inner(self, adapter: Adapter) -> dict[str, nn.Parameter]:
        """The last layers."""
        return adapter.head_parameters()

    def unsupported_reason(self, adapter: Adapter) -> str:
        """A method that does not say which its last layers are."""
        names = " or ".join(adapter.last_layers)
        return "" if self.inner(adapter) else f"has no adaptable parameter whose name begins with {names}"


class MetaSgd(MetaTuning):
    """Meta-SGD (Li et al. 2017): learn a starting point and one step size per parameter element."""

    def __init__(self, options: Any = None) -> None:
        """Take the options.

        Raises:
            InputError: learn2learn is not installed.
        """
        super().__init__(options)
        self.step_sizes: dict[str, Tensor] = {}

    def learner(self, fast: nn.Module) -> Any:
        """Meta-SGD."""
        return learn2learn().algorithms.MetaSGD(fast, self.options.learning_rate, self.options.first_order)

    def learned(self, names: list[str], learner: Any) -> dict[str, Tensor]:
        """The step sizes."""
        return {name: size.detach().clone() for name, size in zip(names, learner.lrs, strict=True)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up learned step sizes, by parameter name."""
        self.step_sizes = state

    def described(self) -> dict[str, list[float]]:
        """Least, median and greatest step size of each parameter; a negative one steps up the loss."""
        return {
            name: [float(sizes.min()), float(sizes.median()), float(sizes.max())]
            for name, sizes in self.step_sizes.items()
        }

    def size(self, name: str) -> Tensor:
        """The learned ones of this parameter's elements."""
        return self.step_sizes[name]


class _FastWeights(nn.Module):
    """Some of a method's parameters as a module of their own, so that learn2learn moves these and no others.

    They are the method's own tensors: what meta-training does to them, it does to the method.
    """

    def __init__(self, parameters: dict[str, nn.Parameter]) -> None:
        super().__init__()
        self.names = list(parameters)
        for name, parameter in parameters.items():
            self.register_parameter(name.replace(".", "/"), parameter)  # a dot is not allowed in a parameter's name

    def by_name(self) -> dict[str, Tensor]:
        """The current tensors under the method's own parameter names."""
        return {name: getattr(self, name.replace(".", "/")) for name in self.names}


class _MetaLoss(nn.Module):
    """A method as a module whose forward pass is its meta loss: the form in which torch.func takes functions."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.adapter = adapter

    def forward(self, clips: Tensor) -> Tensor:
        """The meta loss of clips (B, T, C, H, W)."""
        return self.adapter.meta_loss(clips)


def loss_with(adapter: Adapter, parameters: dict[str, Tensor], clips: Tensor) -> Tensor:
    """The method's meta loss of clips (B, T, C, H, W), were these its parameters of those names."""
    named = {f"adapter.{name}": parameter for name, parameter in parameters.items()}
    return functional_call(_MetaLoss(adapter), named, (clips,))


def of_all(weights: nn.Module, loss: Tensor) -> Tensor:
    """A loss that has a gradient, be it zero, by each of some weights: learn2learn's Meta-SGD cannot do with less."""
    return loss + sum(0 * parameter.sum() for parameter in weights.parameters())


def learn2learn() -> Any:
    """learn2learn, imported here only: late, and without the notices that its import of gym prints.

    Raises:
        InputError: it is not installed; names the recipe.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import learn2learn
    except ImportError as error:
        raise InputError(
            "learn2learn", f"cannot be imported ({error})", f"maml, anil and metasgd need it: {RECIPE}"
        ) from error
    return learn2learn
