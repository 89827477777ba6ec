"""Whether a method's training loss is what it must be for its batches to be split: a mean over clips."""

from __future__ import annotations

import copy
import math

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from crossvad.adapters.base import Adapter
from crossvad.adapters.portions import portion
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun
from crossvad.execution.memory_layouts import own_draws

TOLERANCE = 1e-4  # relative; what float32 rounds is a hundredth of it
FIX = "train it on one device; its class says so by splits_batches = False"


def refuse_coupled(adapter: Adapter, source: ClipSource) -> None:
    """Hold a fresh method's loss of two clips against its losses of each, on a copy; batch norm takes no part.

    A method that trains on what it makes of a source once is believed: that may take long to make.

    Args:
        adapter: the method, of which nothing is changed.
        source: what it is going to learn from; of its draws some are used up.

    Raises:
        InputError: the one is not the mean of the others, or a buffer was written.
    """
    if type(adapter).before_training is not Adapter.before_training:
        return
    clips = source.batch(2, adapter.training_strides)
    trial = copy.deepcopy(adapter).train()
    for module in trial.modules():
        if isinstance(module, _BatchNorm):
            module.eval()  # its statistics are those of all devices' clips, and no concern here
    before = {name: buffer.clone() for name, buffer in trial.named_buffers()}
    with own_draws(source.device), torch.no_grad():
        spans = (slice(0, 2), slice(0, 1), slice(1, 2))
        both, first, second = (trial.loss(portion(clips, span)).item() for span in spans)
    name = type(adapter).__name__
    written = [each for each, buffer in trial.named_buffers() if not _same(before.get(each), buffer)]
    if written:
        problem = f"its loss writes {', '.join(written)}, which each device would do by itself"
        raise InputError(name + ", " + noun("devices"), problem, FIX)
    if not math.isclose(both, (first + second) / 2, rel_tol=TOLERANCE, abs_tol=1e-8):
        problem = f"its loss of two clips is {both:.6g}, and not the mean of {first:.6g} and {second:.6g}, of each"
        raise InputError(name + ", " + noun("devices"), f"{problem}, as it must be for a batch to be split", FIX)


def _same(one: torch.Tensor | None, other: torch.Tensor) -> bool:
    return one is not None and one.shape == other.shape and torch.allclose(one, other, 0, 0, equal_nan=True)
