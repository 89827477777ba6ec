"""What a scoring pass cannot be faster than here: its convolutions alone, each at the best rate that was measured.

    python tests/speed/floor.py                                  # six methods, 256 pixels, width 64
    python tests/speed/floor.py --method lmn --size 128 --width 32 --threads 1

Every convolution of a pass is run bare, on a tensor of its input's shape, in both memory layouts, with nothing before
or after it; the fastest round of either counts. Their sum is the floor of any code that calls the same convolutions:
what is left of a pass is norms, activations, memories, prototypes, attention, pooling, and moving tensors. Passes and
bare convolutions take turns, so that a machine that slows down slows both.

pass      median seconds of `--batch` clips to scores, as `bench` makes a method ready
floor     seconds of its convolutions
share     floor / pass
GMAC/s    multiply-adds a second in those convolutions, in 10^9
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from measuring import seconds
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from crossvad.adapters.base import Adapter
from crossvad.execution.device import machine
from crossvad.execution.fitting import build
from crossvad.execution.freed_memory import keep_freed_memory
from crossvad.execution.inference import CONVOLUTIONS, ready_to_score
from crossvad.execution.layouts import CLIPS, FORMATS, LAYOUTS
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS

METHODS = "lmn,lmn-recon,mpn,framepred,apn-released,memae"


class Layer(NamedTuple):
    """A convolution, as a pass calls it."""

    module: nn.Module
    shape: torch.Size  # of what goes in


def layers_of(adapter: Adapter, clips: Tensor) -> list[Layer]:
    """Every convolution of a pass, in order."""
    layers: list[Layer] = []
    hooks = [
        module.register_forward_hook(lambda module, given, made: layers.append(Layer(module, given[0].shape)))
        for module in adapter.modules()
        if isinstance(module, CONVOLUTIONS)
    ]
    scored(adapter, clips)
    for hook in hooks:
        hook.remove()
    return layers


@torch.no_grad()
def scored(adapter: Adapter, clips: Tensor) -> dict[str, Any]:
    """Scores, as a cell has them."""
    return adapter.score(adapter.frozen_features(clips))


def bare(layer: Layer, where: torch.device) -> list[Callable[[], object]]:
    """The convolution on noise, in every layout."""
    works = []
    for layout in LAYOUTS:
        form = FORMATS[layout][len(layer.shape)]
        module, given = layer.module, torch.rand(layer.shape, device=where).contiguous(memory_format=form)
        weight = module.weight.detach().contiguous(memory_format=form)
        works.append(lambda module=module, given=given, weight=weight: run(module, given, weight))
    return works


@torch.no_grad()
def run(module: nn.Module, given: Tensor, weight: Tensor) -> Tensor:
    """A convolution as its module calls it, with weights in some layout."""
    return torch.func.functional_call(module, {"weight": weight}, (given,))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default=METHODS)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    where = torch.device("cpu")  # on CUDA a layer by itself takes longer than in a pass, where calls overlap
    budget = replace(BUDGETS["quick"], name="speed", size=options.size, width=options.width, channels=3)
    print(f"{machine(where)}, torch {torch.__version__}, {options.size} pixels, width {options.width}")
    for name in options.method.split(","):
        adapter = build(registry.get_method(name), budget, 0, where)
        shape = (max(options.batch, CLIPS), adapter.clip.frames, 3, options.size, options.size)
        clips = torch.rand(shape, device=where) * 2 - 1
        ready, clips = ready_to_score(adapter, clips, budget, where), clips[: options.batch]
        layers = layers_of(ready, clips)
        with FlopCounterMode(display=False) as counter:
            for layer in layers:
                run(layer.module, torch.rand(layer.shape, device=where), layer.module.weight)
        works = [bare(layer, where) for layer in layers]
        best = [float("inf")] * len(layers)
        passes = []
        for turn in range(options.rounds + 1):
            taken = seconds(lambda ready=ready, clips=clips: scored(ready, clips), where)
            passes += [taken] if turn else []
            for number, both in enumerate(works):
                best[number] = min(best[number], *(seconds(work, where) for work in both))
        whole, floor = statistics.median(passes), sum(best)
        rate = counter.get_total_flops() / 2 / floor / 1e9
        print(f"{name:14} pass {whole:7.3f} s   floor {floor:7.3f} s   share {floor / whole:4.0%}   {rate:5.0f} GMAC/s")


if __name__ == "__main__":
    main()
