"""Time that can be trusted: on an accelerator, work is only done when the device says so."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from pathlib import Path

import torch

from crossvad.datasets.errors import InputError
from crossvad.planning.names import number_of


def now(device: torch.device) -> float:
    """Seconds of a steady clock, read once everything asked of the device so far has been done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def get_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; anything else as torch writes it.

    Raises:
        InputError: no such device here.
    """
    try:
        chosen = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}", "is not to be had here", "choose auto, cpu or cuda") from error
    return chosen


def machine(device: torch.device) -> str:
    """Name what computes: the GPU, or the processor, what it can do and how many threads of it are used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    model = platform.processor() or platform.machine()
    with suppress(OSError):  # where Linux says it
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}, {number_of(torch.get_num_threads(), 'thread')}"
