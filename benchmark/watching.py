"""A video of the user's own, adapted to and scored as it streams by: memory does not grow with its length.

Its scores are those that `bench run` gives the same frames. Nothing is decoded to the cache: one look is enough, and
hours of footage would fill a disk.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.adapters.base import Adaptation, Adapter, Budget
from crossvad.adapters.tuning import Tuning
from crossvad.datasets.base import Dataset, Frames, FrameSource, InputError, Scene, Size, Split, Video
from crossvad.datasets.clips import ClipSpec, consecutive
from crossvad.datasets.frames import FrameFolder, resized
from crossvad.datasets.videofile import VideoFile, luma
from crossvad.evaluation.scores import Values, fill_nearest, fuse
from crossvad.plan import Cell
from crossvad.progress import Update
from crossvad.scoring import Fitted, adapted_once, arrays, frames_spanned, placed, scoring_batch
from crossvad.store import Cues, Scores

PICTURES = 8  # in memory at once, in colour and large
NORMAL = 95  # percentile of a frame's error map above which a pixel stands out from an ordinary frame


class OwnFootage(Dataset):
    """Videos to look for anomalies in, each a scene of its own: nothing is known of them, and nothing is judged."""

    name = "own footage"

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take video files, and folders of numbered frames. Opens none.

        Raises:
            InputError: one is not there, or two share a name.
        """
        self.videos: list[Video] = []
        named: dict[str, Path] = {}
        for path in paths:
            if not path.exists():
                raise InputError(path, "is not there", "name a video file, or a folder of numbered frames")
            name = path.resolve().name if path.is_dir() else path.stem
            if name in named:
                problem = f"has the same name as {named[name]}, and their results would lie in one folder"
                raise InputError(path, problem, "rename one of them, or score them with an --out each")
            named[name] = path
            self.videos.append(Video(name, FrameFolder(path) if path.is_dir() else VideoFile(path)))

    def scenes(self, split: Split) -> list[Scene]:
        """Every video is a test scene; there is no training video."""
        return [Scene(video.name, (video,)) for video in self.videos] if split == "test" else []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Zeros, as nobody has said what is abnormal; nothing is measured against them."""
        return np.zeros(len(next(own for own in self.videos if own.name == video)), np.uint8)


@dataclass(frozen=True)
class Watched:
    """The scores of one video."""

    scores: Values  # (N,) fused, one per frame; where no clip gives a score, the nearest
    cues: Cues  # each (N,), raw; NaN where no clip gives a score
    known: slice  # the frames that clips give scores for
    span: int  # frames at the head that the support set spans: scored, but seen before
    adaptation: Adaptation | None
    adapter: Adapter  # as it is after adapting
    batch: int  # clips that fit it at once
    normal: float  # level of the error map that ordinary pixels stay below; NaN if the method has no maps


def frame_rate(video: Video) -> float | None:
    """Frames per second of a video file; None for frames in a folder, which do not tell.

    Raises:
        InputError: the file cannot be opened.
    """
    if not isinstance(video.source, VideoFile):
        return None
    import decord  # lazily, as in videofile

    try:
        rate = float(decord.VideoReader(str(video.source.path), ctx=decord.cpu(0), width=16, height=16).get_avg_fps())
    except (decord.DECORDError, RuntimeError) as error:
        raise InputError(video.source.path, "cannot be opened any more", "restore it") from error
    return rate if np.isfinite(rate) and rate > 0 else None


def check_length(video: Video, path: Path, clip: ClipSpec, shots: int) -> None:
    """A video must have a clip to score, and one that ends after its support set.

    Raises:
        InputError: it is shorter.
    """
    span = frames_spanned(clip, shots)
    if len(video) < clip.frames:
        raise InputError(path, f"has {len(video)} frames, but one clip takes {clip.frames}", "name a longer video")
    if len(video) <= span:
        problem = f"has {len(video)} frames, but {shots} shots take the first {span}, which leaves none to score"
        raise InputError(path, problem, f"choose at most --shots {max(0, len(video) - clip.frames)}")


def watch(
    video: Video, fitted: Fitted, tuning: Tuning, cell: Cell, budget: Budget, device: torch.device, update: Update
) -> Watched:
    """Adapt a fitted method on the first clips of a video, and score every frame in one pass.

    Args:
        video: long enough by `check_length`.
        fitted: a trained method; it stays as it is.
        tuning: with its rate decided.
        cell: says the shots, the steps and the seed.
        budget: the one the method was built for.
        device: where it runs.
        update: told how many frames have been scored.

    Raises:
        InputError: a frame cannot be read.
        ValueError: the method gave a score that is not finite.
    """
    clip, span = fitted.adapter.clip, frames_spanned(fitted.adapter.clip, cell.shots)
    adapter, support = fitted.adapter, Cues()
    if span:
        adapter, support = _adapted(fitted.adapter, video.source, cell, tuning, device)
    levels: list[float] = []
    batch = scoring_batch(adapter, budget)

    def passing() -> Iterator[Tensor]:
        done = clip.frames - 1
        for clips in clip_batches(video.source, clip, batch, device):
            yield clips
            if (maps := adapter.maps(clips[:1])) is not None:  # one of a batch tells what is ordinary
                levels.append(float(np.percentile(maps.float().cpu().numpy(), NORMAL)))
            done += len(clips)
            update(done, len(video), "")

    with torch.no_grad():
        scored = arrays(adapter.score_video(passing()))
    count = len(next(iter(scored.values())))
    cues = {cue: placed(values, clip.scored, len(video)) for cue, values in scored.items()}
    return Watched(
        scores=_fused(video, cues, support, span, cell.shots, fitted),
        cues=cues,
        known=slice(clip.scored, clip.scored + count),
        span=span,
        adaptation=adapter.adaptation if span else None,
        adapter=adapter,
        batch=batch,
        normal=float(np.median(levels)) if levels else float("nan"),
    )


def _adapted(
    adapter: Adapter, source: FrameSource, cell: Cell, tuning: Tuning, device: torch.device
) -> tuple[Adapter, Cues]:
    """The method adapted to the head of a video, and its scores of the support clips, each (K,)."""
    clip = adapter.clip
    frames = np.concatenate(list(source.blocks(clip.size, clip.channels, 0, frames_spanned(clip, cell.shots))))
    result, seen = adapted_once(adapter, frames, cell, tuning, device)
    with torch.no_grad():
        return result, arrays(result.score(seen))


def _fused(video: Video, cues: Cues, support: Cues, span: int, shots: int, fitted: Fitted) -> Values:
    """One score per frame (N,), as the benchmark fuses cues: by what was known before the first frame was scored."""
    raw = Scores(
        videos=[video.name],
        lengths=np.array([len(video)]),
        units=np.zeros(1, np.int64),
        labels=np.zeros(len(video), np.uint8),
        cues=cues,
        support=support,
        support_units=np.zeros(shots, np.int64),
        support_labels=np.zeros(span, np.uint8),
        heldout=fitted.heldout,
    )
    return fuse(raw, {cue: fill_nearest(values) for cue, values in cues.items()}, fitted.adapter.fusion)


def clip_batches(source: FrameSource, clip: ClipSpec, batch: int, device: torch.device) -> Iterator[Tensor]:
    """Every clip of a video in order, one frame apart, in batches (B, T, C, H, W) of at most `batch`.

    Holds one block of the source and the T - 1 frames before it.
    """
    kept: list[Frames] = []
    for block in source.blocks(clip.size, clip.channels):
        frames = np.concatenate([*kept, block])
        yield from consecutive(frames, clip, batch, device)
        kept = [frames[max(0, len(frames) - clip.frames + 1) :]]


def mapped(
    blocks: Iterable[Frames], seen: Watched, device: torch.device
) -> Iterator[tuple[Frames, NDArray[np.float32] | None]]:
    """Consecutive frames of a video in colour, one by one (H, W, 3), each with the method's map of it (h, w).

    The method is the one the video was watched with, as it had adapted. A frame for which no clip of these frames gives
    a map has None. Maps are to be looked at: they are made of the frames as they come here, scaled to what the method
    takes, which saves a second decoding.
    """
    adapter, clip = seen.adapter, seen.adapter.clip
    kept: list[Frames] = []
    waiting: deque[Frames] = deque()
    bare = clip.scored  # frames at the head that no clip gives a map for
    for block in blocks:
        waiting.extend(block)
        small = resized(block if clip.channels == 3 else luma(block), clip.size)
        frames = np.concatenate([*kept, small])
        kept = [frames[max(0, len(frames) - clip.frames + 1) :]]
        for clips in consecutive(frames, clip, seen.batch, device):
            with torch.no_grad():
                maps = adapter.maps(clips)
            for own in [None] * len(clips) if maps is None else maps.float().cpu().numpy():
                while bare:
                    bare -= 1
                    yield waiting.popleft(), None
                yield waiting.popleft(), own
    while waiting:
        yield waiting.popleft(), None


def pictures(source: FrameSource, size: Size, av: Any) -> Iterator[Frames]:
    """Every frame of a video in colour, in blocks of a few (n, H, W, 3) at `size`.

    Files are read by PyAV, `av`: decord decodes ahead without a bound while its reader is busy, which at this size took
    gigabytes. If PyAV finds fewer frames, the last one stands in for the rest, as it does with decord.
    """
    if not isinstance(source, VideoFile):
        for first in range(0, len(source), PICTURES):
            yield from source.blocks(size, 3, first, min(first + PICTURES, len(source)))
        return
    given = 0
    last = np.zeros((1, *size, 3), np.uint8)
    try:
        with av.open(str(source.path)) as container:
            for frame in itertools.islice(container.decode(video=0), len(source)):
                last = frame.to_ndarray(format="rgb24", height=size[0], width=size[1])[None]
                given += 1
                yield last
    except av.FFmpegError as error:
        if not given:
            raise InputError(source.path, f"cannot be read by PyAV ({error})", "say --no-overlay") from error
    for _ in range(len(source) - given):
        yield last
