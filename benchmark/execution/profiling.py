"""What a method costs: size, multiply-adds, latency, throughput, training, adaptation, memory. Weights are untrained.

Everything timed is warmed up first, and runs from an idle device to an idle device. A method fitted in closed form is
fitted, as what it scores with is made there; of one that trains, untrained weights take as long as trained ones.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget, Precision
from crossvad.adapters.tunings.base import Tuning, adaptations
from crossvad.datasets.base import Dataset, Footage, Video
from crossvad.datasets.clips import Batches, ClipSource, clip_count, consecutive, head
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun
from crossvad.datasets.words import number_of
from crossvad.execution.adaptation import ready_to_adapt
from crossvad.execution.decoding import Decoder
from crossvad.execution.device import machine
from crossvad.execution.fitting import build, source_clips
from crossvad.execution.inference import ready_to_score
from crossvad.execution.memory_layouts import features_in, probed_with
from crossvad.execution.precision import computing_in
from crossvad.execution.progress import Reporter
from crossvad.execution.training import arrange_learning
from crossvad.execution.work_costs import Clock, Effort, peak_bytes
from crossvad.planning.specs import MethodSpec
from crossvad.store.profiles import AdaptationCost, Profile

BATCHES = (1, 2, 4, 8, 16, 32, 64)
FRAMES = 120  # of a video, at most, that whole-video methods and the pass from disk are timed on
PASS = 2.0  # seconds that a pass from disk should take


def profile(
    method: MethodSpec,
    budget: Budget,
    source: Dataset,
    target: Dataset,
    tuning: Tuning,
    adapting: Sequence[tuple[int, int]],
    decoder: Decoder,
    device: torch.device,
    reporter: Reporter,
    effort: Effort | None = None,
) -> Profile:
    """Measure what a method costs on this machine, at a budget.

    Args:
        method: which.
        budget: how large it is, and its batches.
        source: what it trains on.
        target: whose first test video it scores and adapts to.
        tuning: how it adapts, its rate decided.
        adapting: shots and steps, each >= 1.
        decoder: of frames at the budget's size.
        device: where it runs.
        reporter: told what is being measured.
        effort: how long to look.
    """
    clock = Clock(device, effort or Effort())
    with reporter.task(f"Profile {method.label}") as update:
        update(0, 5, "fit")
        adapter = build(method, budget, 0, device)
        training_steps, training_bytes, training_batch = float("nan"), 0, 0
        if adapter.needs_source:
            clips = source_clips(source, adapter, decoder, device, 0)
            if type(adapter).fit is Adapter.fit:
                update(1, 5, "training")
                training_batch = adapter.schedule(budget).batch
                precision = method.arithmetic.training_precision
                training_steps, training_bytes = _training(adapter, clips, budget, precision, clock)
                adapter = build(method, budget, 0, device)
            else:
                adapter.fit(clips, budget, lambda step, of, values: None)
                adapter.eval()
        update(2, 5, "scoring")
        video = target.videos("test")[0]
        frames = decoder.frames(video, adapter.extra_inputs)[:FRAMES]
        few = head(frames, adapter.clip, probed_with(device), device)
        ready = ready_to_score(adapter, few, budget, device, method.arithmetic.precision)
        with computing_in(method.arithmetic.precision, device):
            costs = _scoring(ready, frames, clock)
            update(3, 5, "from disk")
            end_to_end = _from_disk(ready, video, costs, decoder, clock)
        update(4, 5, "adapting")
        adaptation = tuple(_adapting(adapter, frames, tuning, adapting, budget, clock)) if adapter.adapts else ()
        update(5, 5, "")
    return Profile(
        method=method.label,
        method_version=method.version,
        budget=budget.name,
        size=budget.size,
        width=budget.width,
        channels=budget.channels,
        machine=machine(device),
        device=device.type,
        torch=torch.__version__,
        parameters=adapter.parameter_count(),
        end_to_end=end_to_end,
        video=f"{target.name}/{video.name}",
        training_steps=training_steps,
        training_batch=training_batch,
        adaptation=adaptation,
        training_bytes=training_bytes,
        finished=datetime.now(UTC).isoformat(timespec="microseconds"),
        **costs,
    )


def _training(
    adapter: Adapter, clips: ClipSource, budget: Budget, precision: Precision, clock: Clock
) -> tuple[float, int]:
    """Training steps a second, drawing their clips included, and the bytes that one takes."""
    arrange_learning(adapter, clips, budget, precision)
    optimizers, batch = adapter.optimizers(budget), adapter.schedule(budget).batch
    drawn: Batches = adapter.before_training(clips)
    adapter.train()

    def step() -> None:
        given = drawn.batch(batch, adapter.training_strides)
        with computing_in(precision, clock.device, steps=True):
            adapter.training_step(given, optimizers)

    seconds = clock.median(step)  # before memory is looked at: by then optimisers hold their moments
    return 1 / seconds, peak_bytes(step, clock.device)


@torch.no_grad()
def _scoring(adapter: Adapter, frames: Footage, clock: Clock) -> dict[str, Any]:
    """Multiply-adds, latency, the best batch and its throughput, and memory, by the fields of `Profile`."""
    device, clip = clock.device, adapter.clip
    one = head(frames, clip, 1, device)
    work = partial(_scored, adapter, one)
    with FlopCounterMode(display=False) as counter:
        work()
    costs: dict[str, Any] = {"multiply_adds": counter.get_total_flops() // 2, "scoring_bytes": peak_bytes(work, device)}
    if adapter.scores_scene or adapter.scores_in_order:
        batch = BATCHES[3]
        batches = list(consecutive(frames, clip, batch, device))
        count = sum(map(len, batches))
        seconds = clock.median(lambda: adapter.score_scene([batches]))
        return costs | {
            "latency": float("nan"), "latency_95": float("nan"), "batch": batch, "throughput": count / seconds
        }  # fmt: skip
    taken = clock.seconds(work)
    costs |= {"latency": statistics.median(taken), "latency_95": float(np.percentile(taken, 95))}
    best = (1 / costs["latency"], 1)
    for batch in BATCHES[1:]:
        clips = head(frames, clip, batch, device)
        if len(clips) < batch:
            break
        with suppress(torch.OutOfMemoryError):
            best = max(best, (batch / clock.median(partial(_scored, adapter, clips)), batch))
        if best[1] < batch // 2:  # twice as many no longer help
            break
    return costs | {"throughput": best[0], "batch": best[1]}


def _scored(adapter: Adapter, clips: Any) -> dict[str, Any]:
    """What a cell needs of clips: their scores, on the host."""
    return {cue: values.cpu() for cue, values in adapter.score(adapter.frozen_features(clips)).items()}


@torch.no_grad()
def _from_disk(adapter: Adapter, video: Video, costs: dict[str, Any], decoder: Decoder, clock: Clock) -> float:
    """Frames a second that get a score, of a video decoded, scaled down and scored as it comes; NaN if none can."""
    if adapter.extra_inputs:
        return float("nan")  # they are made before, and kept
    batch = costs["batch"]
    count = min(FRAMES, len(video), max(adapter.clip.frames + batch - 1, round(PASS * costs["throughput"])))

    def work() -> None:
        frames = np.concatenate(list(video.source.blocks(decoder.size, decoder.budget.channels, 0, count)))
        adapter.score_scene([consecutive(frames, adapter.clip, batch, clock.device)])

    return clip_count(count, adapter.clip) / clock.median(work)  # as in a long video, where nearly every frame ends one


def _adapting(
    adapter: Adapter,
    frames: Footage,
    tuning: Tuning,
    adapting: Sequence[tuple[int, int]],
    budget: Budget,
    clock: Clock,
) -> Iterator[AdaptationCost]:
    """Seconds of each adaptation, features of the support clips included."""
    if adapter.tunable and tuning.unsupported_reason(adapter):
        return
    wanted = adapting if adapter.tunable else [(shots, 1) for shots in dict.fromkeys(shots for shots, _ in adapting)]
    for shots, steps in wanted:
        clips = head(frames, adapter.clip, shots, clock.device)
        if len(clips) < shots:
            problem = (
                f"has {number_of(len(frames), 'frame')}, which make {number_of(len(clips), 'clip')}, and not {shots}"
            )
            fix = "ask for fewer " + noun("shots") + ", or another " + noun("target")
            raise InputError("the target's first test video", problem, fix)
        with torch.no_grad():
            features = adapter.frozen_features(clips)
        moving, layout = ready_to_adapt(adapter, features, tuning, budget, clock.device)

        def work(clips: Any = clips, steps: int = steps, moving: Adapter = moving, layout: Any = layout) -> None:
            with torch.no_grad():
                features = adapter.frozen_features(clips)
            next(adaptations(moving, features_in(features, layout), [steps], tuning))

        yield AdaptationCost(shots, steps, clock.median(work))
