"""A grid of many cells, planned."""

from __future__ import annotations

import math

from crossvad.datasets.base import Dataset, Scene, Split
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR, SupportPolicy

METHODS = ("apn", "apn[paper]", "mpn", "lmn", "lmn-recon", "memae", "convae", "framepred", "rgan", "zxvad")


class Named(Dataset):
    """A data set that is a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def scenes(self, split: Split) -> list[Scene]:
        return []

    def labels(self, video: str):
        raise NotImplementedError


def grid(cells: int) -> Grid:
    """A grid of about as many cells: 10 methods, 10 sources, and as many targets as it takes."""
    shots, steps, seeds = (1, 3, 5, 10), (1, 3, 10, 30, 100), range(5)
    of_a_target = len(METHODS) * 10 * len(shots) * len(steps) * len(seeds)
    return Grid(
        methods=[*map(registry.get_method, METHODS)],
        sources=[Named(f"source-{number}") for number in range(10)],
        targets=[Named(f"target-{number}") for number in range(math.ceil(cells / of_a_target))],
        tunings=[registry.get_tuning("finetune")],
        shots=shots,
        steps=steps,
        seeds=seeds,
        budget=BUDGETS["quick"],
        protocol=FAIR,
        support=SupportPolicy.TRAIN_HEAD,
    )


def main(cells: int) -> None:
    """Name them all."""
    keys = {cell.key for cell in grid(cells).cells()}
    if len(keys) < cells:
        raise SystemExit(f"{len(keys)} cells")
