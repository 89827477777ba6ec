"""What every method must satisfy, run on tiny made-up video. A plug-in author runs it with `bench methods check`."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crossvad.adapters.base import Adapter
from crossvad.adapters.nets.seen_frames import seeing_once
from crossvad.adapters.tunings.base import NoTuning, Tuning, adapt, adaptations
from crossvad.adapters.tunings.gradient import FineTune, FineTuneOptions
from crossvad.datasets.base import Frames
from crossvad.datasets.clips import ClipSource, consecutive, head
from crossvad.datasets.readers.extra_inputs import with_extras
from crossvad.execution.model_state import SURVIVES, equal_throughout, load_model, lost_state, save_model
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.specs import MethodSpec
from crossvad.verification.miniature_grid import ANOMALY, LENGTH, made_up_cameras, moving_squares, run_twice
from crossvad.verification.verdicts import Verdict, without_errors

ENDED = 40  # frames after which a video might as well have ended
CPU = torch.device("cpu")

Scores = dict[str, NDArray[np.float64]]  # cue -> (clips,)
State = dict[str, NDArray[Any]]


def adapter_verdicts(method: MethodSpec) -> Iterator[Verdict]:
    """Train a method for a few steps and hold it to the contract of `adapters.base`, rule by rule.

    Raises:
        InputError: it cannot be built, or asks for what there is not.
    """
    with seeing_once():  # all of it is the same few videos
        yield from without_errors(_verdicts(method))


def _verdicts(method: MethodSpec) -> Iterator[Verdict]:
    size = BUDGETS["smoke"].size
    adapter = _trained(method)
    video = moving_squares(size, LENGTH, seed=7, anomaly=ANOMALY)
    given = adapter.score(head(with_extras(video, adapter.extra_inputs), adapter.clip, 2, CPU))
    if not (isinstance(given, dict) and all(isinstance(values, torch.Tensor) for values in given.values())):
        yield Verdict("one finite score per clip and cue", False, f"{{cue: tensor}} is wanted, not {_types(given)}")
        return
    scores = _score(adapter, video, 16)

    shapes = {cue: tuple(values.shape) for cue, values in scores.items()}
    clips = LENGTH - adapter.clip.frames + 1
    complete = all(values.shape == (clips,) and np.isfinite(values).all() for values in scores.values())
    lacking = {cue: int((~np.isfinite(values)).sum()) for cue, values in scores.items()}
    told = [f"{shapes}", *(f"{count} of {cue} are no numbers" for cue, count in lacking.items() if count)]
    yield Verdict("one finite score per clip and cue", complete, ", ".join(told))
    if not complete:
        return  # the other rules speak of scores that are there
    if method.maps_version:
        yield _maps(adapter, video)
    if adapter.needs_source:
        adapter, saved = _saved(method, adapter, video, scores)
        yield saved
    yield from _dependence(adapter, video, scores)
    yield _same("the same seed gives the same scores", scores, _score(_trained(method), video, 16))
    if not adapter.stochastic:
        yield _same("seeds make no difference", scores, _score(_trained(method, seed=1), video, 16))
    yield from _adaptation(adapter, video, scores)
    cameras = made_up_cameras(size)
    yield Verdict("a grid runs, and again from the store", *run_twice(method, adapter, cameras))

    onset = ANOMALY - adapter.clip.scored
    lift = {cue: float(values[onset:].mean() - values[:onset].mean()) for cue, values in scores.items()}
    if method.label != "random":
        lifts = ", ".join(f"{cue} {value:+.3g}" for cue, value in lift.items())
        yield Verdict("a planted anomaly scores higher, in one cue at least", max(lift.values()) > 0, lifts)


def _types(given: Any) -> str:
    inner = ", ".join(sorted({type(values).__name__ for values in given.values()})) if isinstance(given, dict) else ""
    return f"a {type(given).__name__}" + (f" of {inner}" if inner else "")


@torch.no_grad()
def _maps(adapter: Adapter, video: Frames) -> Verdict:
    """Whether what says where it is abnormal is what `bench run --maps` can keep."""
    clips = head(with_extras(video, adapter.extra_inputs), adapter.clip, 2, CPU)
    maps = adapter.maps(clips)
    rule = "maps are (B, h, w), one per clip, and finite"
    if not isinstance(maps, torch.Tensor):
        return Verdict(rule, False, f"a tensor is wanted, not a {type(maps).__name__}")
    whole = maps.ndim == 3 and len(maps) == len(clips) and bool(maps.isfinite().all())
    return Verdict(rule, whole, f"{tuple(maps.shape)} of {len(clips)} clips")


def _dependence(adapter: Adapter, video: Frames, scores: Scores) -> Iterator[Verdict]:
    """What a score may depend on: on no more than the method says."""
    size = len(video[0])
    yield _same("the batch size does not matter", scores, _score(adapter, video, 5))
    if not (adapter.scores_in_order or adapter.scores_scene):
        yield _same("other clips of the video do not matter", scores, _score_clip_by_clip(adapter, video))
    if not adapter.transductive:
        ended = _score(adapter, video[:ENDED], 16)
        began = {cue: values[: len(ended[cue])] for cue, values in scores.items()}
        yield _same("what follows in the video does not matter", began, ended)
    other = moving_squares(size, LENGTH, seed=8)
    if not adapter.scores_scene:
        yield _same("other videos of the scene do not matter", scores, _score(adapter, video, 16, beside=other))
    _score(adapter, other, 16)
    yield _same("other videos do not matter", scores, _score(adapter, video, 16))


def _saved(method: MethodSpec, adapter: Adapter, video: Frames, scores: Scores) -> tuple[Adapter, Verdict]:
    """Whether all that scores depend on is saved: in a fresh method, built from another seed, it is loaded.

    Returns:
        The loaded method, which is what a run goes on with; or the given one, so that it can be judged further.
    """
    rule = "a method saved and loaded gives the same scores, adapted or not"
    torch.manual_seed(1)
    fresh = method.build(BUDGETS["smoke"]).eval()
    with tempfile.TemporaryDirectory() as folder:
        try:
            save_model(adapter, Path(folder))
            load_model(fresh, Path(folder), CPU)
        except Exception as error:  # whatever a method's own hooks do
            return adapter, Verdict(rule, False, f"{type(error).__name__}: {error}")
    lost = ", ".join(lost_state(adapter, fresh))
    why = f"; set in fit and lost: {lost}; {SURVIVES}" if lost else ""
    try:
        verdict = _same(rule, scores, _score(fresh, video, 16))
        if verdict.holds and lost:  # what scoring does without, adapting may need
            verdict = _same(rule, *(_score(_adapted(each), video, 16) for each in (adapter, fresh)))
    except Exception as error:  # such as that of a part that was made in `fit` and not saved
        verdict = Verdict(rule, False, f"once loaded, it cannot score ({type(error).__name__}: {error})")
    return (fresh, verdict) if verdict.holds else (adapter, replace(verdict, measured=verdict.measured + why))


def _adapted(adapter: Adapter) -> Adapter:
    """A copy that took three steps, or what it takes in their place, on another video."""
    footage = with_extras(moving_squares(adapter.clip.size[0], LENGTH, seed=9), adapter.extra_inputs)
    return adapt(adapter, head(footage, adapter.clip, 5, CPU), 3, _tuning(adapter))


def _tuning(adapter: Adapter) -> Tuning:
    return FineTune(FineTuneOptions(1e-4)) if adapter.tunable else NoTuning()


def _adaptation(adapter: Adapter, video: Frames, scores: Scores) -> Iterator[Verdict]:
    """What adapting changes, and what it leaves."""
    before = _state(adapter)
    footage = with_extras(moving_squares(len(video[0]), LENGTH, seed=9), adapter.extra_inputs)
    support = head(footage, adapter.clip, 5, CPU)
    tuning = _tuning(adapter)
    if adapter.adapts and (reason := tuning.unsupported_reason(adapter)):
        fix = "if `calibrate` alone adapts it, say tunable = False; if nothing does, adapts = False"
        yield Verdict("adapting moves the method", False, f"{reason}: {fix}")
        return
    adapted = adapt(adapter, support, 3, tuning)
    untouched = _equal(_state(adapter), before)
    yield Verdict(
        "adapting returns a new object and leaves this one",
        adapted is not adapter and untouched,
        "bit-identical" if untouched else "changed",
    )
    yield _same("0 shots change nothing", scores, _score(adapt(adapter, support[:0], 3, tuning), video, 16))
    yield _same("0 steps change nothing", scores, _score(adapt(adapter, support, 0, tuning), video, 16))
    if adapter.adapts:
        moved = not _equal(_state(adapted), before)
        yield Verdict("adapting moves the method", moved, "moved" if moved else "nothing that is saved changed")
        rule = "`frozen_features` is the same before and after adapting"
        yield _same(rule, *(_score_clip_by_clip(adapted, video, of) for of in (adapter, adapted)))
    yield _shown(adapter, support, tuning)


@torch.no_grad()
def _shown(adapter: Adapter, support: Any, tuning: Tuning) -> Verdict:
    """Whether what a method is shown stays as it is: others are shown the same, with other shots and steps."""
    features = adapter.frozen_features(support)
    before = copy.deepcopy((support, features))
    methods = [adapter]
    if adapter.adapts:
        with torch.enable_grad():
            methods += adaptations(adapter, features, [1], tuning)
    for method in methods:
        method.score(features)
    kept = equal_throughout((support, features), before)
    return Verdict("clips and their features stay as they are", kept, "bit-identical" if kept else "changed")


def _trained(method: MethodSpec, seed: int = 0) -> Adapter:
    budget = BUDGETS["smoke"]
    torch.manual_seed(seed)
    adapter = method.build(budget)
    if adapter.needs_source:
        videos = [moving_squares(budget.size, LENGTH, number) for number in range(2)]
        footage = [with_extras(video, adapter.extra_inputs) for video in videos]
        adapter.fit(ClipSource(footage, adapter.clip, CPU, seed), budget, lambda step, of, values: None)
    return adapter.eval()


def _state(adapter: Adapter) -> State:
    """A copy of all that is saved of a method."""
    tensors = {name: value.detach().numpy() for name, value in adapter.state_dict().items()}
    return copy.deepcopy(tensors | adapter.state_arrays())


def _equal(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def _score(adapter: Adapter, video: Frames, batch: int, beside: Frames | None = None) -> Scores:
    """Scores of a video that has its scene for itself, or shares it with another that comes first."""
    videos = [with_extras(frames, adapter.extra_inputs) for frames in ([] if beside is None else [beside]) + [video]]
    scored = adapter.score_scene([consecutive(frames, adapter.clip, batch, CPU) for frames in videos])
    return {cue: values.detach().double().numpy() for cue, values in scored[-1].items()}


@torch.no_grad()
def _score_clip_by_clip(adapter: Adapter, video: Frames, of: Adapter | None = None) -> Scores:
    """Scores of a video's clips, made one by one from the last to the first, of features as the harness makes them.

    Those are of another method, if one is given: of the one that this was adapted from.
    """
    clips = list(consecutive(with_extras(video, adapter.extra_inputs), adapter.clip, 1, CPU))
    scored = [adapter.score((of or adapter).frozen_features(clip)) for clip in reversed(clips)][::-1]
    return {cue: torch.cat([cues[cue] for cues in scored]).double().numpy() for cue in scored[0]}


def _same(rule: str, first: Scores, second: Scores) -> Verdict:
    """Equal up to the rounding that convolutions of different batch sizes may show."""
    shapes = [{cue: values.shape for cue, values in scores.items()} for scores in (first, second)]
    if shapes[0] != shapes[1]:
        return Verdict(rule, False, f"{shapes[0]} became {shapes[1]}")
    worst = max(float(np.max(np.abs(first[cue] - second[cue]) / (1 + np.abs(first[cue])))) for cue in first)
    return Verdict(rule, worst < 1e-4, f"largest relative difference {worst:.1e}")
