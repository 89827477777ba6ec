"""How a fitted method adapts to a scene: the contract of a tuning, and those that learn nothing beforehand.

    none       not at all
    finetune   Adam on all of the method's adaptable parameters
    head       Adam on those of its last layers
    norm       no gradient: normalisation statistics move towards the scene's

`maml`, `anil` and `metasgd`, which learn on the source how to adapt, are in `meta.py`.
"""

from __future__ import annotations

import copy
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adaptation, Adapter, Log, NoOptions, option
from crossvad.datasets.clips import ClipSource

AnyAdapter = TypeVar("AnyAdapter", bound=Adapter)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Tuning(ABC):
    """One way to adapt. Subclass it to add another.

    A tuning has two moments. `prepare` runs once, on the source, after the method is fitted: meta-learning happens
    there. `moves` runs once a scene, on the target's support set. Neither sees a label.
    """

    Options: ClassVar[type] = NoOptions  # a frozen dataclass, as for methods
    learns: ClassVar[bool] = False  # True: `prepare` changes the method, so that even 0 shots differ from no tuning
    rate: ClassVar[str] = ""  # the option that says how far a step goes; at 0 it is chosen on the source, of `RATES`
    RATES: ClassVar[tuple[float, ...]] = ()

    def __init__(self, options: Any = None) -> None:
        """Take the options, or their defaults."""
        self.options = self.Options() if options is None else options

    def prepare(self, adapter: Adapter, source: ClipSource, episodes: int, log: Log) -> dict[str, Tensor]:
        """Learn on the source how to adapt; may move the adapter's parameters. Returns a state for `restore`."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:  # noqa: B027 - most tunings have nothing to take up
        """Take up what an earlier `prepare` returned."""

    def described(self) -> dict[str, list[float]]:
        """What `prepare` learned beside the method's parameters, for people: some numbers for each name."""
        return {}

    def refusal(self, adapter: Adapter) -> str:
        """Why a method cannot be tuned so; empty if it can."""
        return ""

    @abstractmethod
    def moves(self, adapter: Adapter, seen: Any) -> Iterator[float]:
        """Adapt a method in place and in eval mode, a step each time the iterator is advanced, without an end.

        Args:
            adapter: what is adapted.
            seen: a support set as `adapter.frozen` made it of clips (K, T, C, H, W).

        Yields:
            The support loss that the step began with.
        """

    def adapt(self, adapter: Adapter, seen: Any, steps: int) -> None:
        """Take `steps` steps in place, whatever becomes of the loss."""
        for _ in itertools.islice(self.moves(adapter, seen), steps):
            pass

    def adapted(self, adapter: AnyAdapter, seen: Any, counts: Sequence[int]) -> Iterator[AnyAdapter]:
        """New methods, adapted in each of some numbers of steps >= 1, ascending: all of one run. The given one stays.

        An adaptation that ends with a support loss that is not finite, or is above where it began, is taken back: what
        comes is the method as it was. `adaptation` says so.
        """
        moving = copy.deepcopy(adapter)
        moves, begun, done = self.moves(moving, seen), math.nan, 0
        for count in counts:
            for loss in itertools.islice(moves, count - done):
                begun, done = (loss if done == 0 else begun), done + 1
            with torch.no_grad():
                ended = float(moving.adaptation_loss(seen))
            reverted = not ended <= begun  # a loss that is no number is not below anything
            result = copy.deepcopy(adapter if reverted else moving)
            result.adaptation = Adaptation(begun, ended, reverted)
            result.calibrate(seen)
            yield result

    @property
    def undecided(self) -> bool:
        """Whether its rate is still to be chosen on the source."""
        return bool(self.rate) and getattr(self.options, self.rate) == 0

    def at(self, rate: float) -> Self:
        """The same tuning with its rate decided."""
        decided = copy.copy(self)
        decided.options = replace(self.options, **{self.rate: rate})
        return decided


class NoTuning(Tuning):
    """Do not adapt: what a method scores on a scene it was never shown."""

    def moves(self, adapter: Adapter, seen: Any) -> Iterator[float]:
        """Leave the method as it is."""
        with torch.no_grad():
            loss = float(adapter.adaptation_loss(seen))
        yield from itertools.repeat(loss)


@dataclass(frozen=True)
class FineTuneOptions:
    """How to fine-tune."""

    learning_rate: float = option(0.0, "of Adam; 0: chosen on the source, from four decades")


class FineTune(Tuning):
    """Adam on the whole support set, from fresh moments. Normalisation statistics and memories stay as trained."""

    Options = FineTuneOptions
    rate = "learning_rate"
    RATES = (1e-5, 1e-4, 1e-3, 1e-2)

    def parameters(self, adapter: Adapter) -> dict[str, nn.Parameter]:
        """What moves: everything that the method lets adapt."""
        return adapter.adaptable_parameters()

    def refusal(self, adapter: Adapter) -> str:
        """A method without a parameter to move."""
        return "" if self.parameters(adapter) else "has no parameter that adapts"

    def moves(self, adapter: Adapter, seen: Any) -> Iterator[float]:
        """Take Adam steps.

        Raises:
            ValueError: the learning rate has not been chosen.
        """
        if self.undecided:
            raise ValueError(f"the {self.rate} is to be chosen first: tuning.at(rate), or adapters.search")
        parameters = list(self.parameters(adapter).values())
        optimizer = torch.optim.Adam(parameters, self.options.learning_rate)
        while True:
            with only_these_learn(adapter, parameters):
                optimizer.zero_grad(set_to_none=True)
                loss = adapter.adaptation_loss(seen)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            yield loss.item()


class HeadTuning(FineTune):
    """Adam on the last layers alone."""

    def parameters(self, adapter: Adapter) -> dict[str, nn.Parameter]:
        """The adaptable ones of the last layers."""
        return adapter.head_parameters()

    def refusal(self, adapter: Adapter) -> str:
        """A method that does not say which its last layers are."""
        names = " or ".join(adapter.last_layers)
        return "" if self.parameters(adapter) else f"has no adaptable parameter whose name begins with {names}"


@dataclass(frozen=True)
class NormOptions:
    """How to move statistics."""

    momentum: float = option(0.0, "share of the support set's statistics in a step; 0: chosen on the source")


class NormTuning(Tuning):
    """Move the statistics of batch norms towards the support set's; no parameter moves (Li et al. 2018, AdaBN)."""

    Options = NormOptions
    rate = "momentum"
    RATES = (0.01, 0.1, 0.3, 1.0)

    def refusal(self, adapter: Adapter) -> str:
        """A method without such statistics."""
        return "" if self._layers(adapter) else "has no normalisation statistics"

    def moves(self, adapter: Adapter, seen: Any) -> Iterator[float]:
        """Show the support set to layers that take its statistics in.

        Raises:
            ValueError: the momentum has not been chosen.
        """
        if self.undecided:
            raise ValueError(f"the {self.rate} is to be chosen first: tuning.at(rate), or adapters.search")
        layers = self._layers(adapter)
        while True:
            with torch.no_grad():
                loss = float(adapter.adaptation_loss(seen))
                with _taking_in(layers, self.options.momentum):
                    adapter.adaptation_loss(seen)
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
