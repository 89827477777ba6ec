"""How what people look at becomes a file: whole, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crossvad.datasets.errors import InputError


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
        raise InputError(path, f"cannot be written ({error.strerror})", "name another place with --out") from error
