"""Adapting APN to 10 shots in one step, beside the direct way of doing it: time and memory, side by side.

    python tests/speed/adaptation.py                              # 256 x 256 in colour, width 64: 10 minutes
    python tests/speed/adaptation.py --size 128 --width 32 --rounds 5 --threads 1
    python tests/speed/adaptation.py --ways direct --no-grid

All ways take the same Adam step on the parameters that adapt, know the support loss before and after it, as the rule
needs that takes a step back if the loss rose, and score the support windows with what came out.

direct      window by window (batch 1), three times through the whole network: loss and `backward()`, which asks for
            gradients of the whole network, summed up over the windows before the one step; the loss after the step; the
            scores. The default memory layout. This is fine-tuning as it is usually written, and how the published
            few-shot r-GAN (Lu et al. 2020) takes its steps; its layers are ours.
published   the same with the layers as published: prototypes by tensors of pixels x prototypes x channels, as the codes
            of MPN and APN make them, and criss-cross attention in CCNet's form (see `prototypes.py`, `attention.py`)
asked       as `direct`, but gradients are asked of what adapts alone, so that the backward pass ends at the prototype
            unit: what the test code of MPN does
ours        the frozen U-Net runs once (`Adapter.frozen_features`); its features serve the step, the loss and the scores

The second comparison is of a whole grid, shots 1, 5 and 10 in 1 and 10 steps from one fit: `direct` adapts anew for
every cell; ours makes features once, and one run of the tuning gives both numbers of steps, as `bench` has it. In both
comparisons all ways must end in the same parameters, up to what rounding becomes in Adam's steps.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import measuring
import torch
from attention import direct as plain_attention
from prototypes import broadcast
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.attention import CrissCrossAttention
from crossvad.adapters.nets.prototypes import PrototypeUnit
from crossvad.adapters.portions import leading
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.execution.memory_layouts import lay_out
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS

CPU = torch.device("cpu")
RATE = 1e-4
ROUNDING = (
    0.05  # of how far parameters moved: two ways may end so far apart. Adam's first steps are signs of gradients,
)
# and where those are near nothing, rounding decides.
GRID_SHOTS, GRID_STEPS = (1, 5, 10), (1, 10)


class Adapted(NamedTuple):
    """What comes of one adaptation."""

    adapter: Adapter
    after: float  # support loss
    scores: CueScores


Cells = dict[tuple[int, int], Adapted]  # (shots, steps) -> what came of it
Way = Callable[[Adapter, Tensor, Sequence[int], Sequence[int]], Cells]


class PlainRetrieval(NamedTuple):
    """What the published codes have of a `Retrieval`."""

    features: Tensor
    prototypes: Tensor
    distance: Tensor

    def convolved(self, layer: nn.Conv2d) -> Tensor:
        return layer(self.features)


class PlainUnit(PrototypeUnit):
    """The prototype unit as the published codes compute it."""

    def units(self, features: Tensor) -> Tensor:
        return features  # brought to unit length in every pass

    units_ = units

    def retrieve(self, pixels: Tensor) -> PlainRetrieval:
        return PlainRetrieval(*broadcast(self, pixels))


class PlainAttention(CrissCrossAttention):
    """Criss-cross attention as the published codes compute it."""

    def forward(self, features: Tensor) -> Tensor:
        return plain_attention(self, features)


def by_window(adapter: Adapter, clips: Tensor, steps: int, whole: bool) -> Adapted:
    """Adapt with every window on its own, and all of it through the whole network."""
    moving = copy.deepcopy(adapter)
    windows, adaptable = clips.split(1), list(moving.adaptable_parameters().values())
    optimizer = torch.optim.Adam(adaptable, RATE)
    losses = []
    for _ in range(steps):
        moving.zero_grad(set_to_none=True)
        losses.append(0.0)
        for window in windows:
            loss = moving.adaptation_loss(window) / len(windows)
            loss.backward(inputs=None if whole else adaptable)
            losses[-1] += loss.item()
        optimizer.step()
    moving.zero_grad(set_to_none=True)
    with torch.no_grad():
        after = sum(moving.adaptation_loss(window).item() for window in windows) / len(windows)
    result = moving if after <= losses[0] else copy.deepcopy(adapter)
    scores = [result.score(window) for window in windows]
    return Adapted(result, after, {cue: torch.cat([each[cue] for each in scores]) for cue in scores[0]})


def direct(adapter: Adapter, clips: Tensor, shots: Sequence[int], steps: Sequence[int], whole: bool = True) -> Cells:
    """Every cell anew."""
    return {(few, count): by_window(adapter, clips[:few], count, whole) for few in shots for count in steps}


def asked(adapter: Adapter, clips: Tensor, shots: Sequence[int], steps: Sequence[int]) -> Cells:
    """Every cell anew, with gradients of what adapts alone."""
    return direct(adapter, clips, shots, steps, whole=False)


def ours(adapter: Adapter, clips: Tensor, shots: Sequence[int], steps: Sequence[int]) -> Cells:
    """Features once, and all numbers of steps in one run, as `crossvad.execution.scoring` has it."""
    tuning, found = FineTune(FineTuneOptions(RATE)), {}
    with torch.no_grad():
        seen = adapter.frozen_features(clips)
    for few in shots:
        for count, result in zip(steps, tuning.adapted(adapter, leading(seen, few), steps), strict=True):
            found[few, count] = Adapted(result, result.adaptation.after, result.eval().score(leading(seen, few)))
    return found


WAYS: dict[str, Way] = {"published": direct, "direct": direct, "asked": asked, "ours": ours}


class Setting(NamedTuple):
    """What is measured."""

    size: int  # height and width of a frame
    width: int
    shots: Sequence[int]
    steps: Sequence[int]
    threads: int


def built(way: str, setting: Setting) -> Adapter:
    """An untrained APN as a way takes it: ours in the memory layout that `bench` gives it; the same weights for all."""
    torch.manual_seed(0)
    budget = replace(BUDGETS["paper"], size=setting.size, width=setting.width)
    adapter = registry.get_method("apn").build(budget).eval()
    if way == "published":
        for module in list(adapter.modules()):
            if isinstance(module, PrototypeUnit):
                module.__class__ = PlainUnit
            elif isinstance(module, CrissCrossAttention):
                module.__class__ = PlainAttention
    return lay_out(adapter, "channels last") if way == "ours" else adapter


def support(adapter: Adapter, shots: int) -> Tensor:
    """Windows one frame apart of a video of noise, (shots, T, C, H, W): what is seen does not change the time."""
    spec = adapter.clip
    torch.manual_seed(1)
    frames = torch.rand(shots + spec.frames - 1, spec.channels, *spec.size) * 2 - 1
    return torch.stack([frames[first : first + spec.frames] for first in range(shots)])


def work(way: str, setting: Setting) -> Callable[[], Cells]:
    """A way's adaptations, ready to be done."""
    adapter = built(way, setting)
    clips = support(adapter, max(setting.shots))
    return lambda: WAYS[way](adapter, clips, setting.shots, setting.steps)


