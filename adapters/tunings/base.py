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
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, TypeVar

import torch
from torch import Tensor

from crossvad.adapters.base import Adaptation, Adapter, Log
from crossvad.adapters.options import NoOptions
from crossvad.adapters.portions import at_once, portion, size_of
from crossvad.adapters.project_code import keep_code
from crossvad.datasets.clips import ClipSource

AnyAdapter = TypeVar("AnyAdapter", bound=Adapter)


class Tuning(ABC):
    """One way to adapt. Subclass it to add another.

    A tuning has two moments. `prepare` runs once, on the source, after the method is fitted: meta-learning happens
    there. `steps` runs once a scene, on the target's support set. Neither sees a label.
    """

    Options: ClassVar[type] = NoOptions  # a frozen dataclass, as for methods
    version: ClassVar[int] = 1  # to raise when it comes to adapt in another way; a plug-in is as new as its code
    learns: ClassVar[bool] = False  # True: `prepare` changes the method, so that even 0 shots differ from no tuning
    rate: ClassVar[str] = ""  # the option that says how far a step goes; at 0 it is chosen on the source, of `RATES`
    RATES: ClassVar[tuple[float, ...]] = ()

    def __init_subclass__(cls, **named: Any) -> None:
        """Keep the code that one's own class is made of, which is what runs, and what its stored scores are told by."""
        super().__init_subclass__(**named)
        keep_code(cls)

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

    def unsupported_reason(self, adapter: Adapter) -> str:
        """Why a method cannot be tuned so; empty if it can."""
        return ""

    @abstractmethod
    def steps(self, adapter: Adapter, features: Any) -> Iterator[float]:
        """Adapt a method in place and in eval mode, a step each time the iterator is advanced, without an end.

        Args:
            adapter: what is adapted.
            features: a support set as `adapter.frozen_features` made it of clips (K, T, C, H, W).

        Yields:
            The support loss that the step began with.
        """

    def adapt(self, adapter: Adapter, features: Any, steps: int) -> None:
        """Take `steps` steps in place, whatever becomes of the loss."""
        for _ in itertools.islice(self.steps(adapter, features), steps):
            pass

    def adapted(self, adapter: AnyAdapter, features: Any, counts: Sequence[int]) -> Iterator[AnyAdapter]:
        """New methods, adapted in each of some numbers of steps >= 1, ascending: all of one run. The given one stays.

        An adaptation that ends with a support loss that is not finite, or is above where it began, is taken back: what
        comes is the method as it was. `adaptation` says so.
        """
        moving = copy.deepcopy(adapter)
        steps, begun, done = self.steps(moving, features), math.nan, 0
        for number, count in enumerate(counts, 1):
            for loss in itertools.islice(steps, count - done):
                begun, done = (loss if done == 0 else begun), done + 1
            is_last = number == len(counts)  # nobody needs `moving` any more
            if is_last and isinstance(steps, Generator):
                steps.close()  # what it tidies up, it does before its method is judged
            ended = support_loss(moving, features)
            reverted = not ended <= begun  # a loss that is no number is not below anything
            result = moving if is_last and not reverted else copy.deepcopy(adapter if reverted else moving)
            result.adaptation = Adaptation(begun, ended, reverted)
            with torch.no_grad():  # as where there are no steps: what is taken in must not hold on to how it was made
                result.calibrate(features)
            yield result

    @property
    def rate_is_open(self) -> bool:
        """Whether its rate is still to be chosen on the source."""
        return bool(self.rate) and getattr(self.options, self.rate) == 0

    def with_rate(self, rate: float) -> Self:
        """The same tuning with its rate decided."""
        decided = copy.copy(self)
        decided.options = replace(self.options, **{self.rate: rate})
        return decided


class NoTuning(Tuning):
    """Do not adapt: what a method scores on a scene it was never shown."""

    def steps(self, adapter: Adapter, features: Any) -> Iterator[float]:
        """Leave the method as it is."""
        loss = support_loss(adapter, features)
        yield from itertools.repeat(loss)


def in_turn(adapter: Adapter, features: Any) -> Iterator[tuple[Any, float]]:
    """What a loss on a support set may be made of, part by part, with the share of each: all of it at once, mostly.

    Of large frames a few clips fill more memory than there is, so that those of a method whose loss is a mean over
    clips come a few at a time.
    """
    count = size_of(features)
    step = at_once(adapter) if adapter.adapts_by_mean else count
    for start in range(0, count, step):
        part = features if step >= count else portion(features, slice(start, start + step))
        yield part, min(step, count - start) / count


@torch.no_grad()
def support_loss(adapter: Adapter, features: Any) -> float:
    """What a method loses on a support set, as `frozen_features` made it."""
    return sum(share * float(adapter.adaptation_loss(part)) for part, share in in_turn(adapter, features))


def adaptations(adapter: AnyAdapter, features: Any, counts: Sequence[int], tuning: Tuning) -> Iterator[AnyAdapter]:
    """New methods, adapted to one support set in each of some numbers of steps; the given one stays.

    Args:
        adapter: what is adapted.
        features: what `adapter.frozen_features` makes of the support set (K, T, C, H, W), K >= 1.
        counts: numbers of steps >= 1, ascending: all are of one run. A method that is not tunable takes no notice.
        tuning: whose steps are taken; a method that is not tunable takes no notice.
    """
    if adapter.tunable:
        return tuning.adapted(adapter, features, counts)
    return (_calibrated(adapter, features) for _ in counts)


def adapt(adapter: AnyAdapter, support: Tensor, steps: int, tuning: Tuning) -> AnyAdapter:
    """A new method, adapted to the support set (K, T, C, H, W) in `steps` steps; the given one stays.

    Without clips or steps, or if nothing can change the method, it is a copy.
    """
    if not (len(support) and steps and adapter.adapts):
        return copy.deepcopy(adapter)
    with torch.no_grad():
        features = adapter.frozen_features(support)
    return next(adaptations(adapter, features, [steps], tuning))


@torch.no_grad()
def _calibrated(adapter: AnyAdapter, features: Any) -> AnyAdapter:
    """A copy that has taken a support set in, in closed form."""
    calibrated = copy.deepcopy(adapter)
    calibrated.calibrate(features)
    return calibrated
