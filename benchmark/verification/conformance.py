"""What every method must satisfy, run on tiny made-up video. A plug-in author runs it with `bench methods check`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.datasets.base import Frames
from crossvad.datasets.clips import ClipSource, consecutive, head
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.specs import MethodSpec

LENGTH, ANOMALY = 60, 45  # frames of a test video; from here on a square that moves as nothing did before
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Verdict:
    """One rule, whether it holds, and what was measured."""

    rule: str
    holds: bool
    seen: str


def check_adapter(method: MethodSpec) -> Iterator[Verdict]:
    """Train a method for a few steps and hold it to the contract of `adapters.base`, rule by rule."""
    budget = BUDGETS["smoke"]
    adapter, twin = _trained(method), _trained(method)
    video = moving_squares(budget.size, LENGTH, seed=7, anomaly=ANOMALY)
    scores = _score(adapter, video, 16)

    shapes = {cue: tuple(values.shape) for cue, values in scores.items()}
    clips = LENGTH - adapter.clip.frames + 1
    complete = all(values.shape == (clips,) and np.isfinite(values).all() for values in scores.values())
    yield Verdict("one finite score per clip and cue", complete, str(shapes))
    if not complete:
        return  # the other rules speak of scores that are there
    yield _same("the batch size does not matter", scores, _score(adapter, video, 5))
    yield _same("the same seed gives the same scores", scores, _score(twin, video, 16))
    _score(adapter, moving_squares(budget.size, LENGTH, seed=8), 16)
    yield _same("other videos do not matter", scores, _score(adapter, video, 16))

    before = copy.deepcopy(adapter.state_dict())
    support = head(moving_squares(budget.size, LENGTH, seed=9), adapter.clip, 5, CPU)
    tuning = FineTune(FineTuneOptions(1e-4))
    adapted = adapter.adapt(support, 3, tuning)
    untouched = all(torch.equal(value, before[name]) for name, value in adapter.state_dict().items())
    yield Verdict(
        "adapting returns a new object and leaves this one",
        adapted is not adapter and untouched,
        "bit-identical" if untouched else "changed",
    )
    idle = adapter.adapt(support[:0], 3, tuning)
    yield _same("0 shots change nothing", scores, _score(idle, video, 16))
    yield _same("0 steps change nothing", scores, _score(adapter.adapt(support, 0, tuning), video, 16))
    if adapter.trainable:
        moved = any(not torch.equal(value, before[name]) for name, value in adapted.state_dict().items())
        yield Verdict("adapting moves the method", moved, "moved" if moved else "no parameter changed")

    onset = ANOMALY - adapter.clip.scored
    lift = {cue: float(values[onset:].mean() - values[:onset].mean()) for cue, values in scores.items()}
    if method.label != "random":
        seen = ", ".join(f"{cue} {value:+.3g}" for cue, value in lift.items())
        yield Verdict("a planted anomaly scores higher, in one cue at least", max(lift.values()) > 0, seen)


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


def _trained(method: MethodSpec) -> Adapter:
    budget = BUDGETS["smoke"]
    torch.manual_seed(0)
    adapter = method.build(budget)
    if method.cls.trainable:
        videos = [moving_squares(budget.size, LENGTH, seed) for seed in range(2)]
        adapter.fit(ClipSource(videos, adapter.clip, CPU, seed=0), budget, lambda step, of, values: None)
    adapter.eval()
    return adapter


def _score(adapter: Adapter, video: Frames, batch: int) -> dict[str, np.ndarray]:
    scores = adapter.score_video(consecutive(video, adapter.clip, batch, CPU))
    return {cue: values.double().numpy() for cue, values in scores.items()}


def _same(rule: str, first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> Verdict:
    """Equal up to the rounding that convolutions of different batch sizes may show."""
    shapes = [{cue: values.shape for cue, values in scores.items()} for scores in (first, second)]
    if shapes[0] != shapes[1]:
        return Verdict(rule, False, f"{shapes[0]} became {shapes[1]}")
    worst = max(float(np.max(np.abs(first[cue] - second[cue]) / (1 + np.abs(first[cue])))) for cue in first)
    return Verdict(rule, worst < 1e-4, f"largest relative difference {worst:.1e}")
