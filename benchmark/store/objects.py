"""Files below a URL, read and written by fsspec: an object store, a web server, a folder, whatever it knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec.asyn import AsyncFileSystem

from crossvad.datasets.errors import InputError, masked
from crossvad.datasets.readers.patience import patience
from crossvad.store.urls import needed_for

PAUSES = (1.0, 2.0, 4.0)  # seconds before another try
RESTS = 60.0  # seconds after a failure in which nothing is tried twice, so that work goes on
SILENCE = 20.0  # seconds that a web server may say nothing, unless $CROSSVAD_PATIENCE says how many
WEB = ("http://", "https://")
PIECE = 2**20  # bytes
FINAL = (PermissionError, NotImplementedError, TypeError, ValueError)  # trying again does not help
REFUSED = (401, 403, 405, 501)  # nor where a web server answers so
Done = TypeVar("Done")


class Unreachable(InputError):
    """A URL that could not be read or written, tried a few times."""


class Objects:
    """What lies below a URL, by names that begin there: runs/cells/KEY/record.json."""

    def __init__(self, url: str) -> None:
        """Find what reads such URLs; nothing is read yet.

        Raises:
            InputError: there is no such kind of URL, a package is missing that reads it, or $CROSSVAD_PATIENCE is no
                number of seconds.
        """
        self.url = masked(url.rstrip("/"))  # as it may be told
        self._patience = patience(SILENCE) if url.startswith(WEB) else None  # others have one of their own
        try:
            made: dict[str, Any] = {"auto_mkdir": True} if url.startswith(("file:", "local:")) else {}
            made |= _patient(self._patience) if self._patience else {}
            files, root = fsspec.url_to_fs(url.rstrip("/"), **made)
        except ImportError as error:
            problem = f"needs a package that is not installed ({error})"
            raise InputError(self.url, problem, needed_for(url)) from error
        except Exception as error:  # some look at the server at once
            raise InputError(
                self.url, f"cannot be read ({masked(str(error))})", "name a folder, or a URL such as s3://…"
            ) from error
        self._files, self._root = files, root.rstrip("/")
        self._failed = float("-inf")  # when

    def names(self, folder: str) -> list[str]:
        """What a folder holds, files and folders; nothing where there is none.

        Raises:
            Unreachable: it cannot be listed.
        """
        try:
            self._files.invalidate_cache()  # others write there
            listed = self._tried(lambda: self._files.ls(self._at(folder), detail=False))
        except FileNotFoundError:
            return []
        return sorted({str(path).rstrip("/").rpartition("/")[2] for path in listed})

    def read(self, name: str, most: int) -> bytes:
        """Read a file of at most so many bytes.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is larger.
            Unreachable: it cannot be read.
        """
        parts: list[bytes] = []
        self._tried(lambda: self._stream(name, most, parts.append, parts.clear))
        return b"".join(parts)

    def fetch(self, name: str, path: Path, most: int) -> None:
        """Copy a file of at most so many bytes to this machine.

        Raises:
            FileNotFoundError, ValueError, Unreachable: as `read`.
            OSError: it cannot be written here.
        """
        with path.open("wb") as file:

            def anew() -> None:
                file.seek(0)
                file.truncate()

            self._tried(lambda: self._stream(name, most, file.write, anew))

    def put(self, path: Path, name: str) -> None:
        """Copy a file of this machine there, in place of what is there.

        Raises:
            Unreachable: it cannot be written.
        """
        self._written(name, lambda at: self._files.put_file(str(path), at))

    def write(self, name: str, content: bytes) -> None:
        """Put a small file there, in place of what is there.

        Raises:
            Unreachable: it cannot be written.
        """
        self._written(name, lambda at: self._files.pipe_file(at, content))

    def create(self, name: str, content: bytes) -> bool:
        """Put a small file there unless one is there; returns whether that was so.

        Raises:
            Unreachable: it cannot be written.
        """
        try:
            self._written(name, lambda at: self._files.pipe_file(at, content, mode="create"))
        except FileExistsError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            Unreachable: it cannot be removed.
        """
        with suppress(FileNotFoundError):
            self._tried(lambda: self._files.rm_file(self._at(name)))

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _stream(self, name: str, most: int, take: Callable[[bytes], Any], anew: Callable[[], Any]) -> None:
        """Read a file piece by piece, and no more of it than is wanted, whatever its server says of its size."""
        anew()
        size = 0
        with self._files.open(self._at(name), "rb") as file:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > most:
                    raise TooLarge(f"{name} is larger than {most >> 20} MB")
                take(piece)

    def _written(self, name: str, write: Callable[[str], Any]) -> None:
        at = self._at(name)

        def make() -> None:
            try:
                write(at)
            except FileNotFoundError:
                if isinstance(self._files, AsyncFileSystem):  # of objects: without folders, and it might make a bucket
                    raise
                self._files.makedirs(at.rpartition("/")[0], exist_ok=True)
                write(at)

        try:
            self._tried(make)
        except FileNotFoundError as error:
            raise self._unreachable(error, "written") from error

    def _tried(self, do: Callable[[], Done]) -> Done:
        """Do something, again after a while where it failed by a fault of the network that does not take long.

        Raises:
            FileNotFoundError, FileExistsError, ValueError: as it was raised.
            Unreachable: it failed in other ways.
        """
        resting = time.monotonic() - self._failed < RESTS
        for pause in (*(() if resting else PAUSES), None):
            try:
                return do()
            except (FileExistsError, TooLarge):
                raise
            except FINAL as error:
                raise self._unreachable(error, "read or written") from error
            except Exception as error:  # packages of many hands: whatever they raise is a fault of the way there
                if getattr(error, "status", None) in REFUSED:
                    raise self._unreachable(error, "read or written") from error
                if isinstance(error, FileNotFoundError) and not _of_the_network(error.__cause__):
                    raise
                if self._patience and any(isinstance(each, TimeoutError) for each in (error, error.__cause__)):
                    self._failed = time.monotonic()
                    fix = "look at the URL and the network; a slow server may need more: CROSSVAD_PATIENCE=SECONDS"
                    raise Unreachable(self.url, f"gave no sign of life for {self._patience:g} s", fix) from error
                if pause is None:
                    self._failed = time.monotonic()
                    how = "reached" if isinstance(error, OSError) else "read or written"
                    raise self._unreachable(error, how) from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, error: Exception, how: str) -> Unreachable:
        reason = masked(" ".join(str(error).split()))[:200] or type(error).__name__
        fix = "look at the URL, the network and your rights there, and say the same again"
        return Unreachable(self.url, f"cannot be {how} ({reason})", fix)


class TooLarge(ValueError):
    """A file that is larger than such a file can be."""


def _patient(seconds: float) -> dict[str, Any]:
    """What fsspec is to be told of a web server: how long it may be silent; it may take as long as it likes to send.

    Raises:
        ImportError: the package is missing that reads the web.
    """
    from aiohttp import ClientTimeout

    return {"client_kwargs": {"timeout": ClientTimeout(total=None, sock_connect=seconds, sock_read=seconds)}}


def _of_the_network(cause: BaseException | None) -> bool:
    """Whether a file is only said to be missing because nobody answered, as fsspec says it of the web."""
    return isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)
