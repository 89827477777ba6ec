"""A whole run in small: a method is fitted, adapted and scored through a store, and then had again from that store."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossvad.adapters.base import Adapter
from crossvad.datasets.base import Dataset, Frames, Scene, Size, Split, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import digest
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.frame_folder import resized
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR
from crossvad.planning.specs import MethodSpec
from crossvad.store.scores import Cues
from crossvad.store.store import Store

SHOTS = (0, 10)


@dataclass(frozen=True)
class MadeUpFrames:
    """Gray frames (N, H, W, 1) in memory, as a source of video."""

    frames: Frames

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def identity(self) -> str:
        """A digest of the pixels."""
        return digest([self.frames.tobytes().hex()])

    stamp = identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MadeUpFrames) and self.identity == other.identity

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop`, in one block."""
        frames = self.frames[start:stop]
        yield resized(np.ascontiguousarray(np.broadcast_to(frames, (*frames.shape[:3], channels))), size)


class MadeUpCamera(Dataset):
    """A camera with one training and one test video, which turns abnormal."""

    def __init__(self, name: str, train: Frames, test: Frames, onset: int) -> None:
        self.name, self.train, self.test, self.onset = name, train, test, onset

    def scenes(self, split: Split) -> list[Scene]:
        """The one scene."""
        return [Scene(self.name, (Video(split, MadeUpFrames(self.train if split == "train" else self.test)),))]

    def labels(self, video: str) -> NDArray[np.uint8]:
        """1 from the onset on."""
        return (np.arange(len(self.test)) >= self.onset).astype(np.uint8)


def run_twice(method: MethodSpec, adapter: Adapter, cameras: list[MadeUpCamera]) -> tuple[bool, str]:
    """Train on the first camera, and adapt to and score all; then again, with what the store has of the training.

    Args:
        method: to run.
        adapter: of it, to see what it needs.
        cameras: the source, and targets.

    Returns:
        Whether all cells were done, and the same both times; and what was seen.
    """
    room = max(FAIR.max_clip, adapter.clip.frames) - FAIR.max_clip
    takes_steps = method.cls.adapts and method.cls.tunable
    chosen = adapter.needs_source and not adapter.extra_inputs  # else no rate can be chosen
    tuning = ("finetune" if chosen else "finetune[learning_rate=1e-4]") if takes_steps else NO_TUNING
    grid = Grid(
        methods=[method],
        sources=cameras[:1],
        targets=cameras[1:],
        tunings=[registry.get_tuning(tuning)],
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
        return False, f"{differing[0]}: other scores when the fit comes from the store"
    return True, f"{len(first)} cells, twice the same"
