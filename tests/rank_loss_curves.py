"""Loss curves of methods, each trained by one process and by two that share its batches; for test_devices.py.

In float64, so that what is not the same is seen and not rounded away.
"""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.adapters.nets.seen_frames import seeing_once
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource
from crossvad.execution.checkpoints import Checkpoints, Watched
from crossvad.execution.fitting import build
from crossvad.execution.ranks.sharing import sharing
from crossvad.execution.training import train
from crossvad.planning import registry
from crossvad.store.store import Store
from crossvad.verification.conformance import moving_squares
from doubles import Honest, spec
from made import CPU, SMOKE

STEPS, BATCH = 6, 4
BUDGET = replace(SMOKE, schedule=Schedule(STEPS, BATCH, 1e-3))
CONTEXT = multiprocessing.get_context("spawn")


class Normed(Honest):
    """Batch norm of a kind that no method here has: a mean over all batches, and no weights. And an unused layer."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.norm = nn.BatchNorm2d(budget.channels, momentum=None, affine=False)
        self.unused = nn.Linear(2, 2)

    def loss(self, clips):
        return (self.factor * self.norm(clips[:, -2]) - clips[:, -1]).square().mean()


@contextmanager
def in_float64():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def trained(method: str | type[Adapter], store: Path, shared: bool) -> dict[str, np.ndarray]:
    """Losses of a training, and the parameters and buffers that it ends with."""
    adapter = build(registry.get_method(method) if isinstance(method, str) else spec(method), BUDGET, 0, CPU)
    source = ClipSource([moving_squares(SMOKE.size, 60, number) for number in range(2)], adapter.clip, CPU, seed=0)
    checkpoints, losses = Checkpoints(Store(store), "f" * 16, Watched(), lambda line: None), []
    with sharing(adapter, checkpoints, CPU) if shared else nullcontext():
        train(adapter, source, BUDGET, lambda step, of, values: losses.append(values["loss"]))
    state = {name: tensor.numpy() for name, tensor in adapter.state_dict().items()}
    return {"loss": np.array(losses), **state}


def of_two_ranks(methods: list[str | type[Adapter]], folder: Path) -> list[dict[str, np.ndarray]]:
    """What `trained` says of each method on the first of two ranks."""
    ours, its = zip(*(CONTEXT.Pipe(duplex=False) for _ in range(2)), strict=True)
    ranks = [CONTEXT.Process(target=_rank, args=(n, its[n], methods, folder), daemon=True) for n in range(2)]
    try:
        for rank, end in zip(ranks, its, strict=True):
            rank.start()
            end.close()
        return ours[0].recv()
    finally:
        for rank in ranks:
            rank.kill()


def _rank(number: int, connection: Any, methods: list[str | type[Adapter]], folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=(folder / "meeting").as_uri(), world_size=2, rank=number)
    with in_float64(), seeing_once():
        connection.send([trained(method, folder, shared=True) for method in methods])
    dist.barrier()
