"""A fitted method adapted to a support set"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import Tuning
from crossvad.datasets.base import Footage
from crossvad.datasets.clips import head
from crossvad.planning.cell import Cell


def adaptations(adapter: Adapter, clips: Tensor, seen: Any, counts: Sequence[int], tuning: Tuning) -> Iterator[Adapter]:
    """A method adapted to one support set, in each of some numbers of steps, ascending; in one run if it can be.

    `seen` is what `adapter.frozen_features` makes of the clips (K, T, C, H, W). A method that adapts in a way of its
    own is asked anew for every number.
    """
    if type(adapter).adapt is not Adapter.adapt:
        return (adapter.adapt(clips, count, tuning) for count in counts)
    return tuning.adapted(adapter, seen, counts)


def adapted_once(
    adapter: Adapter, frames: Footage, cell: Cell, tuning: Tuning, device: torch.device
) -> tuple[Adapter, Any]:
    """A method adapted on the head of a video as one cell says, in a run of its own.

    Returns:
        The new method, and what `frozen_features` makes of the K support clips, which its `score` takes.
    """
    clips = head(frames, adapter.clip, cell.shots, device)
    with torch.no_grad():
        seen = adapter.frozen_features(clips)
    torch.manual_seed(cell.seed)
    return next(iter(adaptations(adapter, clips, seen, [cell.steps], tuning))).eval(), seen
