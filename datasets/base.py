"""The data set contract: frames in, and nothing else.

A **data set** has a train and a test split; a split is a list of **scenes** (one fixed camera each); a scene is a list
of **videos**; a video opens lazily. Labels, masks and tracks come from separate calls that only the evaluation makes,
so that nothing a method ever holds can lead to one.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError, Problem

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")
Size = tuple[int, int]  # (height, width) in pixels
Frames = NDArray[np.uint8]  # (N, H, W, C), 0..255, C = 1 (gray) or 3 (RGB)


class FrameSource(Protocol):
    """Where a video's frames come from: a file, a folder of images, a renderer. Opens nothing until asked."""

    def __len__(self) -> int:
        """Number of frames."""
        ...

    @property
    def identity(self) -> str:
        """What the frames are, the same on every machine: goes into manifests and result hashes."""
        ...

    @property
    def stamp(self) -> str:
        """What the frames are on this machine right now (paths, sizes, times): the key of the decode-once cache."""
        ...

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop` (None: the end), in blocks that fit in memory, resized unless size is None."""
        ...


class Footage(Protocol):
    """Decoded frames to cut clips from: an array, or a cached video, which reads only the frames it is asked for."""

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def __getitem__(self, span: slice, /) -> Frames:
        """Consecutive frames, uint8 (n, H, W, C)."""
        ...


def between(blocks: Iterable[Frames], start: int, stop: int | None) -> Iterator[Frames]:
    """Cut frames `start` to `stop` out of a stream of blocks, for sources that can only be read from the beginning."""
    position = 0
    for block in blocks:
        part = block[max(0, start - position) : None if stop is None else max(0, stop - position)]
        position += len(block)
        if len(part):
            yield part
        if stop is not None and position >= stop:
            return


@dataclass(frozen=True)
class Video:
    """Frames with a name that is unique within its split."""

    name: str
    source: FrameSource

    def __len__(self) -> int:
        return len(self.source)

    def read(self, size: Size | None = None, channels: int = 3) -> Frames:
        """Decode the whole video: uint8 (N, H, W, C). To read it more than once, go through `FrameCache`.

        Raises:
            InputError: a file is missing, truncated or not a video; names the file.
        """
        return np.concatenate(list(self.source.blocks(size, channels)))


@dataclass(frozen=True)
class Scene:
    """The videos of one fixed camera."""

    name: str
    videos: tuple[Video, ...]


@dataclass(frozen=True)
class Track:
    """One anomalous object through a video: a box per frame in which it is visible, in pixels of the original frame."""

    frames: NDArray[np.int64]  # (n,) frame indices, increasing
    boxes: NDArray[np.float64]  # (n, 4) as x0, y0, x1, y1
    kind: str = ""


class Dataset(ABC):
    """Train and test videos of one or more scenes. Subclass it to plug in a data set."""

    name: str

    @abstractmethod
    def scenes(self, split: Split) -> list[Scene]:
        """The scenes of a split, in a fixed order; an empty list where the data set has no such split.

        A test scene and the train scene of the same camera carry the same name.
        """

    @property
    def parts(self) -> list[Dataset]:
        """The data sets that it joins to be trained on as one: itself alone, unless it is `Joined`."""
        return [self]

    def videos(self, split: Split) -> list[Video]:
        """The videos of all scenes of a split, in order."""
        return [video for scene in self.scenes(split) for video in scene.videos]

    @abstractmethod
    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels of a test video, (N,), 1 = abnormal. Only the evaluation calls this.

        Raises:
            InputError: there are none, or they do not fit the frames.
        """

    def masks(self, video: str) -> NDArray[np.bool_] | None:
        """Pixel labels of a test video, (N, H, W) at the original size, or None where the data set has none."""
        return None

    def tracks(self, video: str) -> list[Track] | None:
        """Tracks of a test video's anomalies, or None where the data set has none."""
        return None

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List every problem with the files of these splits without decoding them. Override to look deeper.

        Reports as an error whatever a video's reader or `labels` refuses. Labels belong to the test split: a data set
        that is only trained on needs none.
        """
        problems = []
        for split in splits:
            for video in self.videos(split):
                try:
                    if len(video) == 0:
                        raise InputError(video.name, "has no frames", "remove it or replace it")
                    if split == "test":
                        self.labels(video.name)
                except InputError as error:
                    problems.append(Problem("error", error.where, error.problem, error.fix))
        return problems

    def understood(self) -> list[str]:
        """Say in lines what was read out of a user's own label file, to be compared with what was meant.

        Nothing where labels are published.

        Raises:
            InputError: as `labels`.
        """
        return []

    def digest(self, split: Split) -> str:
        """Hash the split's videos into 16 hex digits: their names, lengths and file identities."""
        lines = [
            f"{scene.name}/{video.name} {len(video)} {video.source.identity}"
            for scene in self.scenes(split)
            for video in scene.videos
        ]
        return hashlib.sha256("\n".join([self.name, *lines]).encode()).hexdigest()[:16]
