"""The decode-once cache: a video decoded at one size is read from disk ever after."""

from __future__ import annotations

import fcntl
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from crossvad.datasets.base import Frames, Size, Video
from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.datasets.readers.excerpts import origin
from crossvad.datasets.readers.file_identity import cache_root, digest, room
from crossvad.datasets.readers.patience import Beat, in_time, out_of_patience, patience

CACHE_VERSION = 2  # raise it when the same files would give other pixels


class CachedFrames:
    """A decoded video on disk, of which only the frames asked for are read: uint8 (N, H, W, C).

    Plain reads and not a memory map: a map keeps its file open, and a source may have thousands, and every page that
    it ever touched counts as memory in use.
    """

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            InputError: the file is damaged.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                np.lib.format.read_magic(file)
                self.shape, _, kind = np.lib.format.read_array_header_1_0(file)
                self._begin = file.tell()
            if kind != np.uint8 or path.stat().st_size != self._begin + np.prod(self.shape):
                raise ValueError("of another type or length")
        except (OSError, ValueError) as error:
            raise InputError(path, f"is damaged ({error})", "delete it and it will be filled again") from error

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, span: slice) -> Frames:
        """Consecutive frames, (n, H, W, C): an array of the caller's own."""
        start, stop, _ = span.indices(len(self))
        frames = np.empty((max(0, stop - start), *self.shape[1:]), np.uint8)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self._begin + start * frames[:1].nbytes)
            left = frames.reshape(-1).data
            while len(left) and (count := file.readinto(left)):  # Linux gives 2 GiB at most
                left = left[count:]
        if len(left):
            raise InputError(self.path, "is damaged (cut short)", "delete it and it will be filled again")
        return frames


class FrameCache:
    """Decoded videos on disk: one uint8 .npy file per (video, size, channels), filled once and read from then on.

    An entry is written under another name and renamed when it is complete, so that processes may fill the same entry
    at once, or be killed, and a half-filled entry is never seen.
    """

    def __init__(self, root: Path | None = None) -> None:
        """Keep entries in `root`, else in `cache_root()`."""
        self.root = root or cache_root()

    def open(self, video: Video, size: Size, channels: int) -> CachedFrames:
        """Open the whole video, uint8 (N, H, W, channels); decodes it when it is not cached yet.

        Raises:
            InputError: a file of the video is missing, truncated or damaged, or the cache cannot be written.
        """
        entry = self._entry(video, size, channels)
        if not os.access(entry, os.R_OK):
            self._sweep()
            self._fill(entry, video, size, channels)
        return CachedFrames(entry)

    def missing(self, videos: Iterable[Video], size: Size, channels: int) -> list[Video]:
        """List those of the videos that are not cached yet."""
        return [video for video in videos if not os.access(self._entry(video, size, channels), os.R_OK)]

    def free(self) -> int:
        """Measure the bytes that the cache's disk has room for."""
        return room(self.root)

    def fill(
        self,
        videos: Sequence[Video],
        size: Size,
        channels: int,
        jobs: int | None = None,
        progress: Callable[[int, int, str], None] = lambda done, of, note: None,
    ) -> dict[Video, InputError]:
        """Decode those of the videos that are not cached yet, `jobs` (default: one per core) files at a time.

        Threads are enough, as the decoders let go of the interpreter. Calls `progress(frames done, of, video)`. When it
        is stopped, what was decoded is kept, and the next call goes on from there.

        Returns:
            The videos that could not be decoded, and why.

        Raises:
            CannotKeep: the cache cannot be written, which is no fault of any video.
        """
        todo = self.missing(videos, size, channels)
        self._sweep()
        done, of = 0, sum(map(len, todo))
        failed: dict[Video, InputError] = {}
        telling, seconds = threading.Lock(), patience()

        def work(group: list[Video], beat: Beat) -> None:
            nonlocal done
            for video in group:
                try:
                    self._fill(self._entry(video, size, channels), video, size, channels, beat)
                except CannotKeep:
                    raise
                except InputError as error:
                    failed[video] = error
                with telling:
                    done += len(video)
                    progress(done, of, video.name)

        for group in in_time(_by_file(todo), work, jobs or os.cpu_count() or 1, seconds):
            for video in self.missing(group, size, channels):
                failed.setdefault(video, out_of_patience(video.name, seconds))
        return failed

    def _entry(self, video: Video, size: Size, channels: int) -> Path:
        return self.root / f"{digest([str(CACHE_VERSION), video.source.stamp, str(size), str(channels)])}.npy"

    def _fill(self, entry: Path, video: Video, size: Size, channels: int, beat: Beat = lambda: None) -> None:
        """Decode a video into its entry: written under another name, and renamed when complete."""
        shape = (len(video), *size, channels)
        if shape[0] == 0:
            raise InputError(video.name, "has no frames", "remove it or replace it")
        decoded = 0
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # On a full disk a plain write fails with an error, and a memory map with a bus error.
            with whole(entry) as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for block in _blocks(video, size, channels):
                    file.write(np.ascontiguousarray(block).data)
                    decoded += len(block)
                    beat()
                if decoded != shape[0]:
                    raise InputError(video.name, f"gave {decoded} of its {shape[0]} frames", "fetch it again")
        except OSError as error:
            fix = "set CROSSVAD_CACHE to a folder that can be written and has room"
            raise CannotKeep(self.root, f"the cache cannot be written ({error.strerror or error})", fix) from error

    def _sweep(self) -> None:
        """Remove what killed processes left behind."""
        for part in self.root.glob("*.part"):
            with suppress(OSError), part.open("rb") as file:  # another process was quicker, or there are no locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()


@contextmanager
def whole(entry: Path) -> Iterator[BinaryIO]:
    """A file that becomes an entry in the end, and is gone if something is raised; locked while its process lives."""
    while True:
        part = entry.with_name(f"{entry.stem}.{uuid.uuid4().hex}.part")
        with part.open("xb") as file:
            with suppress(OSError):  # a file system without locks: nothing on it is ever swept
                fcntl.flock(file, fcntl.LOCK_EX)
            if not part.exists():  # swept before it was locked
                continue
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                part.replace(entry)
            finally:
                part.unlink(missing_ok=True)
            return


def _blocks(video: Video, size: Size, channels: int) -> Iterator[Frames]:
    """A video's frames; what the system says of a file of it is not taken for a fault of the cache."""
    try:
        yield from video.source.blocks(size, channels)
    except OSError as error:
        raise InputError(video.name, f"cannot be read ({error})", "restore its files") from error


def _by_file(videos: Iterable[Video]) -> list[list[Video]]:
    """Group excerpts of one file, in order: a file is opened once and read forwards."""
    groups: dict[object, list[Video]] = {}
    for video in videos:
        groups.setdefault(id(origin(video.source)), []).append(video)
    return list(groups.values())
