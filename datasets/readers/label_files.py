"""Reading other people's label files, text, .npy and .mat, without ever running code that is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import parsing, stat
from crossvad.datasets.readers.matlab5 import NUMBERS, variables

_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_RESTORE = "restore the official file"


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array in a .npy file, of any shape and any type but objects.

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


def label_text(path: Path) -> str:
    """Read a label file of plain text, with the mark before it that some editors leave; what is not UTF-8 is replaced.

    Raises:
        InputError: the file cannot be read.
    """
    with parsing(path, "cannot be read", _RESTORE):
        return path.read_text("utf-8-sig", errors="replace")


def mask_volume(path: Path, name: str = "volLabel") -> Iterator[NDArray[np.bool_]]:
    """Read the masks (H, W) of a clip, one per frame, from a MATLAB file of version 5 to 7.3; True = abnormal.

    The variable is a row or column of cells with a matrix each, or an H x W x N array. Holds one mask at a time in
    memory, except for an array in a version 5 file, which is read whole.

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
    """Read the first bytes, which tell a file's format; refuses files that are something else than their name says."""
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


def _parsing(path: Path) -> AbstractContextManager[None]:
    return parsing(path, "is damaged or cut short", _RESTORE)


def _is_mask(matrix: NDArray[Any]) -> bool:
    if matrix.ndim != 2 or not matrix.size or matrix.dtype.kind not in "biuf":
        return False
    return matrix.dtype.kind != "f" or not np.isnan(matrix).any()


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _demand(path: Path, name: str, names: list[str]) -> None:
    """Refuse a file without the variable, and list those it has."""
    if name not in names:
        own = [other for other in names if other and not other.startswith("#")]  # the others are MATLAB's
        few = ", ".join(map(repr, own[:10])) or "none"
        raise InputError(path, f"has no variable {name}; there is {few}", _RESTORE)


def _demand_volume(path: Path, name: str, kind: str, shape: tuple[int, ...]) -> None:
    """Refuse what can be no sequence of masks by its MATLAB class and its size as MATLAB would give it."""
    if kind == "cell":
        fits, wanted = len(shape) == 2 and 1 in shape, "a row or column of cells"
    elif kind in NUMBERS:
        fits, wanted = len(shape) == 3, "H x W x N"
    else:
        raise InputError(path, f"{name} is of class {kind!r}, neither cells nor numbers", _RESTORE)
    if not fits:
        raise InputError(path, f"{name} is {_times(shape)}, not {wanted}", _RESTORE)


def _version_5(path: Path, name: str) -> Iterator[NDArray[Any] | None]:
    """Read the matrix for each frame as it is asked for; None where there is none."""
    names = []
    with _parsing(path), path.open("rb") as file:
        for variable in variables(file):
            if variable.name == name:
                _demand_volume(path, name, variable.kind, variable.shape)
                yield from variable.cells() if variable.kind == "cell" else np.moveaxis(variable.numbers(), 2, 0)
                variable.finish()
                return
            names.append(variable.name)
        _demand(path, name, names)


def _version_73(path: Path, name: str) -> Iterator[NDArray[Any] | None]:
    """Read the matrix for each frame as it is asked for; None where there is none.

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
                yield matrix[()].T if _matlab_class(path, matrix) in NUMBERS else None
        else:
            for frame in range(len(volume)):
                yield volume[frame].T


def _matlab_class(path: Path, item: Any) -> str:
    """MATLAB's class of an HDF5 object; refuses arrays whose numbers lie in another file."""
    import h5py

    if not isinstance(item, h5py.Dataset):
        return "struct"  # or a sparse matrix, an object, a function handle
    if item.is_virtual or item.external:
        raise InputError(path, "holds an array that lies in another file", _RESTORE)
    kind = item.attrs.get("MATLAB_class", b"")
    return kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
