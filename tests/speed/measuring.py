"""What the scripts that hold a layer beside a plain way of computing the same share: time, memory, tensor sizes."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from crossvad.execution.work_costs import peak_bytes as peak_bytes  # the scripts ask for it here

Work = Callable[[], object]


class Largest(TorchDispatchMode):
    """The most elements that any tensor has which an operation makes while this is entered."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for value in made if isinstance(made, tuple | list) else [made]:
            if isinstance(value, Tensor):
                self.elements = max(self.elements, value.numel())
        return made


def options(description: str, channels: int) -> argparse.ArgumentParser:
    """The command line that both scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", type=int, default=256, help="height and width of the feature map")
    parser.add_argument("--channels", type=int, default=channels)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    return parser


def seconds(work: Work, where: torch.device) -> float:
    """How long a piece of work takes, from an idle device to an idle device."""
    synchronize = torch.cuda.synchronize if where.type == "cuda" else lambda: None
    synchronize()
    started = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - started


def medians(works: dict[str, Work], rounds: int, where: torch.device) -> dict[str, float]:
    """Median seconds of each, run in turn, so that a machine that slows down slows all; the first round warms up."""
    times = [{name: seconds(work, where) for name, work in works.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(taken[name] for taken in times) for name in works}


def report(title: str, works: dict[str, Work], rounds: int, where: torch.device) -> None:
    """Print time and memory of two pieces of work, a plain one and ours, and the ratio of ours to the plain one."""
    for what, unit, found in (
        ("median", "s", medians(works, rounds, where)),
        ("peak", "MB", {name: peak_bytes(work, where) / 1e6 for name, work in works.items()}),
    ):
        values = "   ".join(f"{name} {value:8.3f} {unit:2}" for name, value in found.items())
        plain, own = found.values()
        print(f"{title:16} {what:6}  {values}   ratio {own / plain:5.2f}", flush=True)


def difference(ours: Tensor, other: Tensor) -> float:
    """The greatest absolute difference of two tensors."""
    return (ours - other).abs().max().item()
