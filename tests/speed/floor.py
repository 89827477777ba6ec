"""What scoring, adapting and training cannot be faster than here: their convolutions alone, each at its best rate.

    python tests/speed/floor.py                                  # scoring: six methods, 256 pixels, width 64
    python tests/speed/floor.py --method lmn --size 128 --width 32 --threads 1
    python tests/speed/floor.py --work adapting --method mpn --batch 5 --threads 1
    python tests/speed/floor.py --work training --method lmn,mpn --batch 4 --rounds 2

Every convolution that the work asks for is run bare, on tensors of the same shapes, in both memory layouts, with
nothing before or after it; the fastest round of either counts. Of a gradient the parts that were asked for are run: of
what went in, and of weights. Their sum is the floor of any code that calls the same convolutions: what is left is
norms, activations, memories, prototypes, attention, pooling, optimisers, and moving tensors. Work and bare
convolutions take turns, so that a machine that slows down slows both.

scoring   `--batch` clips to scores, as `bench` makes a method ready
adapting  one step on a support set of `--batch` clips: encoding what is frozen, loss and gradient, Adam's step, and the
          loss after it, by which a harmful step is taken back
training  one step on `--batch` clips: loss, gradient, optimiser

whole     median seconds of a part of the work
floor     seconds of its convolutions
share     floor / whole
GMAC      multiply-adds in them, in 10^9
GMAC/s    that, a second of the floor
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from measuring import seconds
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import in_turn, support_loss
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions, only_these_learn
from crossvad.execution.adaptation import ready_to_adapt
from crossvad.execution.device import machine
from crossvad.execution.fitting import build
from crossvad.execution.freed_memory import keep_freed_memory
from crossvad.execution.inference import ready_to_score
from crossvad.execution.memory_layouts import FORMATS, LAYOUTS, Layout, arrange, features_in, probed_with
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS

METHODS = "lmn,lmn-recon,mpn,framepred,apn-released,memae"
CPU = torch.device("cpu")  # on CUDA a layer by itself takes longer than in a pass, where calls overlap
TUNING = FineTune(FineTuneOptions(1e-4))
ATEN = torch.ops.aten

Parts = dict[str, Callable[[], object]]  # of a piece of work, by name, in the order in which they are to be done


# ---- convolutions ----------------------------------------------------------------------------------------------------


class Convolution(NamedTuple):
    """A convolution, or a part of its gradient, as it is asked for."""

    part: int | None  # None: forward; 0, 1: the gradient of what goes in, of weights
    given: torch.Size  # (B, C, …)
    weight: torch.Size
    made: torch.Size  # (B, O, …)
    how: tuple[Any, ...]  # stride, padding, dilation, transposed, output padding, groups

    def bare(self, layout: Layout) -> Callable[[], object]:
        """The same on noise."""
        form = FORMATS[layout][len(self.given)]
        given, weight, made = (
            torch.rand(shape).contiguous(memory_format=form) for shape in (self.given, self.weight, self.made)
        )
        if self.part is None:
            return lambda: ATEN.convolution(given, weight, None, *self.how)
        asked = [self.part == 0, self.part == 1, False]
        return lambda: ATEN.convolution_backward(made, given, weight, None, *self.how, asked)


class Convolutions(TorchDispatchMode):
    """Every convolution that is asked for while this is entered, and how often."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[Convolution] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is ATEN.convolution.default:
            given, weight, _, *how = args
            self.seen[Convolution(None, given.shape, weight.shape, result.shape, frozen(how))] += 1
        elif func is ATEN.convolution_backward.default:
            made, given, weight, _, *how, asked = args
            for part in (0, 1):
                self.seen[Convolution(part, given.shape, weight.shape, made.shape, frozen(how))] += asked[part]
        return result


def frozen(how: list[Any]) -> tuple[Any, ...]:
    """Settings of a convolution that can be counted."""
    return tuple(tuple(each) if isinstance(each, list) else each for each in how)


# ---- work ------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def scored(adapter: Adapter, clips: Tensor) -> dict[str, Any]:
    """Scores, as a cell has them."""
    return adapter.score(adapter.frozen_features(clips))


def scoring(adapter: Adapter, clips: Tensor, budget: Budget, count: int) -> Parts:
    """Clips to scores."""
    ready = ready_to_score(adapter, clips, budget, CPU)
    return {"scoring": lambda: scored(ready, clips[:count])}


