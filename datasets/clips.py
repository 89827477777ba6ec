"""Clips: T consecutive frames cut from videos, as the tensors a method trains on, adapts on and scores.

Everything here works on decoded uint8 frames, in memory or on disk. No label comes near.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.datasets.base import Footage, Frames, Size
from crossvad.datasets.camera_shift import CameraShift
from crossvad.datasets.errors import InputError
from crossvad.datasets.words import number_of

HELDOUT_SHARE = 0.1  # the tail of every source video that no training clip touches
SEGMENTS = 32  # an episode's clips come from one of this many equal parts of a video (MPN, code)


@dataclass(frozen=True)
class ClipSpec:
    """The clips a method takes: (T, C, H, W) floats in [low, high].

    `scored` is the index within the clip of the frame its anomaly score is for: T - 1 if the last one is predicted.
    """

    frames: int
    scored: int
    size: Size
    channels: int
    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True)
class Clips:
    """Clips for a method that asks for `extra_inputs`: its frames, and by name what it asked for, of every frame."""

    frames: Tensor  # (B, T, C, H, W)
    extras: dict[str, Tensor]  # each (B, T, …)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, span: slice) -> Clips:
        """Some of the clips."""
        return Clips(self.frames[span], {name: values[span] for name, values in self.extras.items()})


@dataclass(frozen=True)
class FootageWithExtras:
    """Frames of a video and extra inputs of each: like `Footage`, a span of it is read when it is asked for."""

    frames: Footage
    extras: dict[str, Any]  # by name, each (N, …)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, span: slice) -> Any:
        """Consecutive frames with their extra inputs."""
        return FootageWithExtras(self.frames[span], {name: values[span] for name, values in self.extras.items()})


def to_tensor(frames: Frames, spec: ClipSpec, device: torch.device) -> Any:
    """Turn frames (…, H, W, C), uint8, into a float tensor (…, C, H, W) in the spec's value range, on `device`."""
    return gathered([frames], spec, device)[0]


def gathered(clips: Sequence[Any], spec: ClipSpec, device: torch.device) -> Any:
    """Gather clips of equal shape (…, H, W, C), uint8, into a float tensor (n, …, C, H, W), on `device`.

    Moves small integers, and turns them into floats where the method runs, a clip at a time: while it is in the CPU's
    cache. Footage with extra inputs gives `Clips`.
    """
    if isinstance(clips[0], FootageWithExtras):
        extras = {
            name: torch.from_numpy(np.stack([clip.extras[name] for clip in clips])).to(device)
            for name in clips[0].extras
        }
        return Clips(gathered([clip.frames for clip in clips], spec, device), extras)
    *shape, height, width, channels = clips[0].shape
    tensor = torch.empty(len(clips), *shape, channels, height, width, device=device)
    for row, clip in zip(tensor, clips, strict=True):
        pixels = torch.from_numpy(np.require(clip, requirements="W")).to(device)
        row.copy_(pixels.movedim(-1, -3)).mul_((spec.high - spec.low) / 255.0).add_(spec.low)
    return tensor


def clip_count(frames: int, spec: ClipSpec) -> int:
    """Number of clips, one frame apart, in a video of `frames` frames."""
    return max(0, frames - spec.frames + 1)


def consecutive(frames: Footage, spec: ClipSpec, batch: int, device: torch.device) -> Iterator[Any]:
    """Cut every clip of a video in order, one frame apart, in batches (B, T, C, H, W)."""
    for start in range(0, clip_count(len(frames), spec), batch):
        block = to_tensor(frames[start : start + batch + spec.frames - 1], spec, device)
        if isinstance(block, Clips):
            extras = {name: _windows(values, spec.frames) for name, values in block.extras.items()}
            yield Clips(_windows(block.frames, spec.frames), extras)
        else:
            yield _windows(block, spec.frames)


def _windows(frames: Tensor, length: int) -> Tensor:
    """Every `length` consecutive rows of (N, …): (N - length + 1, length, …)."""
    return frames.unfold(0, length, 1).movedim(-1, 1)


def head(frames: Footage, spec: ClipSpec, shots: int, device: torch.device) -> Tensor:
    """Cut the first `shots` >= 1 clips of a video, (K, T, C, H, W): K clips one frame apart span K + T - 1 frames."""
    return next(consecutive(frames[: shots + spec.frames - 1], spec, shots, device))


