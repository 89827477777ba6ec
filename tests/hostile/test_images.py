"""Images and folders of them: damaged, absurdly large, of another format than their names say."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from crossvad.datasets.readers.frame_folder import FrameFolder, find_videos
from hostile.guard import bombard
from hostile.mutations import spoilt_bytes

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
FORMATS = {
    "png": {}, "jpeg": {"quality": 80}, "tiff": {"compression": "tiff_lzw"}, "tif": {}, "bmp": {},
    "packbits.tif": {"compression": "packbits"}, "gray.tif": {"compression": "jpeg"},
}  # fmt: skip


def encoded(suffix: str) -> bytes:
    whole = io.BytesIO()
    kind = {"tif": "TIFF", "jpeg": "JPEG"}.get(suffix.rpartition(".")[2], suffix.upper())
    Image.fromarray(PICTURE[..., 0] if "gray" in suffix else PICTURE).save(whole, kind, **FORMATS[suffix])
    return whole.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
def test_images(tmp_path, suffix):
    whole, kind = encoded(suffix), suffix.rpartition(".")[2]
    for number in range(3):
        (tmp_path / f"{number}.{kind}").write_bytes(whole)

    def attempt(random):
        (tmp_path / f"1.{kind}").write_bytes(spoilt_bytes(random, whole))
        size = (16, 16) if random.random() < 0.5 else None
        frames = np.concatenate([*FrameFolder(tmp_path).blocks(size, 3)])
        assert frames.shape == (3, *(size or PICTURE.shape[:2]), 3) and frames.dtype == np.uint8

    bombard(f"image {suffix}", 200, attempt)


def png(width: int, height: int, rows: int | None = None) -> bytes:
    """A black PNG of any claimed size, its pixels packed as small as they go."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + min(width, 10**6))  # of wider ones none is decoded
    pixels = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


SIZES = [(10**6, 1), (1, 10**6), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1), (0, 0), (0, 5), (9000, 9000), (12000, 12000)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_absurd_sizes(tmp_path, size):
    (tmp_path / "0.png").write_bytes(png(*size, rows=None if size[0] * size[1] < 2e8 else 1))
    for number in range(1, 8):
        (tmp_path / f"{number}.png").hardlink_to(tmp_path / "0.png")

    def attempt(random):
        for _ in FrameFolder(tmp_path).blocks((16, 16), 3):
            pass

    bombard(f"image of {size}", 1, attempt)


NAMES = [
    "1" * 200 + ".png",
    "-1.png",
    "\x1b[2J1.png",
    "<b>1.png",
    "1.png\n2.png",
    "٣.png",
    ".png",
    "x.png",
    "1.PNG",
    "a/1.png",
]


def test_names_of_frames(tmp_path):
    whole = encoded("png")

    def attempt(random):
        folder = tmp_path / str(random.integers(2**40))
        folder.mkdir()
        for name in random.choice(NAMES, 3):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(whole)
        for video in find_videos(folder):
            video.read()

    bombard("names of frames", 100, attempt)
