"""A fitted method adapted to a support set"""

from __future__ import annotations

from typing import Any

import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.base import Tuning, adaptations
from crossvad.datasets.base import Footage
from crossvad.datasets.clips import head
from crossvad.planning.cell import Cell


def adapted_once(
    adapter: Adapter, frames: Footage, cell: Cell, tuning: Tuning, device: torch.device
) -> tuple[Adapter, Any]:
    """A method adapted on the head of a video as one cell says, in a run of its own.

    Returns:
        The new method, and what `frozen_features` makes of the K support clips, which its `score` takes.
    """
    clips = head(frames, adapter.clip, cell.shots, device)
    with torch.no_grad():
        features = adapter.frozen_features(clips)
    torch.manual_seed(cell.seed)
    return next(adaptations(adapter, features, [cell.steps], tuning)).eval(), features
