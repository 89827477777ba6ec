"""Footage made up for tests of what is done with it."""

import numpy as np
import torch

from conftest import paint
from crossvad.planning.budgets import BUDGETS

SMOKE, CPU = BUDGETS["smoke"], torch.device("cpu")
ONSET, LENGTH = 60, 90  # of the planted anomaly, and of the video


def silent(done, of, note):
    """No progress."""


class Blocks:
    """A source that makes each frame when asked, and gives them out in blocks of a size."""

    identity = stamp = "blocks"

    def __init__(self, length, block, frame=lambda number: paint(1, number)[0]):
        self.length, self.block, self.frame = length, block, frame

    def __len__(self):
        return self.length

    def blocks(self, size, channels, start=0, stop=None):
        stop = self.length if stop is None else min(stop, self.length)
        for first in range(start, stop, self.block):
            frames = np.stack([self.frame(number) for number in range(first, min(first + self.block, stop))])
            yield np.repeat(frames[..., None], channels, -1)