def footprint(way: str, setting: Setting) -> list[float]:
    """Of one way, in MB: the most that tensors held at one time, and by how much the process grew at most.

    To be run in a process of its own. The former is as `measuring.peak_bytes` says; in the latter is, too, what the C
    library keeps, and what MKL and oneDNN take for themselves.
    """
    torch.set_num_threads(setting.threads)
    work(way, setting._replace(size=32, width=8))()  # loads what is loaded at first use
    todo = work(way, setting)
    before = most_resident()
    todo()
    grown = most_resident() - before
    return [measuring.peak_bytes(todo, CPU) / 1e6, grown]


def most_resident() -> float:
    """The most memory that this process has had so far, MB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def relative(first: Adapter, second: Adapter) -> float:
    """The length of the difference of what adapts in two methods, over the length of it in the second."""
    mine, other = first.adaptable_parameters(), second.adaptable_parameters()
    gaps = [(mine[name] - value).detach().norm() for name, value in other.items()]
    lengths = [value.detach().norm() for value in other.values()]
    return (torch.stack(gaps).norm() / torch.stack(lengths).norm()).item()


def check(found: dict[str, Cells], before: Adapter) -> None:
    """Print how far each way is from ours.

    Raises:
        SystemExit: they did not do the same.
    """
    own_cells = found["ours"]
    for way, cells in found.items():
        for (shots, steps), other in () if way == "ours" else cells.items():
            own = own_cells[shots, steps]
            apart, moved = relative(own.adapter, other.adapter), relative(own.adapter, before)
            scores = max(measuring.difference(own.scores[cue], values) for cue, values in other.scores.items())
            print(
                f"{way:9} and ours, {shots:2} shots, {steps:2} steps: parameters {apart:.0e} apart, moved {moved:.0e}; "
                f"loss {abs(other.after - own.after):.0e}, scores {scores:.0e} dB apart",
                flush=True,
            )
            if not apart <= ROUNDING * moved:
                raise SystemExit(f"{way} and ours do not end in the same parameters")


def report(title: str, ways: Sequence[str], setting: Setting, rounds: int) -> None:
    """Check that all ways do the same, and print time and memory of each."""
    what = f"{setting.size} x {setting.size}, width {setting.width}, {setting.threads} threads"
    print(f"{title}: {what}, median of {rounds}", flush=True)
    todo = {way: work(way, setting) for way in ways}
    check({way: each() for way, each in todo.items()}, built("ours", setting))
    times = measuring.medians(todo, rounds, CPU)
    todo.clear()
    for way, seconds in times.items():
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            tensors, grown = process.submit(footprint, way, setting).result()
        memory = f"tensors {tensors:6.0f} MB   process {grown:6.0f} MB"
        ratio = "" if way == "ours" else f"   ratio {times['ours'] / seconds:5.2f}"
        print(f"{way:9} {seconds:8.2f} s   {memory}{ratio}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="height and width of a frame")
    parser.add_argument("--width", type=int, default=64, help="channels of the first convolution")
    parser.add_argument("--shots", type=int, default=10)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS)[:-1], default=list(WAYS)[:-1])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--grid", action=argparse.BooleanOptionalAction, default=True, help="the second comparison")
    parser.add_argument("--grid-size", type=int, default=128)
    parser.add_argument("--grid-width", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    one = Setting(options.size, options.width, [options.shots], [1], options.threads)
    report("one adaptation", [*options.ways, "ours"], one, options.rounds)
    print("ratio: time of ours over that of each way; goal for direct: at most 0.20")
    if options.grid:
        grid = Setting(options.grid_size, options.grid_width, GRID_SHOTS, GRID_STEPS, options.threads)
        report("grid", ["direct", "ours"], grid, 1)


if __name__ == "__main__":
    main()
