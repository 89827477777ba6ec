"""The decode-once cache: what was decoded at one size is mapped from disk ever after."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from contextlib import suppress
from pathlib import Path

import numpy as np

from crossvad.datasets.base import Frames, InputError, Size, Video

CACHE_VERSION = 1  # raise it when the same files would give other pixels
STALE_SECONDS = 86400.0  # a fill that has not written for a day is dead


class FrameCache:
    """Decoded videos on disk: one uint8 .npy file per (video, size, channels), filled once and mapped from then on.

    An entry is written under another name and renamed when it is complete, so that processes may fill the same entry
    at once, or be killed, and a half-filled entry is never seen.
    """

    def __init__(self, root: Path | None = None) -> None:
        """Keep entries in `root`, else in $CROSSVAD_CACHE, else in $XDG_CACHE_HOME/crossvad or ~/.cache/crossvad."""
        self.root = root or _default_root()

    def open(self, video: Video, size: Size, channels: int) -> Frames:
        """The whole video as a read-only memory map, uint8 (N, H, W, channels); decoded when not cached yet.

        Raises:
            InputError: a file of the video is missing, truncated or damaged, or the cache cannot be written.
        """
        key = hashlib.sha256(f"{CACHE_VERSION}\n{video.source.stamp}\n{size}\n{channels}".encode()).hexdigest()
        entry = self.root / f"{key}.npy"
        if not os.access(entry, os.R_OK):
            self._fill(entry, video, size, channels)
        try:
            frames: Frames = np.load(entry, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(entry, f"is damaged ({error})", "delete it and it will be filled again") from error
        return frames

    def _fill(self, entry: Path, video: Video, size: Size, channels: int) -> None:
        shape = (len(video), *size, channels)
        if shape[0] == 0:
            raise InputError(video.name, "has no frames", "remove it or replace it")
        part = entry.with_name(f"{entry.stem}.{uuid.uuid4().hex}.part")
        decoded = 0
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            # Plain writes, not a memory map: on a full disk they fail with an error instead of a bus error.
            with part.open("xb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for block in video.source.blocks(size, channels):
                    file.write(np.ascontiguousarray(block).data)
                    decoded += len(block)
                file.flush()
                os.fsync(file.fileno())
            if decoded != shape[0]:
                raise InputError(video.name, f"gave {decoded} of its {shape[0]} frames", "fetch it again")
            part.replace(entry)
        except OSError as error:
            fix = "set CROSSVAD_CACHE to a folder that can be written and has room"
            raise InputError(self.root, f"the cache cannot be written ({error.strerror or error})", fix) from error
        finally:
            with suppress(OSError):
                part.unlink()

    def _sweep(self) -> None:
        """Remove what killed processes left behind."""
        for part in self.root.glob("*.part"):
            try:
                if time.time() - part.stat().st_mtime > STALE_SECONDS:
                    part.unlink()
            except FileNotFoundError:  # another process was quicker
                continue


def _default_root() -> Path:
    if root := os.environ.get("CROSSVAD_CACHE"):
        return Path(root).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "crossvad"
