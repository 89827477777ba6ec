"""Reading frames: video files through decord, folders of images through Pillow.

`find_videos` lists what a directory holds, `VideoFile` and `FrameFolder` read it; `cache.FrameCache` remembers it.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from crossvad.datasets.base import Frames, InputError, Size, Video

VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".mov", ".mpg", ".mpeg", ".webm", ".m4v"})
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
BLOCK = 64  # frames in memory at once while reading
REPEATS_ALLOWED = 4  # frames decord may replace by their neighbour: it loses up to 4 at the end of a sound MPEG-1 file

MP4_BOXES = frozenset(b"ftyp styp moov moof mfra mdat sidx free skip wide uuid".split())
MATROSKA_ELEMENTS = frozenset({b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"})  # EBML header, Segment
UNREADABLE_IMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


def natural(name: str) -> list[str | int]:
    """Sort key that orders `clip2` before `clip10`."""
    return [int(part) if odd % 2 else part.casefold() for odd, part in enumerate(re.split("([0-9]+)", name))]


def luma(rgb: Frames) -> Frames:
    """ITU-R 601 luma in integers: uint8 (..., 3) to uint8 (..., 1), within one level of Pillow's mode `L`."""
    red, green, blue = np.moveaxis(rgb.astype(np.uint16), -1, 0)
    gray: Frames = (77 * red + 150 * green + 29 * blue + 128) >> 8  # the sum just fits 16 bits
    return gray.astype(np.uint8)[..., None]


def find_videos(directory: Path, skip: Collection[str] = ()) -> list[Video]:
    """The videos directly in a directory, in natural order: every video file and every sub-folder that holds images.

    A directory that holds images itself is one video, named after it. Hidden entries and those named in `skip` do not
    count. Nothing is opened and nothing below the sub-folders is looked at, so that a link to a parent does no harm.

    Raises:
        InputError: the directory cannot be listed, two of its videos share a name, or it mixes videos and images.
    """
    entries = [path for path in _listing(directory) if path.name not in skip]
    videos: dict[str, tuple[Path, Video]] = {}
    for path in sorted(entries, key=lambda path: natural(path.name)):
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
            video = Video(path.stem, VideoFile(path))
        elif path.is_dir() and _images(path):
            video = Video(path.name, FrameFolder(path))
        else:
            continue
        if video.name in videos:
            raise InputError(path, f"has the same name as {videos[video.name][0].name}", "rename or remove one of them")
        videos[video.name] = path, video
    if not _images(directory):
        return [video for _, video in videos.values()]
    if videos:
        raise InputError(directory, "holds both images and videos", "put the images in a folder of their own")
    return [Video(directory.resolve().name, FrameFolder(directory))]


@dataclass(frozen=True)
class VideoFile:
    """The frames of one video file. RGB comes from decord, which lets ffmpeg resize while it decodes."""

    path: Path

    def __len__(self) -> int:
        """Number of frames; opens the file the first time.

        Raises:
            InputError: the file is missing, empty, truncated or not a video.
        """
        return self._length

    @cached_property
    def _length(self) -> int:
        return len(self._open(None))

    @property
    def identity(self) -> str:
        """Digest of the file's name and size in bytes."""
        return _digest([f"{self.path.name} {_stat(self.path).st_size}"])

    @property
    def stamp(self) -> str:
        """Digest of the file's absolute path, size and modification time."""
        return _digest([_stamp(self.path)])

    def blocks(self, size: Size | None, channels: int) -> Iterator[Frames]:
        """All frames in order as uint8 blocks (n <= 64, H, W, channels), resized to `size` = (H, W) unless it is None.

        Raises:
            InputError: the file is missing, empty, truncated, damaged or not a video.
        """
        reader = self._open(size)
        for start in range(0, len(reader), BLOCK):
            with self._naming_errors():
                count = min(BLOCK, len(reader) - start)
                rgb = np.stack([_unpadded(reader.next().asnumpy()) for _ in range(count)])
            yield rgb if channels == 3 else luma(rgb)

    def _open(self, size: Size | None) -> Any:
        """A decord reader, once the container's own account of its length has been checked.

        ffmpeg reads a truncated AVI or Matroska file without complaint as a shorter video, hence the check.
        """
        import decord  # lazily: not needed for folders of images, and slow to load

        if _stat(self.path).st_size == 0:
            raise InputError(self.path, "is empty (0 bytes)", "fetch it again")
        with self._naming_errors():
            missing = _missing_bytes(self.path)
        if missing:
            raise InputError(self.path, f"is truncated: its last {missing} bytes are missing", "fetch it again")
        decord.logging.set_level(decord.logging.QUIET)
        height, width = size or (-1, -1)
        with self._naming_errors():
            return decord.VideoReader(
                str(self.path), ctx=decord.cpu(0), width=width, height=height, fault_tol=REPEATS_ALLOWED
            )

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        from decord import DECORDError, DECORDLimitReachedError

        try:
            yield
        except (DECORDError, DECORDLimitReachedError, RuntimeError, OSError) as error:
            problem = "cannot be decoded: unreadable, truncated, damaged or not a video"
            raise InputError(self.path, problem, "fetch it again or re-encode it") from error


