"""A fitted method adapted to a support set, in the memory layout in which that is fastest."""

from __future__ import annotations

import copy
from typing import Any

import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.adapters.portions import leading
from crossvad.adapters.tunings.base import NoTuning, Tuning, adaptations
from crossvad.datasets.base import Footage
from crossvad.datasets.clips import head
from crossvad.execution.memory_layouts import Layout, fastest, features_in, lay_out, probed_with, usual
from crossvad.planning.cell import Cell


def ready_to_adapt(
    adapter: Adapter, features: Any, tuning: Tuning, budget: Budget, device: torch.device
) -> tuple[Adapter, Layout | None]:
    """A method in the memory layout that the steps of a tuning are fastest in, and what `features_in` it takes.

    Args:
        adapter: a fitted method in its usual layout, which stays as it is.
        features: what its `frozen_features` makes of a support set.
        tuning: with its rate decided.
        budget: that the method was built at.
        device: where it is.
    """
    if not adapter.tunable or isinstance(tuning, NoTuning):
        return adapter, None
    few = leading(features, probed_with(device))

    def step(method: Adapter, layout: Layout) -> None:
        next(tuning.steps(method, features_in(few, layout)))

    layout = fastest(adapter, "adapting", budget, device, step, type(tuning).__qualname__)
    return (adapter, None) if layout == usual(adapter) else (lay_out(copy.deepcopy(adapter), layout), layout)


def adapted_once(
    adapter: Adapter, frames: Footage, cell: Cell, tuning: Tuning, budget: Budget, device: torch.device
) -> tuple[Adapter, Any]:
    """A method adapted on the head of a video as one cell says, in a run of its own.

    Returns:
        The new method, and what `frozen_features` makes of the K support clips, which its `score` takes.
    """
    clips = head(frames, adapter.clip, cell.shots, device)
    with torch.no_grad():
        features = adapter.frozen_features(clips)
    moving, layout = ready_to_adapt(adapter, features, tuning, budget, device)
    torch.manual_seed(cell.seed)
    return next(adaptations(moving, features_in(features, layout), [cell.steps], tuning)).eval(), features
