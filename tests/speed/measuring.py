"""What the scripts that hold a layer beside a plain way of computing the same share: time, memory, tensor sizes."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

Work = Callable[[], object]

# Else the profiler writes to stderr at every start and stop, and that there is no GPU.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


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


def peak_bytes(work: Work, where: torch.device) -> int:
    """The most bytes of tensors that a piece of work holds at one time, above what was held before it.

    On CUDA as its allocator counts them. On the CPU the profiler hears of every allocation and release that PyTorch
    makes, those inside an operation too, and the running sum of them has a maximum: unlike the resident set, that does
    not depend on what the C library keeps of memory that was given back. Not heard of is what MKL and oneDNN allocate
    for themselves.
    """
    if where.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    held = peak = 0
    for event in sorted((event for event in events if event["name"] == "[memory]"), key=lambda event: event["ts"]):
        held += event["args"]["Bytes"]  # negative where memory is given back
        peak = max(peak, held)
    return peak


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
