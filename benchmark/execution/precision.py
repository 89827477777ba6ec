"""The arithmetic that a method trains and scores in: how much of it a user gives up for speed.

On a CPU with AVX512 and bf16, a training step takes half as long in bf16 at 256 pixels and width 64, and three quarters
at 64 pixels; scoring takes half. Methods adapt in float32 whatever they score in, so that those which differ in this
alone share their fits.
"""

from __future__ import annotations

import torch

from crossvad.adapters.options import Precision

DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bf16": torch.bfloat16,  # 8 bits of precision, the range of float32
    "fp16": torch.float16,  # 11 bits, up to 65504; slower than float32 on most CPUs
}


def computing_in(precision: Precision, device: torch.device, steps: bool = False) -> torch.autocast:
    """A context in which convolutions and matrix products on a device are made in a precision.

    Torch keeps softmax, norms and losses in float32 there, where few bits would show. Weights, gradients and what
    optimisers keep are in float32, too.

    Args:
        precision: which.
        device: where methods run.
        steps: whether weights change within; else each is rounded once.
    """
    return torch.autocast(device.type, DTYPES[precision], enabled=precision != "float32", cache_enabled=not steps)
