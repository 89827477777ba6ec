"""Which cameras are watched: their names, where their frames come from, and what of that may be shown."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Dataset, Scene, Split
from crossvad.datasets.errors import InputError, masked
from crossvad.datasets.readers.file_identity import small_text

PIPE = "-"
SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "tcp", "udp", "rtp")
NAME = re.compile(r"\w[\w.-]{0,99}")  # of a camera: what may be part of a file's name
KINDS = "an address such as rtsp://HOST/…, /dev/video0, a video file, or - for what is piped in"


@dataclass(frozen=True)
class Camera:
    """Something that gives frames for as long as it likes."""

    name: str
    address: str  # a URL, a device, a video file, or -

    @property
    def shown(self) -> str:
        """The address as it may be printed: without a user's name or password."""
        return masked(self.address)

    @property
    def waits(self) -> bool:
        """Whether it waits until a frame is taken, and ends when it ends: a pipe or a file, and no camera."""
        return self.address == PIPE or not is_stream(self.address)


def is_stream(text: str) -> bool:
    """Whether a word names a running camera or a pipe, and no file."""
    return text == PIPE or "://" in text or text.startswith("/dev/")


def named(words: Sequence[str]) -> list[Camera]:
    """Read cameras as they are typed: each an address, or NAME=ADDRESS.

    Raises:
        InputError: a word is neither, or two cameras share a name.
    """
    return from_pairs([_split(word) for word in words])


def read_cameras(path: Path) -> list[Camera]:
    """Read a file of cameras: TOML, with an address for each name in its table `cameras`.

    Raises:
        InputError: it cannot be read, or holds anything else.
    """
    form = 'write [cameras], and below it lines such as gate = "rtsp://HOST/stream"'
    try:
        entries = tomllib.loads(small_text(path, 2**20))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else masked(str(error))
        raise InputError(path, f"cannot be read ({reason})", form) from error
    table = entries.pop("cameras", None)
    if entries:
        raise InputError(path, f"has an unknown entry {next(iter(entries))!r}", form)
    if not isinstance(table, Mapping) or not table:
        raise InputError(path, "names no camera", form)
    for name, address in table.items():
        if not isinstance(address, str):
            raise InputError(f"{path}, {name}", "is no text", form)
    return from_pairs(list(table.items()))


def from_pairs(pairs: Sequence[tuple[str, str]]) -> list[Camera]:
    """Make cameras of names and addresses.

    Raises:
        InputError: an unfit name or address, a file that is not there, or a name or a pipe that comes twice.
    """
    made: dict[str, Camera] = {}
    for name, address in pairs:
        if not NAME.fullmatch(name):
            fix = "name it by letters, digits, . _ and - alone: gate=rtsp://…"
            raise InputError(f"camera {masked(name)!r}", "has no name that a file could be called by", fix)
        if name in made:
            raise InputError(f"camera {name}", "is named twice", f"name each by itself: {name}-2={masked(address)}")
        _refuse_unfit(address)
        made[name] = Camera(name, address)
    if [camera.address for camera in made.values()].count(PIPE) > 1:
        raise InputError(PIPE, "is named twice, and there is one pipe", "give the other camera by its address")
    return list(made.values())


def _split(word: str) -> tuple[str, str]:
    """The name and the address of a typed camera; without a name it is called as its host, device or file."""
    name, equals, address = word.partition("=")
    if equals and NAME.fullmatch(name) and not Path(word).is_file():
        return name, address
    if word == PIPE:
        return "pipe", word
    if "://" in word:
        try:
            return urlsplit(word).hostname or "camera", word
        except ValueError:
            return "camera", word
    return Path(word).stem, word


def _refuse_unfit(address: str) -> None:
    if address == PIPE:
        return
    scheme, found, _ = address.partition("://")
    if found:
        if scheme.lower() not in SCHEMES:
            raise InputError(masked(address), "is no address of a camera", f"say one of {', '.join(SCHEMES)}://…")
    elif not Path(address).exists():
        raise InputError(masked(address), "is not there", f"name {KINDS}")


class OwnCameras(Dataset):
    """In a target's place: cameras have no video that could be read beforehand."""

    name = "own cameras"

    def scenes(self, split: Split) -> list[Scene]:
        """None."""
        return []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Refuse: there is no video.

        Raises:
            InputError: always.
        """
        raise InputError(self.name, "have no labels", "choose a target")
