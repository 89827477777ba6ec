"""MATLAB files of version 5 to 7, read one variable and one cell at a time.

SciPy's reader does not serve: it looks up the types that a file claims without checking their bounds
(scipy/scipy#25349), so that a damaged file ends the process, and its documentation warns of files from others. Here,
damage may raise nearly any exception, but does no more than that.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "logical")
# The meaning of a file's codes: classes of arrays, and types of stored numbers as NumPy has them.
_CLASSES = {1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 16: "function_handle", 17: "opaque"}
_CLASSES |= dict(enumerate(NUMBERS[:10], start=6))
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_ARRAY, _COMPRESSED = 14, 15


def variables(file: IO[bytes]) -> Iterator[Variable]:
    """Iterate over the variables of a file, each to be read, if at all, before the next is asked for.

    Raises:
        ValueError, EOFError, struct.error, zlib.error: the file is no such file, damaged or cut short.
    """
    order = {b"IM": "<", b"MI": ">"}.get(file.read(128)[126:])
    if order is None:
        raise ValueError("no header of version 5")
    while tag := file.read(8):
        kind, length = struct.unpack(f"{order}II", tag)
        end = file.tell() + length
        elements = _Elements(file, length, order, packed=kind == _COMPRESSED)
        if kind == _COMPRESSED:
            kind, _ = elements.tag()
        if kind != _ARRAY:
            raise ValueError(f"a variable of type {kind}")
        yield Variable(elements)
        file.seek(end)


class Variable:
    """An array, read from its beginning to its end; `name`, `kind` (MATLAB's class) and `shape` come first."""

    def __init__(self, elements: _Elements) -> None:
        self._elements = elements
        self.name, self.kind, self.shape = elements.header()

    def numbers(self) -> NDArray[Any]:
        """Read the array, if it is one of numbers."""
        return self._elements.numbers(self.shape)

    def cells(self) -> Iterator[NDArray[Any] | None]:
        """Read the arrays in the cells, up to the first that is none of numbers: None."""
        for _ in range(math.prod(self.shape)):
            stored, length = self._elements.tag()
            if stored != _ARRAY:
                raise ValueError(f"a cell of type {stored}")
            _, kind, shape = self._elements.header() if length else ("", "empty", ())
            if kind not in NUMBERS:
                yield None
                return
            yield self._elements.numbers(shape)

    def finish(self) -> None:
        """Read to the end, where a compressed variable has its checksum."""
        self._elements.finish()


class _Elements:
    """The elements of a variable: a tag (type and length), as many bytes, and zeros up to a multiple of 8 bytes."""

    def __init__(self, file: IO[bytes], length: int, order: str, packed: bool) -> None:
        self._file, self._left, self._order = file, length, order
        self._zip = zlib.decompressobj() if packed else None

    def tag(self) -> tuple[int, int]:
        """Read type and length (bytes) of the element that follows."""
        kind, length = struct.unpack(f"{self._order}II", self._take(8))
        return kind, length

    def header(self) -> tuple[str, str, tuple[int, ...]]:
        """Read name, class and shape of the array that follows."""
        (flags,) = struct.unpack(f"{self._order}I4x", self._data()[1])
        kind = "complex" if flags & 0x800 else _CLASSES.get(flags & 0xFF, "unknown")
        sizes = b"" if kind == "opaque" else self._data()[1]
        shape = struct.unpack(f"{self._order}{len(sizes) // 4}i", sizes)
        return self._data()[1].decode("latin-1"), kind, shape

    def numbers(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Read the array that follows its header; small whole numbers are stored as such, whatever the class."""
        kind, data = self._data()
        if kind not in _STORED:
            raise ValueError(f"numbers of type {kind}")
        return np.frombuffer(data, self._order + _STORED[kind]).reshape(shape, order="F")

    def finish(self) -> None:
        """Unpack to the end."""
        while self._zip and not self._zip.eof:
            self._more(2**20)

    def _data(self) -> tuple[int, bytes]:
        """Read type and bytes of the element that follows."""
        tag = self._take(8)
        kind, length = struct.unpack(f"{self._order}II", tag)
        if kind >> 16:  # up to 4 bytes lie in the tag itself
            return kind & 0xFFFF, tag[4 : 4 + (kind >> 16)]
        return kind, self._take(length + -length % 8)[:length]

    def _take(self, count: int) -> bytes:
        parts = []
        while count:
            parts.append(self._more(count))
            count -= len(parts[-1])
        return b"".join(parts)

    def _more(self, most: int) -> bytes:
        if self._zip:
            packed = self._zip.unconsumed_tail or self._raw(2**14)
            data = self._zip.decompress(packed, most)
        else:
            packed = data = self._raw(most)
        if not packed and not data:
            raise EOFError("it ends too soon")
        return data

    def _raw(self, most: int) -> bytes:
        data = self._file.read(min(most, self._left))
        self._left -= len(data)
        return data
