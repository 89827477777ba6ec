"""What the readers share: files told apart by what they are and by what they are right now, and where caches lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from crossvad.datasets.errors import InputError


def cache_root() -> Path:
    """$CROSSVAD_CACHE, else $XDG_CACHE_HOME/crossvad, else ~/.cache/crossvad."""
    if root := os.environ.get("CROSSVAD_CACHE"):
        return Path(root).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "crossvad"


def digest(parts: Sequence[str]) -> str:
    """SHA-256 of some texts, in hex."""
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def stat(path: Path) -> os.stat_result:
    """A file's size and times.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        return path.stat()
    except OSError as error:
        raise InputError(path, f"cannot be opened ({error.strerror})", "restore it") from error


@contextmanager
def parsing(path: Path, damaged: str, fix: str) -> Iterator[None]:
    """Damaged bytes make parsers raise nearly anything: turn it into an InputError, `damaged` with the reason."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(path, f"{damaged} ({reason})", fix) from error


def stamp(path: Path) -> str:
    """Absolute path, size and modification time: changes when the file does."""
    found = stat(path)
    return f"{path.absolute()} {found.st_size} {found.st_mtime_ns}"


def walk(directory: Path, skip: Collection[str] = ()) -> Iterator[Path]:
    """Every file at any depth, but none in hidden folders or those called as in `skip`. Follows links, each once.

    Raises:
        InputError: a folder cannot be listed.
    """
    seen: set[Path] = set()
    waiting = [directory]
    while waiting:
        folder = waiting.pop()
        if (real := folder.resolve()) in seen:  # a link to a parent would go round forever
            continue
        seen.add(real)
        for path in sorted(listing(folder)):
            if path.is_file():
                yield path
            elif path.is_dir() and path.name not in skip:
                waiting.append(path)


def listing(directory: Path) -> list[Path]:
    """Everything in a directory but hidden files, among them the `._*` files that macOS leaves behind.

    Raises:
        InputError: it cannot be listed.
    """
    try:
        return [path for path in directory.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(directory, f"cannot be listed ({error.strerror})", "name an existing directory") from error