def at(frames: Footage, starts: NDArray[np.int64], spec: ClipSpec, device: torch.device) -> Tensor:
    """Cut the clips of a video that begin at `starts`, (len(starts), T, C, H, W)."""
    return gathered([frames[start : start + spec.frames] for start in starts], spec, device)


def tail_start(length: int, span: int) -> int:
    """Number of a source video's first held-out frame, of which no training clip of `span` frames has any.

    It is the video's length where that is too short to spare a clip: then all of it is trained on.
    """
    tail = max(round(HELDOUT_SHARE * length), span)
    return length - tail if length - tail >= 2 * span else length


def leading_up(begin: int, span: int, shots: int) -> NDArray[np.int64]:
    """First frames of up to `shots` clips of `span` frames, one frame apart, the last of which ends before `begin`.

    Of a video that is too short for that, its first clip.
    """
    first = max(0, begin - shots - span + 1)
    return np.arange(first, max(first + 1, begin - span + 1))[:shots]


class Batches(Protocol):
    """What a training draws from."""

    random: np.random.Generator

    def batch(self, size: int, strides: Sequence[int] = (1,)) -> Tensor:
        """Draw `size` clips, or features of such, (size, …)."""


class ClipSource:
    """The clips a method may learn from, cut from the source's normal videos at random, reproducibly.

    The last tenth of every video is held out: no training clip or episode touches it, and `heldout` gives its clips, to
    calibrate scores and to watch the loss on. A video too short to spare a clip is all training.
    """

    def __init__(
        self,
        videos: Sequence[Footage],
        spec: ClipSpec,
        device: torch.device,
        seed: int,
        scenes: Sequence[int] | None = None,
    ) -> None:
        """Take decoded videos (N, H, W, C), each at least one clip long, and the number of each one's scene.

        Without `scenes`, all videos are of one scene.

        Raises:
            InputError: there is no video, or one is shorter than a clip.
        """
        if not videos:
            raise InputError("source", "has no training video", "choose a source with a train split")
        for index, video in enumerate(videos):
            if len(video) < spec.frames:
                raise InputError(
                    f"source video number {index + 1}",
                    f"has {number_of(len(video), 'frame')}, but one clip takes {spec.frames}",
                    "remove it from the source",
                )
        self.videos, self.spec, self.device = list(videos), spec, device
        self.random = np.random.default_rng(seed)
        self.scenes = [
            [video for video, scene in enumerate(scenes or [0] * len(videos)) if scene == number]
            for number in sorted(set(scenes or [0]))
        ]  # numbers of the videos of each
        self._cuts = [tail_start(len(video), spec.frames) for video in videos]
        # Every training clip is as likely as any other, however long its video.
        self._ends = np.cumsum([cut - spec.frames + 1 for cut in self._cuts])

    def __len__(self) -> int:
        """Number of different training clips."""
        return int(self._ends[-1])

    def batch(self, size: int, strides: Sequence[int] = (1,)) -> Tensor:
        """Draw `size` training clips uniformly, (size, T, C, H, W).

        Each takes every s-th frame, s drawn from `strides`, or less where its video is too short for that. One that
        would reach into the tail begins earlier.
        """
        owners, starts = self._places(self.random.integers(0, len(self), size))
        if tuple(strides) == (1,):
            return self._clips(zip(owners, starts, strict=True))
        clips = []
        for owner, start, drawn in zip(owners, starts, self.random.choice(strides, size), strict=True):
            cut = self._cuts[owner]
            stride = max(1, min(drawn, (cut - 1) // max(1, self.spec.frames - 1)))
            reach = (self.spec.frames - 1) * stride + 1
            first = min(start, cut - reach)
            clips.append(self.videos[owner][first : first + reach][::stride])
        return gathered(clips, self.spec, self.device)

    def episodes(self, count: int, support: int, query: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw `count` few-shot tasks as `episode` does, each of another scene while there are any left."""
        order = self.random.permutation(len(self.scenes))
        for number in range(count):
            videos = self.scenes[order[number % len(order)]]
            yield self.episode(support, query, videos[int(self.random.integers(len(videos)))])

    def episode(self, support: int, query: int, owner: int | None = None) -> tuple[Tensor, Tensor]:
        """Draw a few-shot task: consecutive support clips, and query clips from later in the same segment of a video.

        As at test time, the support set is `support` clips one frame apart. Query clips share no frame with it where
        the segment is long enough; a segment too short for that is widened, up to the whole video.

        Returns:
            Support (K, T, C, H, W) and query (Q, T, C, H, W), of video `owner` or of any.
        """
        span = self.spec.frames
        owner = int(self.random.integers(len(self.videos))) if owner is None else owner
        cut = self._cuts[owner]
        support = min(support, max(1, (cut - 2 * span + 1)))
        needed = support + span - 1 + span
        length = min(cut, max(cut // SEGMENTS, needed + query - 1))
        begin = int(self.random.integers(0, cut - length + 1))
        first_query = min(begin + support + span - 1, cut - span)
        last_query = max(first_query, begin + length - span)
        starts = np.sort(self.random.integers(first_query, last_query + 1, query))
        return (
            at(self.videos[owner], np.arange(begin, begin + support), self.spec, self.device),
            at(self.videos[owner], starts, self.spec, self.device),
        )

    def unseen(self, count: int, support: int, query: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw `count` episodes of scenes that no training saw: to choose settings on, without a look at a target.

        Support clips lead up to a video's held-out tail and query clips are of the tail, as if filmed by another
        camera: both pass through one `CameraShift`. They share no frame. Without a tail, the query clips are of the
        video's end.

        Returns:
            Support (K, T, C, H, W) and query (Q, T, C, H, W) of each episode.
        """
        span, order = self.spec.frames, self.random.permutation(len(self.scenes))
        for number in range(count):
            videos = self.scenes[order[number % len(order)]]
            owner = videos[int(self.random.integers(len(videos)))]
            frames, disguise = self.videos[owner], CameraShift.draw(self.random)
            begin = min(self._cuts[owner], len(frames) - span)  # of the first query clip
            last = len(frames) - span
            queries = np.unique(np.linspace(begin, last, min(query, last - begin + 1)).astype(int))
            starts = leading_up(begin, span, support)
            yield (
                disguise(at(frames, starts, self.spec, self.device)),
                disguise(at(frames, queries, self.spec, self.device)),
            )

    def spread(self, limit: int, batch: int) -> Iterator[Tensor]:
        """Cut up to `limit` training clips, evenly spread over all of them, in batches (B, T, C, H, W).

        The same ones whatever was drawn before, and whatever the seed.
        """
        picks = np.unique(np.linspace(0, len(self) - 1, min(limit, len(self))).round().astype(int))
        owners, starts = self._places(picks)
        for first in range(0, len(picks), batch):
            chosen = slice(first, first + batch)
            yield self._clips(zip(owners[chosen], starts[chosen], strict=True))

    def heldout(self, limit: int, batch: int) -> Iterator[Tensor]:
        """Cut up to `limit` held-out clips, evenly spread over the videos, in batches (B, T, C, H, W).

        If no video was long enough to hold a tail out, the clips are training clips: better a calibration that is a
        little too narrow than none.
        """
        span = self.spec.frames
        tails = [
            (i, cut) for i, (video, cut) in enumerate(zip(self.videos, self._cuts, strict=True)) if cut < len(video)
        ]
        pool = [(i, start) for i, cut in tails for start in range(cut, len(self.videos[i]) - span + 1)]
        pool = pool or [(i, start) for i, video in enumerate(self.videos) for start in range(len(video) - span + 1)]
        chosen = np.unique(np.linspace(0, len(pool) - 1, min(limit, len(pool))).round().astype(int))
        for first in range(0, len(chosen), batch):
            yield self._clips(pool[index] for index in chosen[first : first + batch])

    def _places(self, picks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Say of training clips, by their numbers (n,), which video each is of and with which frame it begins."""
        owners = np.searchsorted(self._ends, picks, side="right")
        return owners, picks - np.concatenate([[0], self._ends])[owners]

    def _clips(self, positions: Iterable[tuple[int, int]]) -> Tensor:
        """Cut the clips at these positions (number of the video, first frame), (B, T, C, H, W)."""
        clips = [self.videos[video][start : start + self.spec.frames] for video, start in positions]
        return gathered(clips, self.spec, self.device)
