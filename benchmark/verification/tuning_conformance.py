"""What every tuning must satisfy, run on a small method and made-up video: `bench tunings check`."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator

import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import NoTuning, Tuning
from crossvad.datasets.clips import ClipSource, head
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.specs import MethodSpec, TuningSpec
from crossvad.verification.miniature_grid import LENGTH, made_up_cameras, moving_squares, run_twice
from crossvad.verification.verdicts import Verdict, without_errors

METHODS = ("framepred", "memae-2d")  # a tuning is held to the first that it can adapt; the other has batch norms
STEPS, EPISODES = 3, 2
CPU = torch.device("cpu")


def tuning_verdicts(tuning: TuningSpec) -> Iterator[Verdict]:
    """Adapt a small method by a tuning, and hold that to the contract of `adapters.tunings.base`, rule by rule.

    Raises:
        InputError: it needs what is not installed.
    """
    yield from without_errors(_verdicts(tuning))


def _verdicts(tuning: TuningSpec) -> Iterator[Verdict]:
    if (rate := tuning.cls.rate) and not (hasattr(tuning.options, rate) and tuning.cls.RATES):
        wanted = f"rate is {rate!r}: it wants an option of that name, and RATES to choose from where that is 0"
        yield Verdict("its rate can be chosen on the source", False, wanted)
        return
    reasons: dict[str, str] = {}
    for name in METHODS:
        method = registry.get_method(name)
        adapter = _fitted(method)
        reasons[name] = tuning.build().unsupported_reason(adapter)
        if not reasons[name]:
            break
    else:
        said = "; ".join(f"{name} {reason}" for name, reason in reasons.items())
        yield Verdict("it can adapt a method that comes with the benchmark", False, said)
        return
    yield from _steps(tuning, adapter)
    yield Verdict(
        "a grid runs, and again from the store",
        *run_twice(method, adapter, made_up_cameras(BUDGETS["smoke"].size), tuning),
    )


def _steps(tuning: TuningSpec, adapter: Adapter) -> Iterator[Verdict]:
    """What a few steps on a support set yield, move and leave."""
    prepared = _decided(tuning.build())
    state = prepared.prepare(adapter, _source(adapter), EPISODES, lambda step, of, values: None)
    adapter.eval()
    support = adapter.frozen_features(head(moving_squares(adapter.clip.size[0], LENGTH, 9), adapter.clip, 5, CPU))
    held, learning = next(iter(adapter.named_parameters()))
    learning.requires_grad_(False)  # a part that must not adapt
    first, losses = _stepped(prepared, adapter, support)
    again, _ = _stepped(prepared, adapter, support)
    restored = _decided(tuning.build())
    restored.restore(state)
    loaded, _ = _stepped(restored, adapter, support)

    counted = len(losses) == STEPS and all(isinstance(loss, float) and math.isfinite(loss) for loss in losses)
    yield Verdict("each step yields a finite support loss, without an end", counted, f"{STEPS} steps yield {losses}")
    if not isinstance(prepared, NoTuning):
        moved = _moved(adapter, first)
        yield Verdict("steps move the method", bool(moved), f"moved: {', '.join(moved) or 'nothing'}")
    stays = torch.equal(first.state_dict()[held], adapter.state_dict()[held])
    yield Verdict("what must not adapt stays", stays, f"{held} {'stayed' if stays else 'moved'}")
    flags = [each.requires_grad for each in first.parameters()] == [each.requires_grad for each in adapter.parameters()]
    left = flags and not first.training
    yield Verdict("it leaves eval mode and requires_grad as they were", left, "left" if left else "changed")
    differing = _moved(first, again)
    yield Verdict("the same steps give the same method", not differing, _seen(differing))
    differing = _moved(first, loaded)
    yield Verdict("all that it learned is in what `prepare` returns", not differing, _seen(differing))
    learning.requires_grad_(True)


def _decided(tuning: Tuning) -> Tuning:
    return tuning.with_rate(tuning.RATES[0]) if tuning.rate_is_open else tuning


def _fitted(method: MethodSpec) -> Adapter:
    torch.manual_seed(0)
    adapter = method.build(BUDGETS["smoke"])
    adapter.fit(_source(adapter), BUDGETS["smoke"], lambda step, of, values: None)
    return adapter.eval()


def _source(adapter: Adapter) -> ClipSource:
    return ClipSource([moving_squares(adapter.clip.size[0], LENGTH, seed) for seed in range(2)], adapter.clip, CPU, 0)


def _stepped(tuning: Tuning, adapter: Adapter, support: torch.Tensor) -> tuple[Adapter, list[float]]:
    """A copy that took some steps, and what they yielded."""
    moving = copy.deepcopy(adapter)
    return moving, list(itertools.islice(tuning.steps(moving, support), STEPS))


def _moved(before: Adapter, after: Adapter) -> list[str]:
    """The names of parameters and buffers that differ."""
    others = after.state_dict()
    return [name for name, value in before.state_dict().items() if not torch.equal(value, others[name])]


def _seen(differing: list[str]) -> str:
    return f"differing: {', '.join(differing)}" if differing else "bit-identical"
