"""Finding videos in a directory, and reading those that are folders of numbered images, through Pillow."""

from __future__ import annotations

import math
import os
import re
import struct
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from crossvad.datasets.base import Frames, Size, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.readers import damaged_originals
from crossvad.datasets.readers.file_identity import content, demand_utf8, digest, listing, stamp, stat
from crossvad.datasets.readers.native_errors import kept_quiet
from crossvad.datasets.readers.patience import Beat
from crossvad.datasets.readers.video_file import BYTES, VIDEO_SUFFIXES, VideoFile

LOOKED_AT = 8  # images of a folder, about, whose bytes tell it from others where sizes do not
BLOCK = 16  # images in memory at once while reading
PIXELS = 2**26  # of a frame, at most: twice as many as 8K video has
FORMATS = (
    "JPEG",
    "PNG",
    "TIFF",
    "BMP",
)  # whatever files are called: others run programs
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
# Pillow's words on files that it then refuses, or that are read as far as they go.
warnings.filterwarnings("ignore", "Corrupt EXIF|Truncated File Read", module="PIL")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # see PIXELS
TURNS = {  # how an image with an EXIF orientation is turned to stand upright, as `PIL.ImageOps.exif_transpose` has it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TURNS[orientation] for orientation in (5, 6, 7, 8)}
UNREADABLE_IMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


def natural(name: str) -> list[str | int]:
    """Split a name into a sort key that orders `clip2` before `clip10`."""
    return [int(part) if odd % 2 else part.casefold() for odd, part in enumerate(re.split("([0-9]+)", name))]


def find_videos(directory: Path, skip: Collection[str] = ()) -> list[Video]:
    """Find the videos in a directory, in natural order: every video file and every sub-folder that holds images.

    A directory that holds images itself is one video, named after it. Hidden entries and those named in `skip` do not
    count. Nothing is opened and nothing below the sub-folders is looked at, so that a link to a parent does no harm.

    Raises:
        InputError: the directory cannot be listed, two of its videos share a name, one's is not UTF-8, or it
            mixes videos and images.
    """
    entries = [path for path in listing(directory) if path.name not in skip]
    videos: list[Video] = []
    paths: dict[str, Path] = {}  # by the video's name
    for path in sorted(entries, key=lambda path: (natural(path.name), path.name)):
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
            video = Video(path.stem, VideoFile(path))
        elif path.is_dir() and _images(path):
            video = Video(path.name, FrameFolder(path))
        else:
            continue
        demand_utf8(path)
        if video.name in paths:
            raise InputError(path, f"has the same name as {paths[video.name].name}", "rename or remove one of them")
        videos.append(video)
        paths[video.name] = path
    if not _images(directory):
        return videos
    if videos:
        raise InputError(directory, "holds both images and videos", "put the images in a folder of their own")
    return [Video(directory.resolve().name, FrameFolder(directory))]


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
        frames = sorted(_images(self.path), key=lambda path: (_frame_number(path), path.name))
        if not frames and (videos := [path for path in listing(self.path) if path.suffix.lower() in VIDEO_SUFFIXES]):
            raise InputError(self.path, "holds videos, and no frames of one", f"name each, such as {videos[0]}")
        if not frames:
            fix = "put numbered images in it, such as 001.jpg, or leave it out"
            if (self.path / "test").is_dir():
                fix = f"name what is in its test folder, or run a method on all of it: path:{self.path}"
            raise InputError(self.path, "holds no frames", fix)
        for before, after in pairwise(frames):
            step = _frame_number(after) - _frame_number(before)
            if step == 0:
                problem = f"has the same frame number as {before.name}, {_frame_number(after)}"
                fix = "remove one of them if they are one frame; else rename all so that their last numbers count them"
                raise InputError(after, problem, fix)
            if step > 1:
                missing = before.with_name(_next_name(before))
                fix = "restore it, or number the others anew"
                raise InputError(missing, f"missing between {before.name} and {after.name}", fix)
        return tuple(frames)

    @property
    def identity(self) -> str:
        """Digest of every frame's name and size in bytes; where all are of one size, also of what some of them hold.

        Images that are not compressed are of one size, whatever they show. Those that are turned upright are others
        than they were while they were read lying on their side.
        """
        sizes = [stat(frame).st_size for frame in self.frames]
        alike = self._looked_at if len(set(sizes)) == 1 else ()
        named = [f"{frame.name} {size}" for frame, size in zip(self.frames, sizes, strict=True)]
        return digest([*named, *map(content, alike), *self._turned])

    @property
    def stamp(self) -> str:
        """Digest of every frame's absolute path, size and modification time; and of how it is turned, as `identity`."""
        return digest([*(stamp(frame) for frame in self.frames), *self._turned])

    @property
    def _looked_at(self) -> tuple[Path, ...]:
        """Some of the images, spread over all."""
        return self.frames[:: 1 + len(self.frames) // LOOKED_AT]

    @cached_property
    def _turned(self) -> tuple[str, ...]:
        """How those that are looked at are turned upright; nothing if none of them is."""
        turned = []
        for frame in self._looked_at:
            with suppress(*UNREADABLE_IMAGE), _opened(frame) as image:  # reading it will tell
                if (turn := _turn(image)) is not None:
                    turned.append(f"{frame.name} {turn.name}")
        return tuple(turned)

    def blocks(self, size: Size | None, channels: int, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Frames `start` to `stop` as uint8 blocks (n <= 16, H, W, channels), resized to `size` unless it is None.

        Raises:
            InputError: a frame is missing, damaged or of another size than the first.
        """
        expected = _image_size(self.frames[0])
        wanted = self.frames[start:stop]
        at_once = max(1, min(BLOCK, BYTES // (math.prod(expected) * channels)))
        for first in range(0, len(wanted), at_once):
            block = wanted[first : first + at_once]
            _fetch_ahead(wanted[first + at_once : first + 2 * at_once])
            with kept_quiet():  # libtiff prints what it cannot read
                pictures = [_read_image(frame, expected, size, channels) for frame in block]
            for _, alike in groupby(pictures, key=np.shape):  # a JPEG may be smaller already, and a PNG beside it not
                yield resized(np.stack([*alike]), size)

    def damage(self, beat: Beat = lambda: None) -> Iterator[InputError]:
        """Yield what is wrong with each frame that cannot be read; decodes all of them, and calls `beat` at each."""
        expected = None
        for frame in self.frames:
            beat()
            try:
                expected = expected or _image_size(frame)
                with kept_quiet():
                    _read_image(frame, expected, None, channels=3)
            except InputError as error:
                yield error


def damaged_in_archive(videos: Iterable[Video]) -> Iterator[Problem]:
    """Warn of each frame of these videos that is damaged in its official archive; other problems are told elsewhere."""
    for video in videos:
        with suppress(InputError):
            yield from damaged_originals.notes(video.source.frames if isinstance(video.source, FrameFolder) else ())


def _fetch_ahead(paths: Iterable[Path]) -> None:
    """Let the system read these files while others are decoded, where it can be asked to."""
    if hasattr(os, "posix_fadvise"):
        for path in paths:
            with suppress(OSError), path.open("rb") as file:  # reading it will tell
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def _images(directory: Path) -> list[Path]:
    return [path for path in listing(directory) if path.suffix.lower() in IMAGE_SUFFIXES]


def _frame_number(path: Path) -> int:
    numbers = re.findall("[0-9]+", path.stem)
    if not numbers:
        raise InputError(path, "has no frame number in its name", "rename or remove it")
    return int(numbers[-1])


def _next_name(path: Path) -> str:
    """Name the frame after this one: `img_010.jpg` after `img_009.jpg`."""
    head, digits, tail = re.split("([0-9]+)(?=[^0-9]*$)", path.stem)
    return f"{head}{int(digits) + 1:0{len(digits)}}{tail}{path.suffix}"


def _image_size(path: Path) -> tuple[int, int]:
    """Read (width, height) from the header, as it is when the image stands upright."""
    try:
        with _opened(path) as image:
            size = _upright(image.size, _turn(image))
    except UNREADABLE_IMAGE as error:
        raise _damaged(path) from error
    if not 0 < math.prod(size) <= PIXELS:
        raise InputError(path, "is {}x{} pixels, which no camera has".format(*size), "make it smaller, or remove it")
    return size


def _opened(path: Path) -> Image.Image:
    """Open an image; nothing is decoded yet."""
    if path.is_fifo():  # it would be waited for
        raise OSError("a pipe")
    return Image.open(path, formats=FORMATS)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How an image is turned to stand upright, by its EXIF; None of one that does. TIFFs Pillow turns itself."""
    if image.format == "TIFF" or "exif" not in image.info:
        return None
    tags = Image.Exif()
    with suppress(Exception):  # whatever Pillow says of spoilt ones: they turn nothing
        tags.load(image.info["exif"])
        return TURNS.get(tags[ExifTags.Base.Orientation])
    return None


def _upright(size: tuple[int, int], turn: Image.Transpose | None) -> tuple[int, int]:
    """What (width, height) of an image become when it is turned, or (height, width)."""
    return (size[1], size[0]) if turn in SIDEWAYS else size


def _read_image(path: Path, expected: tuple[int, int], size: Size | None, channels: int) -> Frames:
    """Read one image upright, uint8 (H, W, channels), as it is or a little smaller, but no smaller than `size`."""
    mode = "RGB" if channels == 3 else "L"
    try:
        with _opened(path) as image:
            turn = _turn(image)
            if (shown := _upright(image.size, turn)) != expected:
                problem = "is {}x{} where the first frame is {}x{}".format(*shown, *expected)
                raise InputError(path, problem, "frames of one video must share a size")
            if image.mode == "F":
                problem = "has pixels that are no whole numbers, so that nothing tells which of them is white"
                raise InputError(path, problem, "write it with 8 or 16 bits")
            if size:
                least = _upright(size[::-1], turn)
                image.draft(mode, least)  # lets a JPEG decode at a smaller scale, never below this size
            picture = _eight_bits(_loaded(image, path)).convert(mode)
            pixels = np.asarray(picture if turn is None else picture.transpose(turn), np.uint8)
    except UNREADABLE_IMAGE as error:
        raise _damaged(path) from error
    return pixels.reshape(*pixels.shape[:2], channels)


def resized(frames: Frames, size: Size | None) -> Frames:
    """Resize frames (N, H, W, C), uint8, by antialiased bilinear interpolation; as they are if `size` is None.

    PyTorch's takes a sixth of the time of Pillow's, and comes within a level of it.
    """
    if size is None or frames.shape[1:3] == size:
        return frames
    import torch  # lazily: whoever reads stored results asks for the facts of data sets, and decodes nothing
    from torch.nn.functional import interpolate

    pictures = torch.from_numpy(frames).movedim(-1, 1)
    return interpolate(pictures, size=size, mode="bilinear", antialias=True).movedim(1, -1).numpy()


def _loaded(image: Image.Image, path: Path) -> Image.Image:
    """Decode an image; one that is damaged in the official archive as far as it goes."""
    try:
        image.load()
    except UNREADABLE_IMAGE:
        if not damaged_originals.original(path):
            raise
        return damaged_originals.read(path)
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Reduce 16-bit gray to its upper 8 bits, which Pillow's own conversion would clip instead."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))


def _damaged(path: Path) -> InputError:
    return InputError(path, "cannot be decoded: empty, truncated or not an image", "restore it")
