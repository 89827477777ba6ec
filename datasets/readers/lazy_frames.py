"""Frames that a function makes when they are asked for: of a renderer, or of an archive that no other reader knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from crossvad.datasets.base import Frames, Size
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import resized


@dataclass(frozen=True)
class LazyFrames:
    """A `FrameSource` over a function of no arguments, which is called anew whenever frames are read.

    The function must be one that other processes can be sent: of a module, or a `functools.partial` of such.
    """

    load: Callable[[], Frames] = field(compare=False)  # uint8 (N, H, W, C), C = 1 or 3
    length: int  # N
    identity: str  # all that the frames depend on: other frames must have another

    def __len__(self) -> int:
        return self.length

    @property
    def stamp(self) -> str:
        """The identity: no file is known."""
        return self.identity

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop`, uint8 (n, H, W, channels), in one block, resized unless `size` is None.

        Raises:
            InputError: the function returned something else than `length` frames.
        """
        frames = np.asarray(self.load())
        if frames.dtype != np.uint8 or frames.ndim != 4 or len(frames) != self.length or frames.shape[3] not in (1, 3):
            problem = f"{frames.dtype} of shape {frames.shape} came in place of {self.length} frames"
            raise InputError(self.identity, problem, "return uint8 (N, H, W, C), C = 1 or 3")
        yield resized(_converted(frames[start:stop], channels), size)


def _converted(frames: Frames, channels: int) -> Frames:
    """Gray as RGB, or RGB as gray, if that is asked for."""
    if frames.shape[3] > channels:
        return np.stack([np.asarray(Image.fromarray(frame).convert("L")) for frame in frames])[..., None]
    return frames if frames.shape[3] == channels else np.repeat(frames, channels, axis=3)
