"""What a piece of work costs on a device: seconds, timed again and again, and bytes."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from crossvad.execution.device import now

Work = Callable[[], object]

# Else the profiler writes to stderr at every start and stop, and that there is no GPU.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")


@dataclass(frozen=True)
class Effort:
    """How long to look."""

    least: int = 5  # rounds of everything that is timed
    most: int = 200
    seconds: float = 3.0  # after which there are no more than `least`
    patience: float = 20.0  # after which two are enough
    warm_up: float = 0.5  # seconds before the first round that counts, and one round at least


class Clock:
    """Times work on a device, for as long as an effort says."""

    def __init__(self, device: torch.device, effort: Effort) -> None:
        self.device, self.effort = device, effort

    def seconds(self, work: Work) -> list[float]:
        """Time a piece of work again and again, each from an idle device to an idle one; what warms up is left out."""
        began = now(self.device)
        work()
        while now(self.device) - began < self.effort.warm_up:
            work()
        taken: list[float] = []
        while self._wants(taken):
            started = now(self.device)
            work()
            taken.append(now(self.device) - started)
        return taken

    def _wants(self, taken: Sequence[float]) -> bool:
        """Whether there should be another round."""
        effort, spent = self.effort, sum(taken)
        if len(taken) < effort.least:
            return len(taken) < min(2, effort.least) or spent < effort.patience
        return spent < effort.seconds and len(taken) < effort.most

    def median(self, work: Work) -> float:
        """The median of these."""
        return statistics.median(self.seconds(work))


def peak_bytes(work: Work, device: torch.device) -> int:
    """The most bytes of tensors that a piece of work holds at one time, above what was held before it.

    On CUDA as its allocator counts them. On the CPU the profiler hears of every allocation and release that PyTorch
    makes, those inside an operation too, and the running sum of them has a maximum: unlike the resident set, that does
    not depend on what the C library keeps of memory that was given back. Not heard of is what MKL and oneDNN allocate
    for themselves.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
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
