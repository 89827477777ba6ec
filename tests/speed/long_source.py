"""Memory and time while a video of ten hours is sampled as a source.

    python tests/speed/long_source.py                    # 10 hours of H.264 at 320x240, 25 frames a second
    python tests/speed/long_source.py --hours 20 --budget quick

Opens the video, decodes a budget's excerpts of it into a fresh cache, and draws training batches from those. Prints the
resident memory of the process, which should stay within 50 MB from the first excerpt on, however long the video.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from crossvad.datasets.base import Frames, Video
from crossvad.datasets.clips import ClipSource, ClipSpec
from crossvad.datasets.readers.excerpts import excerpts
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.planning.budgets import BUDGETS

sys.path.append(str(Path(__file__).parents[1]))
from miniatures import repeat_video, write_video

FRAME_RATE, SECONDS = 25, 60  # of the piece of video that is repeated


def street(count: int) -> Iterator[Frames]:
    """Noise with a bar that walks through it, (240, 320)."""
    random = np.random.default_rng(0)
    still = random.integers(60, 180, (240, 320))
    for t in range(count):
        picture = (still + random.integers(-4, 5, still.shape)).astype(np.uint8)
        picture[100:160, t % 300 :][:, :20] = 230
        yield picture


def resident() -> float:
    """Resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def report(title: str, seen: list[float], started: float) -> None:
    """How long something took, and how much memory (MB) it was seen to hold."""
    span = f"{min(seen):.0f} to {max(seen):.0f} MB resident"
    print(f"{title:34} {time.perf_counter() - started:7.1f} s   {span}, range {max(seen) - min(seen):.0f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=10)
    parser.add_argument("--budget", choices=list(BUDGETS), default="demo")
    parser.add_argument("--batches", type=int, default=500)
    options = parser.parse_args()
    budget = BUDGETS[options.budget]
    size = budget.size, budget.size
    with tempfile.TemporaryDirectory() as folder:
        piece = write_video(Path(folder) / "piece.mp4", street(FRAME_RATE * SECONDS))
        path = repeat_video(piece, Path(folder) / "long.mp4", round(options.hours * 3600 / SECONDS))
        video, cache = Video("long", VideoFile(path)), FrameCache(Path(folder) / "cache")
        started, before = time.perf_counter(), resident()
        parts = excerpts([video], budget.source_frames)
        kept = f"{sum(map(len, parts))} frames of it in {len(parts)} excerpts"
        print(f"{len(video)} frames, {path.stat().st_size / 1e6:.0f} MB; {kept}")
        report("open and count", [before, resident()], started)
        started, seen = time.perf_counter(), []
        cache.fill(parts, size, budget.channels, 1, lambda done, of, note: seen.append(resident()))
        report("decode, from the first excerpt on", seen, started)
        frames = [cache.open(part, size, budget.channels) for part in parts]
        source = ClipSource(frames, ClipSpec(5, 4, size, budget.channels), torch.device("cpu"), seed=0)
        started, seen = time.perf_counter(), []
        for _ in range(options.batches):
            source.batch(8)
            seen.append(resident())
        report(f"draw {options.batches} batches of 8 clips", seen, started)


if __name__ == "__main__":
    main()