@dataclass(frozen=True)
class FrameFolder:
    """The frames of one folder of numbered images: .jpg .jpeg .png .tif .tiff .bmp; other files are ignored."""

    path: Path

    def __len__(self) -> int:
        """Number of frames.

        Raises:
            InputError: the folder is missing or holds no image, or a frame is missing, doubled or without a number.
        """
        return len(self.frames)

    @cached_property
    def frames(self) -> tuple[Path, ...]:
        """The images in order of the last number in their names, which must count without a gap."""
        frames = sorted(_images(self.path), key=_frame_number)
        if not frames:
            raise InputError(self.path, "holds no frames", "put numbered images in it, such as 001.jpg, or remove it")
        for before, after in pairwise(frames):
            step = _frame_number(after) - _frame_number(before)
            if step == 0:
                raise InputError(after, f"has the same frame number as {before.name}", "remove one of them")
            if step > 1:
                missing = before.with_name(_next_name(before))
                raise InputError(missing, f"missing between {before.name} and {after.name}", "restore it")
        return tuple(frames)

    @property
    def identity(self) -> str:
        """Digest of every frame's name and size in bytes."""
        return _digest([f"{frame.name} {_stat(frame).st_size}" for frame in self.frames])

    @property
    def stamp(self) -> str:
        """Digest of every frame's absolute path, size and modification time."""
        return _digest([_stamp(frame) for frame in self.frames])

    def blocks(self, size: Size | None, channels: int) -> Iterator[Frames]:
        """All frames in order as uint8 blocks (n <= 64, H, W, channels), resized to `size` = (H, W) unless it is None.

        Raises:
            InputError: a frame is missing, damaged or of another size than the first.
        """
        expected = _image_size(self.frames[0])
        for start in range(0, len(self.frames), BLOCK):
            block = self.frames[start : start + BLOCK]
            yield np.stack([_read_image(frame, expected, size, channels) for frame in block])


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise InputError(path, f"cannot be opened ({error.strerror})", "restore it") from error


def _stamp(path: Path) -> str:
    stat = _stat(path)
    return f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}"


def _listing(directory: Path) -> list[Path]:
    """Everything in a directory but hidden files, among them the `._*` files that macOS leaves behind."""
    try:
        return [path for path in directory.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(directory, f"cannot be listed ({error.strerror})", "name an existing directory") from error


def _images(directory: Path) -> list[Path]:
    return [path for path in _listing(directory) if path.suffix.lower() in IMAGE_SUFFIXES]


def _frame_number(path: Path) -> int:
    numbers = re.findall("[0-9]+", path.stem)
    if not numbers:
        raise InputError(path, "has no frame number in its name", "rename or remove it")
    return int(numbers[-1])


def _next_name(path: Path) -> str:
    """The name of the frame after this one: `img_009.jpg` to `img_010.jpg`."""
    head, digits, tail = re.split("([0-9]+)(?=[^0-9]*$)", path.stem)
    return f"{head}{int(digits) + 1:0{len(digits)}}{tail}{path.suffix}"


def _image_size(path: Path) -> tuple[int, int]:
    """(width, height) from the header."""
    try:
        with Image.open(path) as image:
            return image.size
    except UNREADABLE_IMAGE as error:
        raise _damaged(path) from error


def _read_image(path: Path, expected: tuple[int, int], size: Size | None, channels: int) -> Frames:
    """One image, uint8 (H, W, channels), resized with antialiased bilinear interpolation."""
    width, height = expected if size is None else size[::-1]
    mode = "RGB" if channels == 3 else "L"
    try:
        with Image.open(path) as image:
            if image.size != expected:
                problem = "is {}x{} where the first frame is {}x{}".format(*image.size, *expected)
                raise InputError(path, problem, "frames of one video must share a size")
            image.draft(mode, (width, height))  # lets a JPEG decode at a smaller scale, never below this size
            pixels = _eight_bits(image).convert(mode).resize((width, height), Image.Resampling.BILINEAR)
    except UNREADABLE_IMAGE as error:
        raise _damaged(path) from error
    return np.asarray(pixels, np.uint8).reshape(height, width, channels)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit gray to its upper 8 bits, which Pillow's own conversion would clip instead."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))


def _damaged(path: Path) -> InputError:
    return InputError(path, "cannot be decoded: empty, truncated or not an image", "restore it")


def _unpadded(frame: Frames) -> Frames:
    """A decord frame as (H, W, 3). At some small widths decord 0.6 leaves each row's padding in: (H, W, 4) and more.

    Its `get_batch` fails at those widths, which is why frames are read one by one; that is as fast.
    """
    height, width = frame.shape[:2]
    return frame.reshape(height, -1)[:, : 3 * width].reshape(height, width, 3)


def _missing_bytes(path: Path) -> int:
    """How far the top-level chunks of a video file reach beyond its end; 0 where its format does not tell."""
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            length = _chunk_length(file.read(16))
            if length == 0:
                return 0
            position += length
    return position - size


def _chunk_length(head: bytes) -> int:
    """The length that a chunk with these first 16 bytes claims, head included; 0 where it claims none."""
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
