"""Video files, read by decord, which lets ffmpeg resize while it decodes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from crossvad.datasets.base import Frames, Size
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import cache_root, digest, stamp, stat
from crossvad.datasets.readers.native_errors import kept_quiet

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".mov", ".mpg", ".mpeg", ".webm", ".m4v"})
# Where seeking finds the very frame. Elsewhere decord lands up to hundreds of frames off (AVI has no time stamps of its
# own, which B-frames need), so that such files are read through to the first frame wanted.
EXACT_SEEK = frozenset({".mp4", ".m4v", ".mov"})
BLOCK = 64  # frames in memory at once while reading
REPEATS_ALLOWED = 4  # frames decord may replace by their neighbour: it loses up to 4 at the end of a sound MPEG-1 file

MP4_BOXES = frozenset(b"ftyp styp moov moof mfra mdat sidx free skip wide uuid".split())
MATROSKA_ELEMENTS = frozenset({b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"})  # EBML header, Segment


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
        note = cache_root() / "lengths" / self.stamp
        with suppress(OSError, ValueError):
            return int(note.read_text())
        frames = len(_open(self.path, None))
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

    @property
    def rate(self) -> float:
        """Frames per second, as the container tells.

        Raises:
            InputError: the file is missing, empty, truncated or not a video.
        """
        return float(_open(self.path, (16, 16)).get_avg_fps())

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop` as uint8 blocks (n <= 64, H, W, channels), resized to `size` unless it is None.

        Raises:
            InputError: the file is missing, empty, truncated, damaged or not a video.
        """
        stop = len(self) if stop is None else stop
        for first in range(start, stop, BLOCK):
            rgb = _read(self.path, size, first, min(BLOCK, stop - first))
            yield rgb if channels == 3 else luma(rgb)


class _Reader:
    """An open file and the frame that comes next in it."""

    def __init__(self, path: Path, size: Size | None) -> None:
        self.key = (stamp(path), size)
        self.decoder, self.next, self.seeks = _open(path, size), 0, path.suffix.lower() in EXACT_SEEK

    def reaches(self, frame: int) -> bool:
        """Whether the reader can go to a frame without being opened anew."""
        return self.seeks or frame >= self.next

    def read(self, first: int, count: int) -> Frames:
        """Read frames (count, H, W, 3) from `first` on."""
        if self.seeks and first != self.next:
            self.decoder.seek_accurate(first)
            self.next = first
        frames = []
        while self.next < first + count:
            frame = self.decoder.next()
            if self.next >= first:
                frames.append(_unpadded(frame.asnumpy()))
            self.next += 1
        return np.stack(frames)


_kept = threading.local()


def _read(path: Path, size: Size | None, first: int, count: int) -> Frames:
    """Read frames (count, H, W, 3) from `first` on.

    This thread's last file stays open, as opening a long one takes seconds.
    """
    reader: _Reader | None = getattr(_kept, "reader", None)
    _kept.reader = None  # closed before another is opened, and when reading fails
    if reader is None or reader.key != (stamp(path), size) or not reader.reaches(first):
        del reader
        reader = _Reader(path, size)
    with _naming_errors(path):
        frames = reader.read(first, count)
    _kept.reader = reader
    return frames


def _open(path: Path, size: Size | None) -> Any:
    """Open a decord reader, once the length that the container claims has been checked.

    ffmpeg reads a truncated AVI or Matroska file without complaint as a shorter video, hence the check.
    """
    import decord  # lazily: not needed for folders of images, and slow to load

    if stat(path).st_size == 0:
        raise InputError(path, "is empty (0 bytes)", "fetch it again")
    with _naming_errors(path):
        missing = _missing_bytes(path)
    if missing:
        raise InputError(path, f"is truncated: its last {missing} bytes are missing", "fetch it again")
    if _lacks_index(path):
        problem = "has no index (moov), which a recorder writes last: its recording or copying was cut off"
        raise InputError(path, problem, "copy it again, or mend it with a tool such as untrunc")
    decord.logging.set_level(decord.logging.QUIET)
    height, width = size or (-1, -1)
    with _naming_errors(path):
        return decord.VideoReader(str(path), ctx=decord.cpu(0), width=width, height=height, fault_tol=REPEATS_ALLOWED)


@contextmanager
def _naming_errors(path: Path) -> Iterator[None]:
    """Turn decord's errors into an InputError that names the file, and gives the reason that decord only prints."""
    from decord import DECORDError, DECORDLimitReachedError

    with kept_quiet() as printed:
        try:
            yield
        except (DECORDError, DECORDLimitReachedError, RuntimeError, OSError, StopIteration) as error:
            reason = re.search(rf"ERROR opening: {re.escape(str(path))}, (.+)", printed())
            why = f" ({reason[1].strip()})" if reason else ""
            problem = f"cannot be decoded: unreadable, truncated, damaged or not a video{why}"
            raise InputError(path, problem, "fetch it again or re-encode it") from error


def _unpadded(frame: Frames) -> Frames:
    """Cut a decord frame to (H, W, 3): at some small widths decord 0.6 leaves each row's padding in.

    Its `get_batch` fails at those widths, which is why frames are read one by one; that is as fast.
    """
    height, width = frame.shape[:2]
    return frame.reshape(height, -1)[:, : 3 * width].reshape(height, width, 3)


def _missing_bytes(path: Path) -> int:
    """Count the bytes by which a video file's top-level chunks reach beyond its end; 0 where its format has none."""
    *_, (begin, head) = _chunks(path)
    length = _chunk_length(head)
    return begin + length - path.stat().st_size if length else 0


def _lacks_index(path: Path) -> bool:
    """Whether a file is MP4 or MOV to its end, and nothing in it says where its frames are."""
    kinds = [head[4:8] for _, head in _chunks(path)]
    return bool(kinds) and kinds[0] == b"ftyp" and MP4_BOXES.issuperset(kinds) and not {b"moov", b"moof"} & {*kinds}


def _chunks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Where each top-level chunk of a video file begins, and its first 16 bytes, up to one that claims no length."""
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            head = file.read(16)
            yield position, head
            if not (length := _chunk_length(head)):
                return
            position += length


def _chunk_length(head: bytes) -> int:
    """Read the length that a chunk with these first 16 bytes claims, head included; 0 where it claims none."""
    if head[:4] == b"RIFF":  # AVI
        return 8 + int.from_bytes(head[4:8], "little")
    if head[4:8] in MP4_BOXES:  # MP4, MOV; a length of 1 says that 64 bits of it follow
        length = int.from_bytes(head[:4], "big")
        return int.from_bytes(head[8:16], "big") if length == 1 else length
    if head[:4] in MATROSKA_ELEMENTS:  # leading zero bits give the width of the length; all ones mean unknown
        width = 9 - head[4].bit_length()
        unknown = (1 << 7 * width) - 1
        length = int.from_bytes(head[4 : 4 + width], "big") & unknown
        return 0 if length == unknown else 4 + width + length
    return 0