def adapting(adapter: Adapter, clips: Tensor, budget: Budget, count: int) -> Parts:
    """A step on a support set, part by part as `FineTune` takes them."""
    adapter.eval()
    support = clips[:count]
    moving, layout = ready_to_adapt(adapter, adapter.frozen_features(support), TUNING, budget, CPU)
    parameters = list(TUNING.parameters(moving).values())
    optimizer = torch.optim.Adam(parameters, TUNING.options.learning_rate)
    features: list[Any] = []

    def encode() -> None:
        features.clear()
        with torch.no_grad():
            features.append(features_in(adapter.frozen_features(support), layout))

    def descend() -> None:
        optimizer.zero_grad(set_to_none=True)
        for part, share in in_turn(moving, features[0]):
            (share * moving.adaptation_loss(part)).backward()

    def gradient() -> None:
        with only_these_learn(moving, parameters):
            descend()
            kept.extend(each.grad for each in parameters)

    kept: list[Tensor | None] = []

    def step() -> None:
        for each in reversed(parameters):
            each.grad = kept.pop()
        optimizer.step()

    return {
        "encoding": encode,
        "loss and gradient": gradient,
        "step": step,
        "loss after it": lambda: support_loss(moving, features[0]),
    }


def training(adapter: Adapter, clips: Tensor, budget: Budget, count: int) -> Parts:
    """A step of training."""

    def few(method: Adapter, _: Layout) -> None:
        method.train().training_step(clips[: probed_with(CPU)], method.optimizers(budget))

    arrange(adapter, "learning", budget, CPU, few)
    adapter.train()
    optimizers = adapter.optimizers(budget)
    return {"training": lambda: adapter.training_step(clips[:count], optimizers)}


WORKS = {"scoring": scoring, "adapting": adapting, "training": training}


# ---- measuring -------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One line of what is printed."""

    whole: float  # seconds
    floor: float
    gmac: float

    def __str__(self) -> str:
        share, rate = self.floor / self.whole, self.gmac / self.floor if self.floor else 0
        numbers = f"whole {self.whole:7.3f} s   floor {self.floor:7.3f} s   share {share:4.0%}"
        return f"{numbers}   {self.gmac:6.1f} GMAC   {rate:5.0f} GMAC/s"


def measured(parts: Parts, rounds: int) -> dict[str, Row]:
    """Time the parts of a piece of work, and their bare convolutions, in turn; the first round warms up."""
    asked = {}
    for name, part in parts.items():
        with Convolutions() as asked[name]:
            part()
    layers = {layer for each in asked.values() for layer in each.seen if each.seen[layer]}
    best, gmac = dict.fromkeys(layers, float("inf")), {}
    times: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(rounds + 1):
        for name, part in parts.items():
            taken = seconds(part, CPU)
            times[name] += [taken] if turn else []
        for layer in layers:
            for layout in LAYOUTS:
                work = layer.bare(layout)
                with FlopCounterMode(display=False) as counter:
                    work()  # which warms it up
                gmac[layer] = counter.get_total_flops() / 2e9
                best[layer] = min(best[layer], seconds(work, CPU))
    return {
        name: Row(
            statistics.median(times[name]),
            sum(often * best[layer] for layer, often in asked[name].seen.items() if often),
            sum(often * gmac[layer] for layer, often in asked[name].seen.items() if often),
        )
        for name in parts
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", choices=list(WORKS), default="scoring")
    parser.add_argument("--method", default=METHODS)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1, help="clips")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    budget = BUDGETS["quick"]
    budget = replace(budget, name="speed", size=options.size, width=options.width, channels=3, schedule=None)
    print(f"{machine(CPU)}, torch {torch.__version__}, {options.size} pixels, width {options.width}, {options.work}")
    for name in options.method.split(","):
        adapter = build(registry.get_method(name), budget, 0, CPU)
        shape = (max(options.batch, probed_with(CPU)), adapter.clip.frames, 3, options.size, options.size)
        parts = WORKS[options.work](adapter, torch.rand(shape) * 2 - 1, budget, options.batch)
        rows = measured(parts, options.rounds)
        for part, row in rows.items():
            print(f"{name:14} {part:17} {row}", flush=True)
        if len(rows) > 1:
            print(f"{name:14} {'in all':17} {Row(*map(sum, zip(*rows.values(), strict=True)))}", flush=True)


if __name__ == "__main__":
    main()
