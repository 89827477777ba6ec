"""Unpacking a downloaded archive: nothing outside the folder, and where it stopped it goes on."""

from __future__ import annotations

import posixpath
import re
import shutil
import stat as modes
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from tarfile import TarFile, TarInfo
from typing import IO, Literal
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import digest, parsing, stat

_Kind = Literal["file", "folder", "link", "other"]

_PIECE = 2**20  # bytes
_AGAIN = "fetch it again"
_DISTRUST = "fetch the official archive"


def members_size(archive: Path) -> int:
    """Bytes that a zip, tar or compressed tar takes unpacked. A compressed tar is read through for it.

    Raises:
        InputError: whatever `unpack` would refuse without a look at the disk.
    """
    with _opened(archive) as files:
        return sum(file.size for file in files.values())


def unpack(
    archive: Path,
    into: Path,
    progress: Callable[[int, int, str], None] = lambda done, of, member: None,
) -> None:
    """Unpack a zip, tar or compressed tar below a folder, which is made if need be.

    Files that are there in the right size are kept, so that a killed run goes on where it stopped. Links are unpacked
    as copies of what they point to, empty folders and what macOS adds not at all. Calls `progress(bytes done, of,
    member)`.

    Raises:
        InputError: before anything is written: the archive is missing, damaged or encrypted, has a member that would
            leave the folder or is a device, or the disk lacks room. Later: the data of a member are damaged, or it
            cannot be written. Names the archive and the member.
    """
    with _opened(archive) as files:
        todo = {place for place, file in files.items() if not _is_there(into / place, file.size)}
        of, needed, free = (
            sum(file.size for file in files.values()),
            sum(files[place].size for place in todo),
            _free(into),
        )
        if needed > free:
            problem = f"has room for {free / 1e9:.2f} GB, and {archive} needs {needed / 1e9:.2f} GB more"
            raise InputError(into, problem, "make room, or unpack it on another disk")
        done = 0
        for place, file in files.items():
            if place not in todo:
                done += file.size
                progress(done, of, place)
                continue
            with closing(_write(archive, place, file, into / place)) as written:
                for count in written:
                    done += count
                    progress(done, of, place)


@dataclass(frozen=True)
class _Member:
    """What an archive says of a member."""

    name: str
    kind: _Kind
    size: int  # bytes
    open: Callable[[], IO[bytes]]
    target: str = ""  # of a link: a path from where the archive begins


@contextmanager
def _opened(archive: Path) -> Iterator[dict[str, _Member]]:
    """What to write where below the folder, ready to be read."""
    if stat(archive).st_size == 0:
        raise InputError(archive, "is empty", _AGAIN)
    with ExitStack() as stack:
        with parsing(archive, "is cut short, damaged or neither zip nor tar", _AGAIN):
            with archive.open("rb") as file:
                zipped = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
            members = (
                _zip_members(archive, stack.enter_context(ZipFile(archive)))
                if zipped
                else _tar_members(stack.enter_context(tarfile.open(archive)))
            )
            files = _placed(archive, members)
        if not files:
            raise InputError(archive, "holds no file", _AGAIN)
        yield files


def _placed(archive: Path, members: Iterable[_Member]) -> dict[str, _Member]:
    """The files by their path below the folder, links as what they point to; refuses whatever does not belong there."""
    found: dict[str, _Member] = {}
    for member in members:
        place = _place(archive, member.name)
        if member.kind == "other":
            raise InputError(archive, f"member {member.name!r} is neither file nor folder nor link", _DISTRUST)
        if member.kind == "folder" or "__MACOSX" in place.split("/") or posixpath.basename(place).startswith("._"):
            continue
        if not place:
            raise InputError(archive, f"member {member.name!r} is a file without a name", _DISTRUST)
        found.pop(place, None)  # a later member replaces an earlier one, and is read where it lies
        found[place] = member
    return {place: _followed(archive, found, place) for place in found}


