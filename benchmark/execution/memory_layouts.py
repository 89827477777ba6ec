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
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeVar

import numpy as np
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
ON_GPU = 4  # times as many: two clips are gone as they are launched, and which layout is faster is noise
FORMATS = {
    "rows": {4: torch.contiguous_format, 5: torch.contiguous_format},
    "channels last": {4: torch.channels_last, 5: torch.channels_last_3d},
}


_found: dict[str, Layout] = {}  # by this process


def arrange(adapter: Adapter, task: Task, budget: Budget, device: torch.device, work: Work, way: str = "") -> Layout:
    """Bring a method's weights, in place, into the layout that a task is fastest in. Numbers stay what they are.

    Args:
        adapter: the method, on the device.
        task: what it is about to do.
        budget: that it was built at.
        device: where it runs.
        work: does as much of the task as tells layouts apart, with a copy of the method, which is in the layout named.
        way: in which of several ways it is done.

    Returns:
        The layout.
    """
    layout = fastest(adapter, task, budget, device, work, way)
    lay_out(adapter, layout)
    return layout


def probed_with(device: torch.device) -> int:
    """How many clips tell layouts apart, where there are so many."""
    return CLIPS if device.type == "cpu" else CLIPS * ON_GPU


def usual(module: nn.Module) -> Layout:
    """The layout that is as good as any where a probe is not worth its time: rows for 3-D convolutions."""
    return "rows" if any(weights.dim() == 5 for weights in module.parameters()) else "channels last"


def fastest(adapter: Adapter, task: Task, budget: Budget, device: torch.device, work: Work, way: str = "") -> Layout:
    """Choose the layout of a task, as `arrange` does; what a probe finds is kept on disk, for each kind of machine.

    Where the work cannot be done on a few clips, it is the usual one. `way` says in which of several ways it is done.
    """
    if budget.size < PROBED_FROM or not any(weights.dim() in (4, 5) for weights in adapter.parameters()):
        return usual(adapter)
    shapes = [tuple(p.shape) for p in adapter.parameters()]
    asked = [task, way, type(adapter).__qualname__, str(adapter.options), str(shapes), str(budget.size)]
    kept = cache_root() / "layouts" / f"{digest([*asked, machine(device), torch.__version__])}.json"
    if str(kept) in _found:  # also where nothing can be written
        return _found[str(kept)]
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(kept.read_text())["layout"]
        if found in FORMATS:
            return found
    try:
        seconds = probe(adapter, device, work)
    except Exception:  # such as a step that takes no fewer clips than its batch: if more is wrong, it will be told
        return usual(adapter)
    layout = _found[str(kept)] = min(seconds, key=seconds.__getitem__)
    replace_text(kept, json.dumps({"layout": layout, "seconds": seconds, "of": asked, "machine": machine(device)}))
    return layout


def probe(adapter: Adapter, device: torch.device, work: Work) -> dict[Layout, float]:
    """Time a piece of work in every layout, in turn, on copies; nothing is drawn from anyone's seed."""
    seconds: dict[Layout, float] = {}
    with own_draws(device):
        for turn in range(ROUNDS + 1):
            for layout in LAYOUTS:
                trial = lay_out(copy.deepcopy(adapter), layout)
                started = now(device)
                work(trial, layout)
                if turn:
                    seconds[layout] = min(now(device) - started, seconds.get(layout, float("inf")))
    return seconds


@contextmanager
def own_draws(device: torch.device) -> Iterator[None]:
    """Draws within do not move those without: torch's, numpy's and Python's."""
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        np.random.set_state(of_numpy)
        random.setstate(of_python)


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


def layout_of(module: nn.Module) -> Layout:
    """The layout that a module's convolutions are in."""
    return "channels last" if is_laid_out(module, "channels last") else "rows"


def features_in(features: Any, layout: Layout | None) -> Any:
    """Bring the maps (B, C, H, W) of what `Adapter.frozen_features` returned into a layout; None: leave them."""
    if layout is None:
        return features
    if isinstance(features, Tensor):
        return features.contiguous(memory_format=FORMATS[layout][4]) if features.dim() == 4 else features
    if not isinstance(features, tuple):
        return features
    parts = [features_in(part, layout) for part in features]
    return type(features)(*parts) if hasattr(features, "_fields") else tuple(parts)
