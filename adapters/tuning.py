"""How a fitted method adapts to a scene: which gradient steps it takes on the support set, and how it learned to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, Log, Tuning
from crossvad.datasets.base import InputError
from crossvad.datasets.clips import ClipSource

RECIPE = "make meta (or the two pip commands under “Meta-learning” in README.md)"


class NoTuning(Tuning):
    """Do not adapt: what a method scores on a scene it was never shown."""

    def adapt(self, adapter: Adapter, support: Tensor, steps: int) -> None:
        """Leave the method as it is."""


@dataclass(frozen=True)
class FineTuneOptions:
    """How to fine-tune."""

    learning_rate: float = 1e-4


class FineTune(Tuning):
    """Adam on the whole support set, from fresh moments. Normalisation statistics and memories stay as trained."""

    Options = FineTuneOptions

    def adapt(self, adapter: Adapter, support: Tensor, steps: int) -> None:
        """Take `steps` Adam steps on the adaptable parameters."""
        parameters = list(adapter.adaptable_parameters().values())
        optimizer = torch.optim.Adam(parameters, self.options.learning_rate)
        with _only_these_learn(adapter, parameters):
            for _ in range(steps):
                optimizer.zero_grad(set_to_none=True)
                adapter.adaptation_loss(support).backward()  # type: ignore[no-untyped-call]
                optimizer.step()


@dataclass(frozen=True)
class MetaSgdOptions:
    """How to meta-train."""

    learning_rate: float = 1e-3  # initial step size of every parameter, before any is learned
    meta_learning_rate: float = 1e-4  # Adam, on the parameters and on their step sizes
    support: int = 5  # support clips of an episode
    query: int = 5  # query clips of an episode
    first_order: bool = False


class MetaSgd(Tuning):
    """Meta-SGD (Li et al. 2017) through learn2learn: learn a starting point and one step size per parameter element."""

    Options = MetaSgdOptions
    learns = True

    def __init__(self, options: Any = None) -> None:
        """Take the options.

        Raises:
            InputError: learn2learn is not installed.
        """
        super().__init__(options)
        self.step_sizes: dict[str, Tensor] = {}
        _learn2learn()

    def prepare(self, adapter: Adapter, source: ClipSource, episodes: int, log: Log) -> dict[str, Tensor]:
        """Meta-train on one-step episodes from the source: the query loss after one inner step is what is minimised."""
        from torch.func import functional_call

        adapter.eval()  # as it will adapt: normalisation statistics and memories stay
        fast = _FastWeights(adapter)
        learner = _learn2learn().algorithms.MetaSGD(fast, self.options.learning_rate, self.options.first_order)
        optimizer = torch.optim.Adam(learner.parameters(), self.options.meta_learning_rate)
        with _only_these_learn(adapter, list(fast.parameters())):
            for episode in range(1, episodes + 1):
                support, query = source.episode(self.options.support, self.options.query)
                task = learner.clone()
                task.adapt(functional_call(adapter, task.module.by_name(), (support,)))
                loss = functional_call(adapter, task.module.by_name(), (query,))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                log(episode, episodes, {"query loss": loss.item()})
        self.step_sizes = {name: size.detach().clone() for name, size in zip(fast.names, learner.lrs, strict=True)}
        return self.step_sizes

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up learned step sizes, by parameter name."""
        self.step_sizes = state

    def adapt(self, adapter: Adapter, support: Tensor, steps: int) -> None:
        """Take `steps` gradient steps with the learned step sizes."""
        parameters = adapter.adaptable_parameters()
        sizes = [self.step_sizes[name].to(support.device) for name in parameters]
        with _only_these_learn(adapter, list(parameters.values())):
            for _ in range(steps):
                loss = adapter.adaptation_loss(support)
                gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
                with torch.no_grad():
                    for parameter, size, gradient in zip(parameters.values(), sizes, gradients, strict=True):
                        if gradient is not None:  # the loss does not depend on it
                            parameter.sub_(size * gradient)


class _FastWeights(nn.Module):
    """A method's adaptable parameters as a module of their own, so that MetaSGD moves these and no others.

    They are the method's own tensors: what meta-training does to them, it does to the method.
    """

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.names = list(adapter.adaptable_parameters())
        for name, parameter in adapter.adaptable_parameters().items():
            self.register_parameter(name.replace(".", "/"), parameter)  # a dot is not allowed in a parameter's name

    def by_name(self) -> dict[str, Tensor]:
        """The current tensors under the method's own parameter names."""
        return {name: getattr(self, name.replace(".", "/")) for name in self.names}


@contextmanager
def _only_these_learn(adapter: Adapter, parameters: list[nn.Parameter]) -> Iterator[None]:
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


def _learn2learn() -> Any:
    """learn2learn, imported here only: late, and without the notices that its import of gym prints.

    Raises:
        InputError: it is not installed; names the recipe.
    """
    import contextlib
    import io
    import warnings

    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import learn2learn
    except ImportError as error:
        raise InputError(
            "learn2learn", f"cannot be imported ({error})", f"tuning metasgd needs it: {RECIPE}"
        ) from error
    return learn2learn
