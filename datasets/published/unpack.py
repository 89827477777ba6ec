"""Unpacking a downloaded archive: nothing outside the folder, and where it stopped it goes on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from crossvad.datasets.errors import InputError
from crossvad.datasets.published.archives import FETCH_AGAIN, PIECE, Member, opened
from crossvad.datasets.readers.file_identity import digest, parsing, room


def members_size(archive: Path) -> int:
    """Count the bytes that a zip, tar or compressed tar takes unpacked. Reads a compressed tar through for it.

    Raises:
        InputError: whatever `unpack` would refuse without a look at the disk.
    """
    with opened(archive) as files:
        return sum(file.size for file in files.values())


def unpack(
    archive: Path,
    into: Path,
    progress: Callable[[int, int, str], None] = lambda done, of, member: None,
) -> None:
    """Unpack a zip, tar or compressed tar below a folder, which is made if need be.

    Keeps files that are there in the right size, so that a killed run goes on where it stopped, and one that another
    runs beside does nothing twice. Unpacks links as copies of what they point to, and leaves out empty folders and what
    macOS adds. Calls `progress(bytes done, of, member)`.

    Raises:
        InputError: before anything is written: the archive is missing, damaged or encrypted, has a member that would
            leave the folder or is a device, or the disk lacks room. Later: the data of a member are damaged, or it
            cannot be written. Names the archive and the member.
    """
    with opened(archive) as files, ExitStack() as stack:
        of, free = sum(file.size for file in files.values()), room(into)
        needed = sum(files[path].size for path in _missing(files, into))
        if needed > free:
            problem = f"has room for {free / 1e9:.2f} GB, and {archive} needs {needed / 1e9:.2f} GB more"
            raise InputError(into, problem, "make room, or unpack it on another disk")
        stack.enter_context(_alone_in(into, lambda: progress(0, of, "another process unpacks there")))
        todo = _missing(files, into)
        done = 0
        for path, file in files.items():
            if path not in todo:
                done += file.size
                progress(done, of, path)
                continue
            with closing(_write(archive, path, file, into / path)) as written:
                for count in written:
                    done += count
                    progress(done, of, path)


@contextmanager
def _alone_in(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Wait for another process that unpacks into a folder, which is made if need be: two would write to one file."""
    with ExitStack() as stack:
        with suppress(OSError):  # no such folder can be made, which writing will tell, or there are no locks
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _missing(files: Mapping[str, Member], into: Path) -> set[str]:
    """Paths of the files that are still to be written."""
    return {path for path, file in files.items() if not _is_there(into / path, file.size)}


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:  # such as a name too long: writing it will tell
        return False


def _write(archive: Path, name: str, member: Member, path: Path) -> Generator[int]:
    """Write a file under another name and rename it: a killed run leaves none that seems complete. Yields bytes."""
    part = path.with_name(f".{digest([path.name])[:16]}.part")  # the same next time, so that it is not left behind
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            for piece in _pieces(archive, name, member):
                file.write(piece)
                yield len(piece)
        part.replace(path)
    except OSError as error:
        problem = f"member {name!r} cannot be written to {path} ({error.strerror or error})"
        raise InputError(archive, problem, "choose a folder that can be written and has room") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _pieces(archive: Path, name: str, member: Member) -> Iterator[bytes]:
    """Read a member's data piece by piece; refuses data that end early."""
    missing = member.size
    with parsing(archive, f"member {name!r} cannot be read", FETCH_AGAIN), member.open() as data:
        while piece := data.read(PIECE):
            missing -= len(piece)
            yield piece
        if missing:
            raise EOFError(f"{missing} bytes are missing")
