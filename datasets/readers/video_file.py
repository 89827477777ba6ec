"""Video files, read by decord, which lets ffmpeg resize while it decodes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Frames, Size
from crossvad.datasets.readers.counting import frames_in
from crossvad.datasets.readers.entries import enterable
from crossvad.datasets.readers.file_identity import cache_root, digest, stamp, stat
from crossvad.datasets.readers.opening import MP4_SUFFIXES, hidden, naming_errors, opened

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".mov", ".mpg", ".mpeg", ".webm", ".m4v"})
VERSION = 2  # of how frames are counted; to be raised when the same file would have another number of them
BLOCK, BYTES = 64, 2**28  # frames in memory at once while reading, and what they may take there, if not one alone


def luma(rgb: Frames) -> Frames:
    """Turn RGB, uint8 (..., 3), into ITU-R 601 luma, uint8 (..., 1), in integers: within a level of Pillow's `L`."""
    red, green, blue = np.moveaxis(rgb.astype(np.uint16), -1, 0)
    gray: Frames = (77 * red + 150 * green + 29 * blue + 128) >> 8  # the sum just fits 16 bits
    return gray.astype(np.uint8)[..., None]


@dataclass(frozen=True)
class VideoFile:
    """The frames of one video file."""

    path: Path

    def __len__(self) -> int:
        """Number of frames; opens the file the first time, and remembers the answer on disk until the file changes.

        Raises:
            InputError: the file is missing, empty, truncated or not a video.
        """
        return self._length

    @cached_property
    def _length(self) -> int:
        # decord goes through a whole file to count its frames: seconds for a long one, minutes for an archive.
        note = cache_root() / "lengths" / f"{self.stamp}-{VERSION}"
        with suppress(OSError, ValueError):
            return int(note.read_text())
        frames = frames_in(self.path)
        with suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            draft = note.with_name(f"{note.name}.{os.getpid()}.{threading.get_ident()}")
            draft.write_text(str(frames))
            draft.replace(note)
        return frames

    @property
    def identity(self) -> str:
        """Digest of the file's name and size in bytes."""
        return digest([f"{self.path.name} {stat(self.path).st_size}"])

    @property
    def stamp(self) -> str:
        """Digest of the file's absolute path, size and modification time."""
        return digest([stamp(self.path)])

    @cached_property
    def times(self) -> NDArray[np.float64] | None:
        """Seconds from the first frame to each, (N,), as the container tells: frames need not be evenly apart.

        None if it tells neither when frames are shown nor how many are in a second.

        Raises:
            InputError: the file is missing, empty, truncated or not a video.
        """
        frames = np.arange(len(self))  # counted first, lest the file is opened here first
        reader = opened(self.path, (16, 16))
        first = hidden(self.path, reader)
        with naming_errors(self.path):
            shown = np.asarray(reader.get_frame_timestamp(first + frames), np.float64)[:, 0]
        rate = float(reader.get_avg_fps())
        even = frames / rate if np.isfinite(rate) and rate > 0 else None
        told = shown - shown[0] if np.isfinite(shown).all() and (np.diff(shown) >= 0).all() and np.ptp(shown) else None
        if told is None or (even is not None and np.abs(told - even).max() < 0.5 / rate):
            return even  # decord tells times in 32 bits
        return told

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop` as uint8 blocks (n <= 64, H, W, channels), resized to `size` unless it is None.

        Raises:
            InputError: the file is missing, empty, truncated, damaged or not a video.
        """
        length = len(self)  # lest it is opened here first
        stop = length if stop is None else min(stop, length)
        while start < stop:
            rgb = _read(self.path, size, start, min(BLOCK, stop - start))
            yield rgb if channels == 3 else luma(rgb)
            start += len(rgb)


class _Reader:
    """An open file and the frame that comes next in it."""

    def __init__(self, path: Path, size: Size | None) -> None:
        self.key, self.path = (stamp(path), size), path
        self.decoder, self.next = opened(path, size), 0

    @cached_property
    def seeks(self) -> bool:
        """Whether seeking finds the very frame: looked up once a jump is wanted.

        Elsewhere decord lands up to hundreds of frames off (AVI has no time stamps of its own, which B-frames need), so
        that such files are read through to the first frame wanted.
        """
        path = self.path
        return path.suffix.lower() in MP4_SUFFIXES and enterable(path) and not hidden(path, self.decoder)

    def reaches(self, frame: int) -> bool:
        """Whether the reader can go to a frame without being opened anew."""
        return frame >= self.next or self.seeks

    def read(self, first: int, count: int) -> Frames:
        """Read frames (n, H, W, 3) from `first` on, `count` of them or as many as `BYTES` hold."""
        if first != self.next and self.seeks:
            self.decoder.seek_accurate(first)
            self.next = first
        frames: list[Frames] = []
        while self.next < first + count and sum(frame.nbytes for frame in frames) < BYTES:
            frame = self.decoder.next()
            if self.next >= first:
                frames.append(_unpadded(frame.asnumpy()))
            self.next += 1
        return np.stack(frames)


_kept = threading.local()


def _read(path: Path, size: Size | None, first: int, count: int) -> Frames:
    """Read frames (n, H, W, 3) from `first` on, `count` of them or as many as `BYTES` hold.

    This thread's last file stays open, as opening a long one takes seconds.
    """
    reader: _Reader | None = getattr(_kept, "reader", None)
    _kept.reader = None  # closed before another is opened, and when reading fails
    if reader is None or reader.key != (stamp(path), size) or not reader.reaches(first):
        del reader
        reader = _Reader(path, size)
    with naming_errors(path):
        frames = reader.read(first, count)
    _kept.reader = reader
    return frames


def _unpadded(frame: Frames) -> Frames:
    """Cut a decord frame to (H, W, 3): at some small widths decord 0.6 leaves each row's padding in.

    Its `get_batch` fails at those widths, which is why frames are read one by one; that is as fast.
    """
    height, width = frame.shape[:2]
    return frame.reshape(height, -1)[:, : 3 * width].reshape(height, width, 3)