def _place(archive: Path, name: str) -> str:
    """`a/b` for `./a//b`; refuses what would leave the folder on any system."""
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or re.search(r"^[A-Za-z]:|[\\\0]", name):
        raise InputError(archive, f"member {name!r} would be written outside the folder", _DISTRUST)
    return "/".join(parts)


def _followed(archive: Path, found: dict[str, _Member], place: str) -> _Member:
    """The file behind a link. No link is ever made, so that nothing can be written through one."""
    member, passed = found[place], {place}
    while member.kind == "link":
        if member.target not in found or member.target in passed:
            problem = f"member {place!r} links to {member.target!r}, which is no file in it"
            raise InputError(archive, problem, _DISTRUST)
        passed.add(member.target)
        member = found[member.target]
    return member


# ---- zip -------------------------------------------------------------------------------------------------------------


def _zip_members(path: Path, archive: ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if info.flag_bits & 1:
            raise InputError(path, f"member {info.filename!r} is encrypted", "unpack it by hand")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA):
            problem = f"member {info.filename!r} is compressed in a way that Python cannot read"
            raise InputError(path, problem, "unpack it by hand")
        mode = modes.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made on Unix
        kind: _Kind = "file" if mode in (0, modes.S_IFREG) else "other"
        target = ""
        if info.filename.endswith("/") or mode == modes.S_IFDIR:
            kind = "folder"
        elif mode == modes.S_IFLNK:
            kind, target = "link", _beside(info.filename, _link_text(archive, info))
        yield _Member(info.filename, kind, info.file_size, partial(archive.open, info), target)


def _link_text(archive: ZipFile, info: ZipInfo) -> str:
    with archive.open(info) as file:
        return file.read(4096).decode(errors="surrogateescape")


# ---- tar -------------------------------------------------------------------------------------------------------------


def _tar_members(archive: TarFile) -> Iterator[_Member]:
    """`tarfile.data_filter` would not do: it strips what is absolute and, before 3.11.13, lets some links out."""
    for info in archive:
        if info.size < 0:
            raise ValueError("a negative size")  # tarfile would go round in circles
        kind: _Kind = "file" if info.isreg() else "other"
        target = ""
        if info.isdir():
            kind = "folder"
        elif info.issym():
            kind, target = "link", _beside(info.name, info.linkname)
        elif info.islnk():
            kind, target = "link", posixpath.normpath(info.linkname)
        yield _Member(info.name, kind, info.size, partial(_tar_data, archive, info), target)
    # A damaged header, or none any more, is the end to tarfile.
    data = archive.fileobj
    assert data
    data.seek(archive.offset)
    if data.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise ValueError("it does not end as a tar does")
    while data.read(_PIECE):  # gzip compares its checksum at the very end
        pass


def _tar_data(archive: TarFile, info: TarInfo) -> IO[bytes]:
    data = archive.extractfile(info)
    assert data  # a file, not a folder
    return data


def _beside(name: str, target: str) -> str:
    """Where a symbolic link points to, from where the archive begins."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


# ---- the disk --------------------------------------------------------------------------------------------------------


def _free(folder: Path) -> int:
    """Bytes that a folder, which need not be there yet, has room for."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    return shutil.disk_usage(place).free


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:  # such as a name too long: writing it will tell
        return False


def _write(archive: Path, place: str, member: _Member, path: Path) -> Generator[int]:
    """Write a file under another name and rename it: a killed run leaves none that seems complete. Yields bytes."""
    part = path.with_name(f".{digest([path.name])[:16]}.part")  # the same next time, so that it is not left behind
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            for piece in _pieces(archive, place, member):
                file.write(piece)
                yield len(piece)
        part.replace(path)
    except OSError as error:
        problem = f"member {place!r} cannot be written to {path} ({error.strerror or error})"
        raise InputError(archive, problem, "choose a folder that can be written and has room") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _pieces(archive: Path, place: str, member: _Member) -> Iterator[bytes]:
    missing = member.size
    with parsing(archive, f"member {place!r} cannot be read", _AGAIN), member.open() as data:
        while piece := data.read(_PIECE):
            missing -= len(piece)
            yield piece
        if missing:
            raise EOFError(f"{missing} bytes are missing")
