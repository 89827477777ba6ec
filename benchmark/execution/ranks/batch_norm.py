"""Batch norm over the clips of all devices: torch's own on GPUs, where alone that runs, and the same sums elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Mean(torch.autograd.Function):
    """The mean of a tensor over the ranks. Each rank's gradient is of the sum of all ranks' losses."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Take any tensor, of one shape on all ranks."""
        total = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        """The mean as well: of what each rank's loss makes of it."""
        return _Mean.forward(ctx, slopes[0])


@contextmanager
def shared_batch_norm(method: nn.Module, device: torch.device) -> Iterator[None]:
    """Within, each batch norm of a method that trains takes its statistics of the clips of all ranks.

    Modules, parameters and buffers stay the ones they are. Each rank must have as many clips as any other.
    """
    norms = [module for module in method.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:  # before the one of their class, which `torch.nn` calls otherwise
        vars(norm)["forward"] = _of_torch(norm) if device.type == "cuda" else partial(_normalised, norm)
    try:
        yield
    finally:
        for norm in norms:
            del vars(norm)["forward"]


def _of_torch(norm: _BatchNorm) -> Callable[[Tensor], Tensor]:
    """torch's batch norm over ranks, of a batch norm's own parameters and buffers."""
    twin = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]

    def forward(values: Tensor) -> Tensor:
        normalised: Tensor = twin.train(norm.training)(values)
        return normalised

    return forward


def _normalised(norm: _BatchNorm, values: Tensor) -> Tensor:
    """What a batch norm makes of values (B, C, …), of which each rank has B; running statistics move in place."""
    if not norm.training:
        return type(norm).forward(norm, values)
    over = [0, *range(2, values.dim())]
    shape = [1, -1, *(1 for _ in over[1:])]
    exact = values if values.dtype == torch.float64 else values.float()
    mean: Tensor = _Mean.apply(exact.mean(over))
    centred = exact - mean.view(shape)
    variance: Tensor = _Mean.apply(centred.square().mean(over))
    _keep(norm, mean.detach(), variance.detach(), dist.get_world_size() * values.numel() // values.shape[1])
    normal = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        normal = normal * norm.weight.view(shape) + norm.bias.view(shape)
    return normal.to(values.dtype)


@torch.no_grad()
def _keep(norm: _BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
    """Move running statistics towards those of a batch of `count` values a channel, as torch does."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked.add_(1)
    share = 1 / norm.num_batches_tracked.item() if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), share)
    norm.running_var.lerp_((variance * (count / max(1, count - 1))).to(norm.running_var.dtype), share)
