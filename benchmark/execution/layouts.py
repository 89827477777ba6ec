"""The memory layout in which a method learns, adapts and scores fastest: probed on this machine, then remembered.

A convolution runs in the layout of what goes in, or else of its weights: "rows" (NCHW), or "channels last" (NHWC).
Which is faster depends on the processor, the shape, and what is asked for. On a CPU with AVX2 (2 threads, 256 pixels,
width 64) scoring is 1.1 to 1.5 times as fast with channels last, and a training step 0.6 times as fast, for there the
gradient of a 3x3 convolution's weights takes four times as long. At 64 pixels all differences are below a fifth.

    learning   a training step
    adapting   a step on a support set
    scoring    a batch of clips
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.datasets.readers.file_identity import cache_root, digest
from crossvad.execution.device import machine, now
from crossvad.store.drafts import replace_text

Task = Literal["learning", "adapting", "scoring"]
Layout = Literal["rows", "channels last"]
AnyModule = TypeVar("AnyModule", bound=nn.Module)
Work = Callable[[Adapter, Layout], object]

LAYOUTS: tuple[Layout, ...] = ("channels last", "rows")
PROBED_FROM = 128  # pixels: below, what there is to gain is less than what may come of two machines that differ
ROUNDS = 2  # beside one that warms up
CLIPS = 2  # to probe with: batch norm cannot learn of fewer
FORMATS = {
    "rows": {4: torch.contiguous_format, 5: torch.contiguous_format},
    "channels last": {4: torch.channels_last, 5: torch.channels_last_3d},
}


def arrange(adapter: Adapter, task: Task, budget: Budget, device: torch.device, work: Work) -> Layout:
    """Bring a method's weights, in place, into the layout that a task is fastest in. Numbers stay what they are.

    Args:
        adapter: the method, on the device.
        task: what it is about to do.
        budget: that it was built at.
        device: where it runs.
        work: does as much of the task as tells layouts apart, with a copy of the method, which is in the layout named.

    Returns:
        The layout.
    """
    layout = fastest(adapter, task, budget, device, work)
    lay_out(adapter, layout)
    return layout


def usual(adapter: Adapter) -> Layout:
    """The layout that is as good as any where a probe is not worth its time: rows for 3-D convolutions."""
    return "rows" if any(weights.dim() == 5 for weights in adapter.parameters()) else "channels last"


def fastest(adapter: Adapter, task: Task, budget: Budget, device: torch.device, work: Work) -> Layout:
    """Choose the layout of a task, as `arrange` does; what a probe finds is kept on disk, for each kind of machine."""
    if budget.size < PROBED_FROM or not any(weights.dim() in (4, 5) for weights in adapter.parameters()):
        return usual(adapter)
    shapes = [tuple(p.shape) for p in adapter.parameters()]
    asked = [task, type(adapter).__qualname__, str(adapter.options), str(shapes), str(budget.size)]
    kept = cache_root() / "layouts" / f"{digest([*asked, machine(device), torch.__version__])}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(kept.read_text())["layout"]
        if found in FORMATS:
            return found
    seconds = probe(adapter, device, work)
    layout = min(seconds, key=seconds.__getitem__)
    replace_text(kept, json.dumps({"layout": layout, "seconds": seconds, "of": asked, "machine": machine(device)}))
    return layout


def probe(adapter: Adapter, device: torch.device, work: Work) -> dict[Layout, float]:
    """Time a piece of work in every layout, in turn, on copies; nothing is drawn from anyone's seed."""
    seconds: dict[Layout, float] = {}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for turn in range(ROUNDS + 1):
            for layout in LAYOUTS:
                trial = lay_out(copy.deepcopy(adapter), layout)
                started = now(device)
                work(trial, layout)
                if turn:
                    seconds[layout] = min(now(device) - started, seconds.get(layout, float("inf")))
    return seconds


def lay_out(module: AnyModule, layout: Layout) -> AnyModule:
    """Bring the weights of a module's convolutions into a layout, in place."""
    for tensor in module.parameters():
        if tensor.dim() in FORMATS[layout]:
            tensor.data = tensor.data.contiguous(memory_format=FORMATS[layout][tensor.dim()])
    return module


def is_laid_out(module: nn.Module, layout: Layout) -> bool:
    """Whether the weights of all of a module's convolutions are in a layout."""
    formats = FORMATS[layout]
    weights = (tensor for tensor in module.parameters() if tensor.dim() in formats)
    return all(tensor.is_contiguous(memory_format=formats[tensor.dim()]) for tensor in weights)


def features_in(features: Any, layout: Layout) -> Any:
    """Bring the maps (B, C, H, W) of what `Adapter.frozen_features` returned into a layout."""
    if isinstance(features, Tensor):
        return features.contiguous(memory_format=FORMATS[layout][4]) if features.dim() == 4 else features
    if not isinstance(features, tuple):
        return features
    parts = [features_in(part, layout) for part in features]
    return type(features)(*parts) if hasattr(features, "_fields") else tuple(parts)
