"""Arrays out of other people's label files: NumPy's .npy and MATLAB's .mat, without ever running what is in them."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import InputError
from crossvad.datasets.files import stat

_NUMBERS = ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "logical")
# What the codes in a version 5 file stand for: the classes of arrays, and the types of numbers as NumPy has them.
_CLASSES = {1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 16: "function_handle", 17: "opaque"}
_CLASSES |= dict(enumerate(_NUMBERS[:10], start=6))
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_ARRAY, _COMPRESSED = 14, 15
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_RESTORE = "restore the official file"


def read_npy(path: Path) -> NDArray[Any]:
    """The array in a .npy file, of any shape and any type but objects.

    Raises:
        InputError: the file is missing, empty, truncated or no .npy file, or would need unpickling.
    """
    if not _head(path).startswith(b"\x93NUMPY"):
        raise InputError(path, "is no .npy file", _RESTORE)
    with _parsing(path), path.open("rb") as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False)
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise _needs_unpickling(path, "holds Python objects") from error


def mask_volume(path: Path, name: str = "volLabel") -> Iterator[NDArray[np.bool_]]:
    """The masks (H, W) of a clip, one per frame, from a MATLAB file of version 5 to 7.3; True = abnormal.

    The variable is a row or column of cells with a matrix each, or an H x W x N array. Only one mask at a time is in
    memory, but of an array in a version 5 file all are.

    Raises:
        InputError: as the masks are read: the file is missing, empty, truncated or no MATLAB file, lacks the variable,
            or holds anything else there than matrices of one size; or it leads to another file.
    """
    head = _head(path)
    if not head.startswith(b"MATLAB "):
        raise InputError(path, "is no MATLAB file of version 5 to 7.3", _RESTORE)
    matrices = _version_73(path, name) if head.endswith(b"\x89HDF\r\n\x1a\n") else _version_5(path, name)
    size = None
    for frame, matrix in enumerate(matrices):
        if matrix is None or not _is_mask(matrix):
            raise InputError(path, f"{name} holds no matrix of numbers for frame {frame}", _RESTORE)
        size = size or matrix.shape
        if matrix.shape != size:
            problem = f"{name} is {_times(size)} for frame 0 and {_times(matrix.shape)} for frame {frame}"
            raise InputError(path, problem, _RESTORE)
        yield matrix != 0
    if size is None:
        raise InputError(path, f"{name} is empty", _RESTORE)


def _head(path: Path) -> bytes:
    """The first bytes, which tell what a file is; refuses files that are something else than their name says."""
    if stat(path).st_size == 0:
        raise InputError(path, "is empty", _RESTORE)
    try:
        with path.open("rb") as file:
            head = file.read(520)  # in MATLAB's HDF5 files, up to the signature
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "restore it") from error
    if head.startswith(_PICKLES):
        raise _needs_unpickling(path, "is a pickle")
    if head.startswith(b"PK\x03\x04"):
        raise InputError(path, "is a zip archive, as torch and .npz files are", "save it anew as a plain array")
    return head


def _needs_unpickling(path: Path, why: str) -> InputError:
    return InputError(path, f"{why}: it would need unpickling, which can run any code", "save it anew as a plain array")


@contextmanager
def _parsing(path: Path) -> Iterator[None]:
    """Damaged bytes make the parsers raise nearly anything: turn it into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(path, f"is damaged or cut short ({reason})", _RESTORE) from error


def _is_mask(matrix: NDArray[Any]) -> bool:
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "biuf":
        return False
    return matrix.dtype.kind != "f" or not np.isnan(matrix).any()


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _demand(path: Path, name: str, names: list[str]) -> None:
    if name not in names:
        own = [each for each in names if each and not each.startswith("#")]  # the others are MATLAB's
        few = ", ".join(map(repr, own[:10])) or "none"
        raise InputError(path, f"has no variable {name}; there is {few}", _RESTORE)


def _demand_volume(path: Path, name: str, kind: str, shape: tuple[int, ...]) -> None:
    """Refuse what can be no sequence of masks by its MATLAB class and its size as MATLAB would give it."""
    if kind == "cell":
        fits, wanted = len(shape) == 2 and 1 in shape, "a row or column of cells"
    elif kind in _NUMBERS:
        fits, wanted = len(shape) == 3, "H x W x N"
    else:
        raise InputError(path, f"{name} is of class {kind!r}, neither cells nor numbers", _RESTORE)
    if not fits:
        raise InputError(path, f"{name} is {_times(shape)}, not {wanted}", _RESTORE)


