"""Whether an MP4 or MOV file may be entered at any of its key frames, and every frame from there on is the right one.

A decoder that begins at an instantaneous refresh (IDR) gives all that comes after. At any other key frame, as an open
group of pictures begins with, it leaves out the few frames that refer to what came before, and decord counts on as if
it had not: every frame of that group is a few frames off.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.readers.opening import chunks

LARGEST = 2**28  # bytes of an index, and frames that it tells of
SAMPLE_ENTRY = 86  # bytes of the description of a track's pictures, before what its codec adds
REORDERED, OTHER_ENTRIES = b"ctts", (b"stps", b"sbgp")  # tables of frames shown out of turn, and of more key frames


class Units(NamedTuple):
    """How a codec's frames are made up of units, each of which begins with its type."""

    settings: bytes  # box of the track's settings
    width: int  # byte of it whose last two bits say how many bytes a unit's length has, less one
    shift: int  # bits below the type
    mask: int
    slices: range  # types of the parts of a picture
    refresh: range  # those of a refresh


H264, H265 = Units(b"avcC", 4, 0, 0x1F, range(1, 6), range(5, 6)), Units(b"hvcC", 21, 1, 0x3F, range(32), range(19, 21))
CODECS = {b"avc1": H264, b"avc3": H264, b"hvc1": H265, b"hev1": H265}


def enterable(path: Path) -> bool:
    """Whether every key frame is a safe beginning. False where that cannot be told, as without an index of the file."""
    try:
        with path.open("rb") as file:
            tables = _tables(path, file)
            return tables is not None and _all_refresh(tables, file)
    except (OSError, ValueError, LookupError, MemoryError, struct.error):
        return False


def _tables(path: Path, file: BinaryIO) -> dict[bytes, memoryview] | None:
    """The tables of a file's only video track, by their names; None where there is no such track, or it is in parts."""
    places = {head[4:8]: (position, int.from_bytes(head[:4], "big")) for position, head in chunks(path)}
    if b"moof" in places:  # each part has tables of its own
        return None
    position, length = places[b"moov"]
    file.seek(position + 8)
    index = memoryview(file.read(max(0, min(length - 8, LARGEST))))  # 0 and 1 are no lengths, but say how to tell it
    tracks = [dict(_boxes(dict(_boxes(box))[b"mdia"])) for kind, box in _boxes(index) if kind == b"trak"]
    filmed = [track for track in tracks if bytes(track[b"hdlr"][8:12]) == b"vide"]
    return dict(_boxes(dict(_boxes(filmed[0][b"minf"]))[b"stbl"])) if len(filmed) == 1 else None


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes that one after the other make up some bytes: name and content of each."""
    while len(data) >= 8:
        length, kind = struct.unpack(">I4s", data[:8])
        if not 8 <= length <= len(data):
            raise ValueError("a box of another length")
        yield kind, data[8:length]
        data = data[length:]


def _all_refresh(tables: dict[bytes, memoryview], file: BinaryIO) -> bool:
    """Whether a decoder that begins at a key frame of a track needs nothing of what came before."""
    if any(name in tables for name in OTHER_ENTRIES):
        return False
    if b"stss" not in tables:  # every frame is by itself
        return True
    units = CODECS.get(bytes(tables[b"stsd"][12:16]))
    if units is None:  # where frames are shown as they are stored, none can be left out
        return REORDERED not in tables
    settings = dict(_boxes(tables[b"stsd"][8 + SAMPLE_ENTRY :]))[units.settings]
    width = (settings[units.width] & 3) + 1
    starts, sizes = _places(tables, os.fstat(file.fileno()).st_size)
    for number in _numbers(tables[b"stss"], 4) - 1:
        heads = _heads(file, int(starts[number]), int(sizes[number]), width)
        types = (head >> units.shift & units.mask for head in heads)
        if next((kind for kind in types if kind in units.slices), None) not in units.refresh:
            return False
    return True


def _heads(file: BinaryIO, position: int, size: int, width: int) -> Iterator[int]:
    """First byte of each unit of a frame, each after its length of so many bytes, up to one that is empty."""
    end = position + size
    while position < end:
        file.seek(position)
        head = file.read(width + 1)
        if not (length := int.from_bytes(head[:width], "big")):  # as where nothing was written yet
            return
        yield head[width]
        position += width + length


def _places(tables: dict[bytes, memoryview], length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each frame of a track begins in a file of so many bytes, and how many of them it takes."""
    same, count = struct.unpack(">II", tables[b"stsz"][4:12])
    if count > min(LARGEST, length // (same or 4)):  # of several sizes, each takes four bytes in their table
        raise ValueError("more frames than the file holds")
    chunk = _numbers(tables[b"stco"], 4) if b"stco" in tables else _numbers(tables[b"co64"], 8)
    runs = _numbers(tables[b"stsc"], 4, 3).reshape(-1, 3)  # first chunk, counted from 1, and frames in each from it on
    in_chunk = np.repeat(runs[:, 1], np.diff(runs[:, 0], append=len(chunk) + 1))
    if in_chunk.sum() != count:
        raise ValueError("other frames in chunks than there are")
    sizes = np.full(count, same, np.int64) if same else _numbers(tables[b"stsz"][4:], 4)
    before = np.cumsum(sizes) - sizes
    first = np.cumsum(in_chunk) - in_chunk  # frame of each chunk
    return before + np.repeat(chunk - before[first], in_chunk), sizes


def _numbers(table: memoryview, width: int, each: int = 1) -> NDArray[np.int64]:
    """The numbers of a table, each of so many bytes, of which every entry has `each`."""
    (count,) = struct.unpack(">I", table[4:8])
    return np.frombuffer(table[8:], f">u{width}", count * each).astype(np.int64)
