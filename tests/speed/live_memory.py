"""Memory while a camera is watched for hours, as fast as it can be: it should be flat from the first alarms on.

    python tests/speed/live_memory.py                             # two hours of 25 frames a second, 320x240, framediff
    python tests/speed/live_memory.py --hours 24 --method apn --shots 10 --budget quick

A minute of made-up video, in which a light flashes, is repeated without encoding it again. The method is as it is
built, which costs as much memory as a trained one. Each minute has an alarm, of which a film is written. Prints the
resident memory of the process as time goes by, and its growth over the second half.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch
from long_source import FRAME_RATE, SECONDS, resident, street

from crossvad.adapters.tunings.base import NoTuning
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import Fitted
from crossvad.footage.trained_method import TrainedMethod
from crossvad.live.camera_watch import Rules
from crossvad.live.cameras import Camera, OwnCameras
from crossvad.live.watcher import Watcher
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR, SupportPolicy

sys.path.append(str(Path(__file__).parents[1]))
from miniatures import repeat_video, write_video

FLASH = slice(50 * FRAME_RATE, 51 * FRAME_RATE)  # of each minute


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--method", default="framediff")
    parser.add_argument("--shots", type=int, default=0)
    parser.add_argument("--budget", choices=list(BUDGETS), default="demo")
    options = parser.parse_args()
    budget, device = BUDGETS[options.budget], torch.device("cpu")
    spec, tuning = registry.get_method(options.method), registry.get_tuning("finetune[learning_rate=1e-4]")
    grid = Grid([spec], [OwnCameras()], [OwnCameras()], [tuning], [options.shots], [1], [0], budget, FAIR,
                SupportPolicy.TEST_HEAD)  # fmt: skip
    (cell,) = grid.cells()
    fitted = Fitted("", spec.build(budget).eval(), NoTuning(), {}, {})
    method = TrainedMethod(fitted, tuning.build() if cell.shots else NoTuning(), cell, budget, device)
    pictures = [*street(FRAME_RATE * SECONDS)]
    for picture in pictures[FLASH][::2]:
        picture[:] = 255
    with tempfile.TemporaryDirectory() as folder:
        piece = write_video(Path(folder) / "piece.mp4", pictures)
        path = repeat_video(piece, Path(folder) / "long.mp4", round(options.hours * 3600 / SECONDS))
        (films := Path(folder) / "films").mkdir()
        watcher = Watcher([Camera("street", str(path))], method, Rules(40, None, None, films), Reporter(quiet=True))
        (watch,) = watcher.watches
        seen, started, shown = [], time.perf_counter(), 0.0
        for alarm in watcher:
            seen.append(resident())
            if alarm.event == "end" and alarm.clip is not None:
                alarm.clip.unlink()
            if time.perf_counter() - shown > 10:
                shown = time.perf_counter()
                minutes = watch.frames / FRAME_RATE / 60
                print(f"{minutes:7.0f} min  {watch.frames:8} frames  {seen[-1]:6.0f} MB", flush=True)
        took = time.perf_counter() - started
    growth = seen[-1] - seen[len(seen) // 2]
    print(f"{watch.frames} frames, {len(seen) // 2} alarms in {took:.0f} s: {watch.frames / took:.0f} frames/s")
    print(f"{min(seen):.0f} to {max(seen):.0f} MB resident; over the second half it grew by {growth:.1f} MB")


if __name__ == "__main__":
    main()
