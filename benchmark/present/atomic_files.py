"""How what people look at becomes a file, or a folder of them: whole, or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option

OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # whichever file is named: a copy names what it copies


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write beside a path what takes its place when the block ends well: the file is there whole, or as it was.

    Raises:
        InputError: nothing can be written there; before the block is entered where that can be told.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            yield Path(folder) / path.name
            (Path(folder) / path.name).replace(path)
    except OSError as error:
        raise _told(error, path, "name another place with " + option("out", ...)) from error


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Write beside a path a folder that takes its place, and that of a folder there, when the block ends well.

    Raises:
        InputError: nothing can be written there.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.absolute().parent) as folder:
            draft, old = Path(folder) / "new", Path(folder) / "old"
            draft.mkdir()
            yield draft
            if path.is_dir():
                path.replace(old)
            try:
                draft.replace(path)
            except BaseException:  # such as ctrl-C between the two
                if old.is_dir() and not path.exists():
                    old.replace(path)
                raise
    except OSError as error:
        raise _told(error, path, "name another place") from error


def _told(error: OSError, path: Path, elsewhere: str) -> InputError:
    """Say of which file an error is: of one that the block read, or of the place that it writes to."""
    reason, named, place = error.strerror or str(error), error.filename, path.absolute()
    if error.errno not in OF_WRITING and isinstance(named, str | os.PathLike):
        ours = f"{place}/", f"{place.parent / f'.{path.name}-'}"
        if not f"{Path(named).absolute()}/".startswith(ours):
            return InputError(named, f"cannot be read ({reason})", "look at that file, and at your rights to it")
    return InputError(path, f"cannot be written ({reason})", elsewhere)
