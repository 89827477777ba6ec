"""The arithmetic that a method trains and scores in: how much of it a user gives up for speed.

Methods adapt in float32 whatever they score in, so that those which differ in this alone share their fits.
"""

from __future__ import annotations

from typing import Any

import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Precision

DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bf16": torch.bfloat16,  # 8 bits of precision, the range of float32
    "fp16": torch.float16,  # 11 bits, up to 65504; slower than float32 on most CPUs
}


def computing_in(precision: Precision, device: torch.device, steps: bool = False) -> torch.autocast:
    """A context in which convolutions and matrix products on a device are made in a precision.

    All else is made in what it is given: torch says which operations it takes to float32 first (`torch.amp`: distances,
    losses, and on a GPU softmax). Weights, gradients and what optimisers keep are in float32. What needs all bits, such
    as solving, says so itself (`adapters.nets.whole_precision`).

    Args:
        precision: which.
        device: where methods run.
        steps: whether weights change within; else each that is trained is rounded once.
    """
    return torch.autocast(device.type, DTYPES[precision], enabled=precision != "float32", cache_enabled=not steps)


@torch.no_grad()
def features_to_score(adapter: Adapter, clips: Any, features: Any, precision: Precision, device: torch.device) -> Any:
    """What `frozen_features` makes of support clips, seen as test clips are: `features`, if that is in float32."""
    if precision == "float32":
        return features
    with computing_in(precision, device):
        return adapter.frozen_features(clips)
