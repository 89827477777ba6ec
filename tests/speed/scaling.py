"""How the cost of a method grows: with frames, shots, steps, prototypes and resolution; and what a long video takes.

    python tests/speed/scaling.py                       # apn and lmn at the sizes of budget quick
    python tests/speed/scaling.py --method memae --frames 1000

Each is doubled a few times while the others stay, and a line is fitted to the logarithms: exponent 1 is in proportion,
0 no growth. Seconds are of processor time on one thread, the least of some rounds: other processes do not lengthen it.
Weights are untrained, which takes as long. Then a video of noise, drawn as it is asked for, is scored as `bench score`
does it, by a process for each length: the most that this holds resident should not grow.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from many_cells import CALL, call
from tabulate import tabulate

from crossvad.adapters.options import Budget
from crossvad.adapters.tunings.base import NoTuning, Tuning
from crossvad.datasets.base import Frames, Video
from crossvad.execution.adaptation import adapted_once
from crossvad.execution.scoring import Fitted
from crossvad.footage.streaming import stream_scores
from crossvad.footage.trained_method import TrainedMethod
from crossvad.planning import registry
from crossvad.planning.budgets import QUICK
from crossvad.planning.cell import Cell

sys.path.append(str(Path(__file__).parents[1]))
from footage_made import CPU, Blocks, silent

COUNTED = {"apn": "prototypes", "lmn": "items", "memae": "items"}  # how a method calls its prototypes
SHOTS, STEPS = (1, 2, 5, 10, 20), (1, 3, 10, 30, 100)
PROTOTYPES, SIZES = (5, 10, 20, 40, 80), (32, 64, 128, 256)
LONGER = (1, 4, 16)  # times as long
BLOCK = 32  # frames that are drawn at once


def video(frames: int, size: int) -> Video:
    """Noise, frame by frame."""
    return Video("noise", Blocks(frames, BLOCK, lambda number: noise(number, size)))


def noise(number: int, size: int) -> Frames:
    """A frame of noise, (size, size)."""
    return np.random.default_rng(number).integers(0, 256, (size, size), np.uint8)


def fitted(method: str, budget: Budget) -> Fitted:
    """A method as it is before it is trained."""
    torch.manual_seed(0)
    return Fitted("", registry.get_method(method).build(budget).eval(), NoTuning(), {}, {})


def cell(shots: int, steps: int) -> Cell:
    """A cell of nothing but shots and steps."""
    words = dict.fromkeys(("method", "source", "target", "tuning", "support", "budget"), "")
    digests = dict.fromkeys(("budget_digest", "method_version", "tuning_version", "source_digest", "target_digest"), "")
    return Cell(**words, **digests, shots=shots, steps=steps, seed=0)


def score(method: str, frames: int, budget: Budget = QUICK) -> Callable[[], object]:
    """Score a video."""
    ready, film = fitted(method, budget), video(frames, budget.size)
    return lambda: stream_scores(film, TrainedMethod(ready, NoTuning(), cell(0, 0), budget, CPU), silent)


def adapt(method: str, shots: int, steps: int) -> Callable[[], object]:
    """Adapt to the head of a video."""
    ready = fitted(method, QUICK).adapter
    frames = np.stack([noise(number, QUICK.size)[..., None] for number in range(ready.clip.frames + shots - 1)])
    tuning: Tuning = registry.get_tuning("finetune").build().with_rate(1e-4)
    return lambda: adapted_once(ready, frames, cell(shots, steps), tuning, QUICK, CPU)


def least(work: Callable[[], object], rounds: int) -> float:
    """The least processor time that a piece of work takes, seconds; the first round warms up."""
    taken = []
    for _ in range(rounds + 1):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken[1:])


def exponent(sizes: Iterable[float], seconds: Iterable[float]) -> float:
    """Slope of a line through the logarithms."""
    return float(np.polyfit(np.log([*sizes]), np.log([*seconds]), 1)[0])


def growth(method: str, frames: int) -> Iterator[tuple[str, dict[int, Callable[[], object]]]]:
    """What is doubled, and the work at each size of it."""
    yield "frames of a video", {count: score(method, count) for count in (frames * 2**power for power in range(4))}
    yield "shots, 10 steps", {shots: adapt(method, shots, 10) for shots in SHOTS}
    yield "steps, 10 shots", {steps: adapt(method, 10, steps) for steps in STEPS}
    if method in COUNTED:
        option = COUNTED[method]
        yield f"{option}, {frames} frames", {n: score(f"{method}[{option}={n}]", frames) for n in PROTOTYPES}
    sizes = {size: replace(QUICK, name=f"quick at {size}", size=size) for size in SIZES}
    yield f"resolution, {frames} frames", {size: score(method, frames, budget) for size, budget in sizes.items()}


def stream(method: str, frames: int) -> None:
    """Score a long video, in a process whose memory is looked at."""
    torch.set_num_threads(1)
    score(method, frames)()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--method", action="append", help="apn and lmn, unless said otherwise")
    parser.add_argument("--frames", type=int, default=200, help="of the shortest video")
    parser.add_argument("--long", type=int, default=1000, help="frames of the shortest video whose memory is looked at")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = []
    for method in asked.method or ["apn", "lmn"]:
        for what, works in growth(method, asked.frames):
            taken = {size: least(work, asked.rounds) for size, work in works.items()}
            told = ", ".join(f"{size}: {seconds:.3g}" for size, seconds in taken.items())
            lines.append([method, what, told, f"{exponent(taken, taken.values()):.2f}"])
            print(*lines[-1], sep="\t", file=sys.stderr, flush=True)
    print(tabulate(lines, ["method", "what grows", "seconds", "exponent"], "github", disable_numparse=True))
    lines = []
    for method in asked.method or ["apn", "lmn"]:
        lengths = [asked.long * times for times in LONGER]
        costs = [call(CALL.format("import scaling; scaling.stream(sys.argv[1], int(sys.argv[2]))"), method, length)
                 for length in lengths]  # fmt: skip
        lines.append([method, *(f"{cost.memory:.0f} MB" for cost in costs)])
    print(tabulate(lines, ["method", *(f"{length} frames" for length in lengths)], "github", disable_numparse=True))


if __name__ == "__main__":
    main()
