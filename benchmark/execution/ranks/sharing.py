"""A training step by several ranks: each has a share of the batch, and all take the step of the whole.

Ranks are processes of one `torch.distributed` group. Each has the method, draws the same batches from the same seed,
and computes the loss of its share; torch's `DistributedDataParallel` makes of their gradients the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from crossvad.adapters.base import Adapter
from crossvad.adapters.portions import portion, size_of
from crossvad.adapters.training_state import Checkpointer, TrainingState
from crossvad.execution.memory_layouts import lay_out, layout_of
from crossvad.execution.ranks.batch_norm import shared_batch_norm

FIRST = 0  # the rank that tells, keeps and saves


@contextmanager
def sharing(adapter: Adapter, checkpoints: Checkpointer, device: torch.device) -> Iterator[None]:
    """Within, a method's training is that of all ranks, each of which must call this at the same point of it.

    Args:
        adapter: a method that splits batches, fresh and the same on all ranks but for its memory layout.
        checkpoints: of its training, which each rank reads and the first one writes.
        device: of this rank.
    """
    layouts = [layout_of(adapter)]
    dist.broadcast_object_list(layouts, src=FIRST)  # found by timing: ranks may differ, and gradients must not
    lay_out(adapter, layouts[0])
    adapter.checkpoints, adapter.shared_loss = _OfAllRanks(checkpoints), _SharedLoss(adapter, device)
    try:
        with shared_batch_norm(adapter, device):
            yield
    finally:
        adapter.checkpoints = adapter.shared_loss = None


class _SharedLoss:
    """Loss of a whole batch, of which this rank computes its share. Its gradient is the share's, until DDP's mean."""

    def __init__(self, adapter: Adapter, device: torch.device) -> None:
        self.adapter, self.device = adapter, device
        self.of_share: nn.Module | None = None  # made at the first step: a resumed training may lay out weights anew

    def __call__(self, clips: Tensor) -> Tensor:
        """Take a batch (B, …), the same on all ranks, of which B is a multiple. Scalar, the same on all of them."""
        if self.of_share is None:
            self.of_share = DistributedDataParallel(
                _Loss(self.adapter),
                device_ids=[self.device] if self.device.type == "cuda" else None,
                find_unused_parameters=True,  # what no loss reaches is left as it is, as on one device
            )
        ranks, share = dist.get_world_size(), size_of(clips) // dist.get_world_size()
        begin = dist.get_rank() * share
        loss: Tensor = self.of_share(portion(clips, slice(begin, begin + share)))
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        return loss + (mean / ranks - loss.detach())


class _Loss(nn.Module):
    """A method's loss as a module's forward, which DDP is wrapped around."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.adapter = adapter

    def forward(self, clips: Tensor) -> Tensor:
        """Loss of clips (B, T, C, H, W). Scalar."""
        return self.adapter.loss(clips)


class _OfAllRanks:
    """Checkpoints that all ranks resume at, and the first one writes. It is a `Checkpointer`."""

    def __init__(self, checkpoints: Checkpointer) -> None:
        self.checkpoints = checkpoints

    def begin(self, state: TrainingState) -> int:
        """Put this rank where the training was kept.

        Raises:
            RuntimeError: ranks read different things there.
        """
        step = self.checkpoints.begin(state)
        steps = [0] * dist.get_world_size()
        dist.all_gather_object(steps, step)
        if len(set(steps)) > 1:
            raise RuntimeError(f"devices would resume after different steps: {steps}")
        return step

    def stepped(self, step: int) -> None:
        """Keep it, on the first rank."""
        if dist.get_rank() == FIRST:
            self.checkpoints.stepped(step)
