"""A video of the user's own, adapted to and scored as it streams by: memory does not grow with its length.

Its scores are those that `bench run` gives the same frames. Nothing is decoded to the cache: one look is enough, and
hours of footage would fill a disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crossvad.adapters.base import Adaptation, Adapter
from crossvad.datasets.base import Frames, FrameSource, Video
from crossvad.datasets.clips import ClipSpec, consecutive, head
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun
from crossvad.evaluation.postprocessing import Values, fill_nearest, fuse
from crossvad.execution.adaptation import adapted_once
from crossvad.execution.inference import ready_to_score
from crossvad.execution.memory_layouts import probed_with
from crossvad.execution.precision import computing_in, features_to_score
from crossvad.execution.progress import Update
from crossvad.execution.scoring import arrays, placed, scoring_batch
from crossvad.footage.trained_method import TrainedMethod
from crossvad.store.scores import Cues, Scores

NORMAL = 95  # percentile of a frame's error map above which a pixel stands out from an ordinary frame


@dataclass(frozen=True)
class StreamedScores:
    """The scores of one video."""

    scores: Values  # (N,) fused, one per frame; where no clip gives a score, the nearest
    cues: Cues  # each (N,), raw; NaN where no clip gives a score
    scored: slice  # the frames that clips give scores for
    span: int  # frames at the head that the support set spans: scored, but adapted on
    adaptation: Adaptation | None
    adapter: Adapter  # as it is after adapting
    batch: int  # clips that fit it at once
    normal: float  # level of the error map that ordinary pixels stay below; NaN if the method has no maps


def stream_scores(video: Video, method: TrainedMethod, update: Update) -> StreamedScores:
    """Adapt a trained method on the first clips of a video, and score every frame in one pass.

    Args:
        video: long enough by `check_length`.
        method: stays as it is.
        update: told how many frames have been scored.

    Raises:
        InputError: a frame cannot be read.
        ValueError: the method gave a score that is not finite.
    """
    fitted, device, span = method.fitted, method.device, method.span
    adapter, clip, support = fitted.adapter, fitted.adapter.clip, Cues()
    if adapter.extra_inputs:
        problem = "needs extra inputs, which bench score does not make"
        raise InputError(method.cell.method, problem, "choose another " + noun("method"))
    if span:
        frames = np.concatenate(list(video.source.blocks(clip.size, clip.channels, 0, span)))
        adapter, support = adapted_to(method, frames)
    few = next(clip_batches(video.source, clip, probed_with(device), device))
    adapter = ready_to_score(adapter, few, method.budget, device, fitted.precision)
    levels: list[float] = []
    batch = scoring_batch(adapter, method.budget, device)

    def watched_clips() -> Iterator[Tensor]:
        done = clip.frames - 1
        for clips in clip_batches(video.source, clip, batch, device):
            yield clips
            if (maps := adapter.maps(clips[:1])) is not None:  # one of a batch tells what is ordinary
                levels.append(float(np.percentile(maps.float().cpu().numpy(), NORMAL)))
            done += len(clips)
            update(done, len(video), "")

    with torch.no_grad(), computing_in(fitted.precision, device):
        by_clip = arrays(adapter.score_scene([watched_clips()])[0])
    count = len(next(iter(by_clip.values())))
    cues = {cue: placed(values, clip.scored, len(video)) for cue, values in by_clip.items()}
    return StreamedScores(
        scores=_fused(video, cues, support, method),
        cues=cues,
        scored=slice(clip.scored, clip.scored + count),
        span=span,
        adaptation=adapter.adaptation if span else None,
        adapter=adapter,
        batch=batch,
        normal=float(np.median(levels)) if levels else float("nan"),
    )


def adapted_to(method: TrainedMethod, frames: Frames) -> tuple[Adapter, Cues]:
    """Adapt a method to the first frames that a camera showed, and score the support clips with it, each cue (K,).

    Args:
        method: stays as it is.
        frames: (K + T - 1, H, W, C), at the method's size.
    """
    fitted, cell, device = method.fitted, method.cell, method.device
    adapted, support_features = adapted_once(fitted.adapter, frames, cell, method.tuning, method.budget, device)
    clips = head(frames, fitted.adapter.clip, cell.shots, device)
    shown = features_to_score(fitted.adapter, clips, support_features, fitted.precision, device)
    with torch.no_grad(), computing_in(fitted.precision, device):
        return adapted, arrays(adapted.score(shown))


def _fused(video: Video, cues: Cues, support: Cues, method: TrainedMethod) -> Values:
    """Fuse cues to one score per frame (N,) as the benchmark does: by statistics from before the first scored frame."""
    raw = Scores(
        videos=[video.name],
        lengths=np.array([len(video)]),
        units=np.zeros(1, np.int64),
        labels=np.zeros(len(video), np.uint8),
        cues=cues,
        support=support,
        support_units=np.zeros(method.cell.shots, np.int64),
        support_labels=np.zeros(method.span, np.uint8),
        heldout=method.fitted.heldout,
    )
    return fuse(raw, {cue: fill_nearest(values) for cue, values in cues.items()}, method.fitted.adapter.fusion)


def clip_batches(source: FrameSource, clip: ClipSpec, batch: int, device: torch.device) -> Iterator[Tensor]:
    """Cut every clip of a video in order, one frame apart, in batches (B, T, C, H, W) of at most `batch`.

    Holds one block of the source and the T - 1 frames before it.
    """
    kept: list[Frames] = []
    for block in source.blocks(clip.size, clip.channels):
        frames = np.concatenate([*kept, block])
        yield from consecutive(frames, clip, batch, device)
        kept = [frames[max(0, len(frames) - clip.frames + 1) :]]