def _version_5(path: Path, name: str) -> Iterator[NDArray[Any] | None]:
    """The matrix for each frame, None where there is none, read when asked for.

    Not by SciPy: its reader looks up the types that a file claims out of bounds (scipy/scipy#25349), so that a damaged
    file can end the process, and a crafted one may do more.
    """
    with _parsing(path), path.open("rb") as file:
        order = {b"IM": "<", b"MI": ">"}.get(file.read(128)[126:])
        if order is None:
            raise InputError(path, "is no MATLAB file of version 5 to 7.3, or is cut short", _RESTORE)
        names = []
        while tag := file.read(8):
            kind, length = struct.unpack(f"{order}II", tag)
            end = file.tell() + length
            variable = _Element(file, length, order, packed=kind == _COMPRESSED)
            if kind == _COMPRESSED:
                variable.tag()
            found, kind, shape = variable.header()
            if found == name:
                _demand_volume(path, name, kind, shape)
                yield from variable.cells(shape) if kind == "cell" else np.moveaxis(variable.numbers(shape), 2, 0)
                variable.finish()
                return
            names.append(found)
            file.seek(end)
        _demand(path, name, names)


class _Element:
    """A variable of a version 5 file, read from its beginning to its end.

    It is made of elements: a tag with type and length, as many bytes, and zeros up to a multiple of 8.
    """

    def __init__(self, file: IO[bytes], length: int, order: str, packed: bool) -> None:
        self._file, self._left, self._order = file, length, order
        self._zip = zlib.decompressobj() if packed else None

    def tag(self) -> tuple[int, int]:
        """Type and length (bytes) of the element that follows."""
        kind, length = struct.unpack(f"{self._order}II", self._take(8))
        return kind, length

    def header(self) -> tuple[str, str, tuple[int, ...]]:
        """Name, class and shape of the array that follows."""
        (flags,) = struct.unpack(f"{self._order}I4x", self._data()[1])
        kind = "complex" if flags & 0x800 else _CLASSES.get(flags & 0xFF, "unknown")
        sizes = b"" if kind == "opaque" else self._data()[1]
        shape = struct.unpack(f"{self._order}{len(sizes) // 4}i", sizes)
        return self._data()[1].decode("latin-1"), kind, shape

    def numbers(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """The array that follows its header; small whole numbers are stored as such, whatever the class."""
        kind, data = self._data()
        if kind not in _STORED:
            raise ValueError(f"numbers of type {kind}")
        return np.frombuffer(data, self._order + _STORED[kind]).reshape(shape, order="F")

    def cells(self, shape: tuple[int, ...]) -> Iterator[NDArray[Any] | None]:
        """The arrays in the cells that follow their header, up to the first that is none of numbers: None."""
        for _ in range(math.prod(shape)):
            stored, length = self.tag()
            if stored != _ARRAY:
                raise ValueError(f"a cell of type {stored}")
            _, kind, size = self.header() if length else ("", "empty", ())
            if kind not in _NUMBERS:
                yield None
                return
            yield self.numbers(size)

    def finish(self) -> None:
        """Read to the end, where the checksum is."""
        while self._zip and not self._zip.eof:
            self._more(2**20)

    def _data(self) -> tuple[int, bytes]:
        """Type and bytes of the element that follows."""
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


def _version_73(path: Path, name: str) -> Iterator[NDArray[Any] | None]:
    """The matrix for each frame, None where there is none, read when asked for.

    HDF5 has the axes of a MATLAB array in reverse.
    """
    import h5py

    with _parsing(path), h5py.File(path, "r", rdcc_nbytes=2**26) as file:
        _demand(path, name, list(file))
        # A link of any other type may lead to another file, which looking up the name would open.
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise InputError(path, f"{name} is a link", _RESTORE)
        volume = file[name]
        kind = _matlab_class(path, volume)
        _demand_volume(path, name, kind, getattr(volume, "shape", ())[::-1])
        if kind == "cell":
            if h5py.check_ref_dtype(volume.dtype) is not h5py.Reference:  # a text would be looked up as a name
                raise ValueError("cells without references")
            for cell in volume[()].ravel():
                matrix = file[cell]
                yield matrix[()].T if _matlab_class(path, matrix) in _NUMBERS else None
        else:
            for frame in range(len(volume)):
                yield volume[frame].T


def _matlab_class(path: Path, item: Any) -> str:
    """What MATLAB calls the type of an HDF5 object; refuses arrays whose numbers lie in another file."""
    import h5py

    if not isinstance(item, h5py.Dataset):
        return "struct"  # or a sparse matrix, an object, a function handle
    if item.is_virtual or item.external:
        raise InputError(path, "holds an array that lies in another file", _RESTORE)
    kind = item.attrs.get("MATLAB_class", b"")
    return kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
