"""Time that can be trusted: on an accelerator, work is only done when the device says so."""

from __future__ import annotations

import time

import torch

from crossvad.adapters.base import Adapter
from crossvad.datasets.errors import InputError


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


def on_device(adapter: Adapter, device: torch.device) -> Adapter:
    """On the device, in the memory layout that 2-D convolutions are fastest in: up to 1.3 times on a CPU."""
    adapter = adapter.to(device)
    three_dimensional = any(parameter.dim() == 5 for parameter in adapter.parameters())
    return adapter if three_dimensional else adapter.to(memory_format=torch.channels_last)
