"""Time that can be trusted: on an accelerator, work is only done when the device says so."""

from __future__ import annotations

import time

import torch


def now(device: torch.device) -> float:
    """Seconds of a steady clock, read once everything asked of the device so far has been done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
