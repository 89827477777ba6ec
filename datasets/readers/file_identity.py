"""What the readers share: files told apart by content and by their state right now, and where caches lie."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat as modes
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from crossvad.datasets.errors import InputError


def cache_root() -> Path:
    """The folder that caches lie in: $CROSSVAD_CACHE, else $XDG_CACHE_HOME/crossvad, else ~/.cache/crossvad."""
    if root := os.environ.get("CROSSVAD_CACHE"):
        return Path(root).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "crossvad"


def digest(parts: Sequence[str]) -> str:
    """Hash some texts: SHA-256, in hex."""
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def stat(path: Path) -> os.stat_result:
    """Read a file's size and times.

    Raises:
        InputError: the file cannot be opened.
    """
    with _opening(path):
        return path.stat()


def content(path: Path) -> str:
    """Hash what a small file holds: SHA-256, in hex.

    Raises:
        InputError: the file cannot be opened.
    """
    with _opening(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(path, f"cannot be opened ({error.strerror})", "restore it") from error


def demand_utf8(path: Path) -> None:
    """Refuse a name that is not UTF-8, as in archives of old: no decoder opens it, and no digest is of it.

    Raises:
        InputError: the path, or a folder of it, has such a name.
    """
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError as error:
        fix = "rename it; convmv -r -f latin1 -t utf8 renames what is in a folder"
        raise InputError(path, "has a name that is not UTF-8", fix) from error


def small_text(path: Path, most: int = 2**26) -> str:
    """Read a text file of at most so many bytes, in UTF-8; its line ends as they are.

    Raises:
        OSError: it cannot be read, is larger, or is no plain file: a pipe would be waited for.
        UnicodeDecodeError: it is not UTF-8.
    """
    status = path.stat()
    if not modes.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no plain file", str(path))
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MB", str(path))
    return path.read_bytes().decode("utf-8")


@contextmanager
def parsing(path: Path, damaged: str, fix: str) -> Iterator[None]:
    """Turn whatever a parser raises at damaged bytes into an InputError: `damaged`, with the reason."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(path, f"{damaged} ({reason})", fix) from error


def stamp(path: Path) -> str:
    """Join a file's absolute path, size and modification time: changes when the file does."""
    status = stat(path)
    return f"{path.absolute()} {status.st_size} {status.st_mtime_ns}"


def walk(directory: Path, skip: Collection[str] = ()) -> Iterator[Path]:
    """List every file at any depth, but none in hidden folders or those called as in `skip`. Follows links, each once.

    Raises:
        InputError: a folder cannot be listed.
    """
    visited: set[Path] = set()
    waiting = [directory]
    while waiting:
        folder = waiting.pop()
        if (real := folder.resolve()) in visited:  # a link to a parent would go round forever
            continue
        visited.add(real)
        for path in sorted(listing(folder)):
            if path.is_file():
                yield path
            elif path.is_dir() and path.name not in skip:
                waiting.append(path)


def room(folder: Path) -> int:
    """Measure the bytes that a folder, which need not be there yet, has room for."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    return shutil.disk_usage(existing).free


def listing(directory: Path) -> list[Path]:
    """List a directory without its hidden files, among them the `._*` files that macOS leaves behind.

    Raises:
        InputError: the directory cannot be listed.
    """
    try:
        return [path for path in directory.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(directory, f"cannot be listed ({error.strerror})", "name an existing directory") from error
