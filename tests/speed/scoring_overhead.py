"""What the harness costs around a model: a full scoring pass beside the bare model on the same clips.

    python tests/speed/scoring_overhead.py                       # synthetic-plaza, needs no data
    python tests/speed/scoring_overhead.py --data DIR            # the real Ped2
    python tests/speed/scoring_overhead.py --data DIR --rounds 5 --device cuda --threads 2

A full pass is what a stored cell costs once its method is trained: plan, checks of the files, cache, batches, float
conversion, the model, placing, labels, storing. The bare pass is the model alone on batches of the same sizes that
already lie, as floats, on the device. Both are timed in turn, so that a machine that slows down slows both; the share
of the full pass that is not the model should be at most 10 %.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from measuring import seconds

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import consecutive
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.device import get_device
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.execution.scoring import scoring_batch
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR
from crossvad.store.store import Store

BUDGET = replace(BUDGETS["quick"], name="speed", size=128, schedule=Schedule(1, 8, 1e-3))


def bare(adapter: Adapter, videos: list[list[torch.Tensor]]) -> None:
    """The model on preloaded batches."""
    for batches in videos:
        adapter.score_video(batches)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="data root that holds ped2; without it synthetic-plaza is scored")
    parser.add_argument("--method", default="framepred")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--videos", type=int, help="only so many test videos in the bare pass and in the full one")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    where, cache = get_device(options.device), FrameCache()
    data = registry.get_dataset("ped2" if options.data else "synthetic-plaza", options.data or Path())
    if options.videos:
        everything = data.scenes
        data.scenes = lambda split: [replace(s, videos=s.videos[: options.videos]) for s in everything(split)]
    method, tuning = registry.get_method(options.method), registry.get_tuning("none")
    grid = Grid([method], [data], [data], [tuning], [0], [1], [0], BUDGET, FAIR, FAIR.support)
    adapter = method.build(BUDGET).to(where).eval()
    size, videos = (BUDGET.size, BUDGET.size), data.videos("test")
    frames = [cache.open(video, size, BUDGET.channels) for video in videos]
    clips = [
        [b.contiguous() for b in consecutive(f, adapter.clip, scoring_batch(adapter, BUDGET, where), where)]
        for f in frames
    ]

    with tempfile.TemporaryDirectory() as folder:
        store, pairs = Store(Path(folder)), []
        runner = Runner(store, cache, where, Reporter(quiet=True))
        (record,) = runner.run(grid)  # trains, decodes, warms up
        bare(adapter, clips)
        for round_number in range(1, options.rounds + 1):
            shutil.rmtree(store.place("cells", record.cell.key))
            full = seconds(lambda: runner.run(grid), where)
            pairs.append((full, seconds(lambda: bare(adapter, clips), where)))
            print(f"round {round_number}: full {pairs[-1][0]:.2f} s, bare {pairs[-1][1]:.2f} s", flush=True)
    full, model = (statistics.median(times) for times in zip(*pairs, strict=True))
    count = sum(map(len, frames))
    print(f"{options.method}, {data.name}, {count} frames at {BUDGET.size} px on {where}, {options.threads} threads")
    print(f"median full pass  {full:8.2f} s  {count / full:8.0f} frames/s")
    print(f"median bare model {model:8.2f} s  {count / model:8.0f} frames/s")
    print(f"harness around the model: {100 * (full - model) / full:.1f} % of the full pass (goal: at most 10 %)")


if __name__ == "__main__":
    main()
