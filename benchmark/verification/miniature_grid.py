"""A whole run in small: a method is fitted, adapted and scored through a store, and then had again from that store."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossvad.adapters.base import Adapter
from crossvad.datasets.base import Dataset, Frames, Scene, Split, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import digest
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.lazy_frames import LazyFrames
from crossvad.datasets.words import number_of
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR
from crossvad.planning.specs import MethodSpec, TuningSpec
from crossvad.store.scores import Cues
from crossvad.store.store import Store

SHOTS = (0, 10)
LENGTH, ANOMALY = 60, 45  # frames of a test video; from here on a square that moves as nothing did before


def in_memory(frames: Frames) -> LazyFrames:
    """Gray frames (N, H, W, 1) in memory, as a source of video that is known by a digest of its pixels."""
    return LazyFrames(partial(np.asarray, frames), len(frames), digest([frames.tobytes().hex()]))


class MadeUpCamera(Dataset):
    """A camera with one training and one test video, which turns abnormal."""

    def __init__(self, name: str, train: Frames, test: Frames, onset: int) -> None:
        self.name, self.train, self.test, self.onset = name, train, test, onset

    def scenes(self, split: Split) -> list[Scene]:
        """The one scene."""
        return [Scene(self.name, (Video(split, in_memory(self.train if split == "train" else self.test)),))]

    def labels(self, video: str) -> NDArray[np.uint8]:
        """1 from the onset on."""
        return (np.arange(len(self.test)) >= self.onset).astype(np.uint8)


def moving_squares(size: int, length: int, seed: int, anomaly: int | None = None) -> Frames:
    """Gray video (length, size, size, 1): a dim square drifts over noise; from `anomaly` on a bright one darts."""
    random = np.random.default_rng(seed)
    ground = random.integers(60, 100, (size, size))
    frames = np.repeat(ground[None], length, 0) + random.integers(-2, 3, (length, size, size))
    edge, start = size // 5, int(random.integers(size))
    for t in range(length):
        x = (start + t // 2) % (size - edge)
        frames[t, size // 2 : size // 2 + edge, x : x + edge] = 130
        if anomaly is not None and t >= anomaly:
            x, y = (7 * t) % (size - edge), (5 * t) % (size - edge)
            frames[t, y : y + edge, x : x + edge] = 255 if t % 2 else 0
    return frames.astype(np.uint8)[..., None]


def made_up_cameras(size: int) -> list[MadeUpCamera]:
    """Three cameras of moving squares, of frames (size, size): a source, and two targets."""
    videos = [moving_squares(size, LENGTH, number) for number in range(6)]
    return [MadeUpCamera(f"camera {n}", videos[2 * n], videos[2 * n + 1], ANOMALY) for n in range(3)]


def run_twice(
    method: MethodSpec, adapter: Adapter, cameras: list[MadeUpCamera], tuning: TuningSpec | None = None
) -> tuple[bool, str]:
    """Train on the first camera, and adapt to and score all; then again, with what the store has of the training.

    Args:
        method: to run.
        adapter: of it, to see what it needs.
        cameras: the source, and targets.
        tuning: how to adapt; None: by fine-tuning, of which a method that adapts in closed form takes no notice.

    Returns:
        Whether all cells were done, and the same both times; and what was seen.
    """
    room = max(FAIR.max_clip, adapter.clip.frames) - FAIR.max_clip
    chosen = method.cls.tunable and adapter.needs_source and not adapter.extra_inputs  # else no rate can be chosen
    usual = "finetune" if chosen else "finetune[learning_rate=1e-4]"
    grid = Grid(
        methods=[method],
        sources=cameras[:1],
        targets=cameras[1:],
        tunings=[tuning or registry.get_tuning(usual)],
        shots=SHOTS,
        steps=[1],
        seeds=[0],
        budget=BUDGETS["smoke"],
        protocol=replace(FAIR, max_shots=max(SHOTS) + room),
        support=FAIR.support,
    )
    with tempfile.TemporaryDirectory() as folder:
        store, cache = Store(Path(folder) / "results"), FrameCache(Path(folder) / "cache")
        runs: list[dict[str, Cues]] = []
        for _ in range(2):
            try:
                records = Runner(store, cache, torch.device("cpu"), Reporter(quiet=True)).run(grid)
            except InputError as error:
                return False, str(error)
            for record in records:
                if record.status != "done":
                    return False, f"{record.cell}: {record.reason.strip().splitlines()[-1]}"
            runs.append({str(record.cell): store.scores(record.cell).cues for record in records})
            shutil.rmtree(store.place("cells", ""))
    first, second = runs
    differing = [
        cell
        for cell, cues in first.items()
        if not all(np.allclose(values, second[cell][cue], 1e-4, 1e-4, equal_nan=True) for cue, values in cues.items())
    ]
    if differing:
        return False, f"{differing[0]}: other scores the second time, when the fit comes from the store"
    return True, f"{number_of(len(first), 'cell')}, twice the same"
