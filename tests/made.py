"""Methods built for tests, the made-up clips they are shown, and results as they are cloned."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.datasets.clips import consecutive
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.store.store import Record, Store
from crossvad.verification.conformance import moving_squares

CPU = torch.device("cpu")
SMOKE, PAPER = BUDGETS["smoke"], BUDGETS["paper"]


def build(text: str, budget: Budget = SMOKE) -> Adapter:
    torch.manual_seed(0)
    return registry.get_method(text).build(budget).eval()


def clips_of(adapter: Adapter, count: int = 3) -> Tensor:
    video = moving_squares(SMOKE.size, count + adapter.clip.frames - 1, seed=0)
    return next(consecutive(video, adapter.clip, count, CPU))


def minus_psnr(prediction: Tensor, target: Tensor) -> list[float]:
    """In dB, of images in [-1, 1], by the textbook: 10 log10 (MSE / range^2)."""
    return [10 * math.log10((p - t).square().mean().item() / 2**2) for p, t in zip(prediction, target, strict=True)]


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def committed_alone(store: Store, records: Iterable[Record]) -> Path:
    """The results folder of a store as it would be cloned: with these cells committed, and none of one's own."""
    for record in records:
        store.keep(record.cell)
    shutil.rmtree(store.root)
    return store.root.parent
