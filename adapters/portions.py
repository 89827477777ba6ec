"""Clips some at a time: what `Adapter.frozen_features` returned is parted, and joined again, by its first dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.datasets.clips import Clips

AT_ONCE = 2**16  # pixels, in clips that a support set is gone through by: one of 256 x 256, all of it at 64 x 64
ON_GPU = 8  # times as many: five clips of 256 x 256 take half as long as two, two and one


def leading(features: Any, count: int) -> Any:
    """The first clips of what `Adapter.frozen_features` returned."""
    return portion(features, slice(count))


def portion(features: Any, span: slice) -> Any:
    """Some of the clips of what `Adapter.frozen_features` returned."""
    if isinstance(features, Tensor | Clips):
        return features[span]
    parts = [portion(part, span) for part in features]
    return type(features)(*parts) if hasattr(features, "_fields") else tuple(parts)


def together(parts: Sequence[Any]) -> Any:
    """Join what `portion` parted; what stands in the parts twice is joined once, and a single part is itself."""
    known: dict[tuple[int, ...], Any] = {}

    def join(parts: Sequence[Any]) -> Any:
        if (same := tuple(map(id, parts))) not in known:
            first = parts[0]
            if isinstance(first, Tensor):
                known[same] = torch.cat(list(parts))
            else:
                made = [join(each) for each in zip(*parts, strict=True)]
                known[same] = type(first)(*made) if hasattr(first, "_fields") else tuple(made)
        return known[same]

    return join(parts) if len(parts) > 1 else parts[0]


def at_once(adapter: Adapter) -> int:
    """How many clips of a support set go through a method at once, at least one: more fill memory, and gain nothing."""
    height, width = adapter.clip.size
    on_gpu = any(weights.device.type != "cpu" for weights in adapter.parameters())
    return max(1, AT_ONCE * (ON_GPU if on_gpu else 1) // (height * width))


def size_of(features: Any) -> int:
    """How many clips they are of, which `Adapter.frozen_features` returned."""
    return len(features) if isinstance(features, Tensor | Clips) else size_of(features[0])
