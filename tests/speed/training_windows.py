"""Reading training windows of real video: the decode-once cache beside the plain way, side by side.

    pip install opencv-python-headless          # of the plain way alone
    python tests/speed/training_windows.py --data DIR
    python tests/speed/training_windows.py --data DIR --rounds 5 --workers 2 --size 256 --channels 3

The plain way is what the field's published code does: a PyTorch DataLoader whose `__getitem__` reads and resizes each
of a window's frames with OpenCV. Both ways read as many windows as the split holds, shuffled, in batches of floats in
[-1, 1], with as many workers: processes of the DataLoader, threads that fill the cache. Cold: the first pass, when
nothing is decoded and (where the system can be asked to forget) no file is in memory; warm: any later one. The two are
run in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from crossvad.datasets.base import Video
from crossvad.datasets.clips import ClipSource, ClipSpec
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.planning import registry


class PlainWindows(TorchDataset):
    """Windows of images, each read and resized anew with OpenCV whenever a window asks for it."""

    def __init__(self, videos: list[list[Path]], spec: ClipSpec) -> None:
        self.spec = spec
        self.windows = [
            paths[first : first + spec.frames] for paths in videos for first in range(len(paths) - spec.frames + 1)
        ]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Tensor:
        return torch.stack([self._frame(path) for path in self.windows[index]])

    def _frame(self, path: Path) -> Tensor:
        import cv2

        cv2.setNumThreads(0)  # a worker is one thread, as in DataLoader's own advice
        flag = cv2.IMREAD_COLOR if self.spec.channels == 3 else cv2.IMREAD_GRAYSCALE
        image = cv2.resize(cv2.imread(str(path), flag), self.spec.size[::-1]).astype(np.float32)
        return torch.from_numpy(image.reshape(*self.spec.size, self.spec.channels) / 127.5 - 1.0).permute(2, 0, 1)


def plain(videos: list[Video], spec: ClipSpec, options: argparse.Namespace) -> Iterator[Tensor]:
    """One pass over all windows the plain way."""
    windows = PlainWindows([list(video.source.frames) for video in videos], spec)
    return iter(DataLoader(windows, options.batch, shuffle=True, num_workers=options.workers))


def ours(videos: list[Video], spec: ClipSpec, options: argparse.Namespace, cache: FrameCache) -> Iterator[Tensor]:
    """As many windows as `plain` reads, from the cache; fills it where it lacks something."""
    cache.fill(videos, spec.size, spec.channels, options.workers)
    frames = [cache.open(video, spec.size, spec.channels) for video in videos]
    source = ClipSource(frames, spec, torch.device("cpu"), seed=0)
    todo = sum(len(video) - spec.frames + 1 for video in videos)
    while todo > 0:
        yield source.batch(min(options.batch, todo))
        todo -= options.batch


def frames_per_second(batches: Iterator[Tensor], started: float) -> float:
    """Drain the batches."""
    count = sum(batch.shape[0] * batch.shape[1] for batch in batches)
    return count / (time.perf_counter() - started)


def forget(folder: Path) -> None:
    """Ask the system to drop what it holds of the files below a folder."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="data root that holds ped2 as frames")
    for name, default in (("rounds", 3), ("workers", 2), ("size", 256), ("channels", 3), ("frames", 5), ("batch", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    ped2 = registry.get_dataset("ped2", options.data)
    videos = ped2.videos("train")
    spec = ClipSpec(options.frames, options.frames - 1, (options.size, options.size), options.channels)
    rates: dict[str, list[float]] = {}
    for number in range(1, options.rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            cache = FrameCache(Path(folder))
            for state, way in product(("cold", "warm"), ("plain", "ours")):
                if state == "cold":
                    forget(ped2.directory)
                started = time.perf_counter()
                batches = plain(videos, spec, options) if way == "plain" else ours(videos, spec, options, cache)
                rate = frames_per_second(batches, started)
                rates.setdefault(f"{way}, {state}", []).append(rate)
                print(f"round {number}: {way}, {state:5} {rate:8.0f} frames/s", flush=True)
    print(f"ped2 train, windows of {spec.frames} frames, {options.size} px, {options.channels} channels", end="")
    print(f", {options.workers} workers, batches of {options.batch}")
    for state in ("cold", "warm"):
        theirs, own = (statistics.median(rates[f"{way}, {state}"]) for way in ("plain", "ours"))
        print(f"{state}: plain {theirs:8.0f} frames/s, ours {own:8.0f} frames/s: {own / theirs:5.1f} times (goal: 5)")


if __name__ == "__main__":
    main()
