"""The files in a downloaded zip or tar, as they are to lie below a folder; refuses whatever would lie elsewhere."""

from __future__ import annotations

import posixpath
import re
import stat as modes
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from tarfile import TarFile, TarInfo
from typing import IO, Literal
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import parsing, stat

Kind = Literal["file", "folder", "link", "other"]

PIECE = 2**20  # bytes in memory at once
FETCH_AGAIN = "fetch it again"
DISTRUST = "fetch the official archive"


@dataclass(frozen=True)
class Member:
    """One member of an archive."""

    name: str
    kind: Kind
    size: int  # bytes
    open: Callable[[], IO[bytes]]
    target: str = ""  # of a link: a path from where the archive begins


@contextmanager
def opened(archive: Path) -> Iterator[dict[str, Member]]:
    """Open a zip, tar or compressed tar: its files by their path below a folder, ready to be read.

    Raises:
        InputError: the archive is missing, damaged, empty or encrypted, or has a member that would leave the folder or
            is a device; names the archive and the member.
    """
    if stat(archive).st_size == 0:
        raise InputError(archive, "is empty", FETCH_AGAIN)
    with ExitStack() as stack:
        with parsing(archive, "is cut short, damaged or neither zip nor tar", FETCH_AGAIN):
            with archive.open("rb") as file:
                zipped = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
            members = (
                _zip_members(archive, stack.enter_context(ZipFile(archive)))
                if zipped
                else _tar_members(stack.enter_context(tarfile.open(archive)))
            )
            files = _files(archive, members)
        if not files:
            raise InputError(archive, "holds no file", FETCH_AGAIN)
        yield files


def _files(archive: Path, members: Iterable[Member]) -> dict[str, Member]:
    """The files by their path below the folder, links replaced by what they point to."""
    files: dict[str, Member] = {}
    for member in members:
        path = _inner_path(archive, member.name)
        if member.kind == "other":
            raise InputError(archive, f"member {member.name!r} is neither file nor folder nor link", DISTRUST)
        if member.kind == "folder" or "__MACOSX" in path.split("/") or posixpath.basename(path).startswith("._"):
            continue
        if not path:
            raise InputError(archive, f"member {member.name!r} is a file without a name", DISTRUST)
        files.pop(path, None)  # a later member replaces an earlier one, and is read where it lies
        files[path] = member
    return {path: _followed(archive, files, path) for path in files}


def _inner_path(archive: Path, name: str) -> str:
    """Normalise a member's path, `./a//b` to `a/b`; refuses one that would leave the folder on any system."""
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or re.search(r"^[A-Za-z]:|[\\\0]", name):
        raise InputError(archive, f"member {name!r} would be written outside the folder", DISTRUST)
    return "/".join(parts)


def _followed(archive: Path, files: dict[str, Member], path: str) -> Member:
    """Follow a link to its file. No link is ever made, so that nothing can be written through one."""
    member, passed = files[path], {path}
    while member.kind == "link":
        if member.target not in files or member.target in passed:
            problem = f"member {path!r} links to {member.target!r}, which is no file in it"
            raise InputError(archive, problem, DISTRUST)
        passed.add(member.target)
        member = files[member.target]
    return member


# ---- zip -------------------------------------------------------------------------------------------------------------


def _zip_members(path: Path, archive: ZipFile) -> Iterator[Member]:
    for info in archive.infolist():
        if info.flag_bits & 1:
            raise InputError(path, f"member {info.filename!r} is encrypted", "unpack it by hand")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA):
            problem = f"member {info.filename!r} is compressed in a way that Python cannot read"
            raise InputError(path, problem, "unpack it by hand")
        mode = modes.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made on Unix
        kind: Kind = "file" if mode in (0, modes.S_IFREG) else "other"
        target = ""
        if info.filename.endswith("/") or mode == modes.S_IFDIR:
            kind = "folder"
        elif mode == modes.S_IFLNK:
            kind, target = "link", _beside(info.filename, _link_text(archive, info))
        yield Member(info.filename, kind, info.file_size, partial(archive.open, info), target)


def _link_text(archive: ZipFile, info: ZipInfo) -> str:
    with archive.open(info) as file:
        return file.read(4096).decode(errors="surrogateescape")


# ---- tar -------------------------------------------------------------------------------------------------------------


def _tar_members(archive: TarFile) -> Iterator[Member]:
    """`tarfile.data_filter` would not do: it strips what is absolute and, before 3.11.13, lets some links out."""
    for info in archive:
        if info.size < 0:
            raise ValueError("a negative size")  # tarfile would go round in circles
        kind: Kind = "file" if info.isreg() else "other"
        target = ""
        if info.isdir():
            kind = "folder"
        elif info.issym():
            kind, target = "link", _beside(info.name, info.linkname)
        elif info.islnk():
            kind, target = "link", posixpath.normpath(info.linkname)
        yield Member(info.name, kind, info.size, partial(_tar_data, archive, info), target)
    # A damaged header, or none any more, is the end to tarfile.
    data = archive.fileobj
    assert data
    data.seek(archive.offset)
    if data.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise ValueError("it does not end as a tar does")
    while data.read(PIECE):  # gzip compares its checksum at the very end
        pass


def _tar_data(archive: TarFile, info: TarInfo) -> IO[bytes]:
    data = archive.extractfile(info)
    assert data  # a file, not a folder
    return data


def _beside(name: str, target: str) -> str:
    """Resolve a symbolic link's target to a path from where the archive begins."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
