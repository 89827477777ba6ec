"""A data set that is drawn: a corridor, in which a light goes on."""

from __future__ import annotations

from functools import partial

import numpy as np

from crossvad.datasets.base import Dataset, Scene, Video
from crossvad.datasets.readers.lazy_frames import LazyFrames

LENGTH, ONSET = 48, 36


def draw(split, number):
    """Frames (N, H, W, 1), uint8."""
    random = np.random.default_rng([split == "test", number])
    frames = random.integers(90, 110, (LENGTH, 40, 48, 1))
    if split == "test":
        frames[ONSET:, 10:30, 10:30] += 100
    return frames.astype(np.uint8)


class Corridor(Dataset):
    """One camera with two training videos and two test videos."""

    name = "corridor"

    def __init__(self, root):
        self.root = root

    def scenes(self, split):
        videos = [
            Video(f"{split}{number}", LazyFrames(partial(draw, split, number), LENGTH, f"corridor {split} {number}"))
            for number in range(2)
        ]
        return [Scene("corridor", tuple(videos))]

    def labels(self, video):
        return (np.arange(LENGTH) >= ONSET).astype(np.uint8)
