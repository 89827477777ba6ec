"""What files of a store said when they were last read, so that a table of 10 000 cells need not read them all again.

It lies beside the cells, in runs/index.sqlite, and may be removed at any time: the folders are the truth. What is
remembered of a file counts only while it is the very one that was read (its inode, its size, when it was changed), and
only of files that had lain still for a while by then, as two changes at almost one time look alike. Every line is
summed: what is damaged, or of another version, is read anew. What cannot be written is left, and a folder that is not
there is not made. Several processes may write at a time: each adds what it has read in one transaction.

`bench verify` does not ask it.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

VERSION = 2  # to be raised with every change of what is remembered, or of what is a sound record
FILE = "index.sqlite"
SETTLED = 3.0  # seconds that a file has to have lain still
PATIENCE = 2.0  # seconds to wait for a process that is writing
COLUMNS = "files (name text primary key, identity text, said text, sum int)"
TABLE = f"create table if not exists {COLUMNS}"


class Seen(NamedTuple):
    """A file as it was read."""

    identity: bytes
    said: bytes  # what of it is remembered


class Index:
    """What is remembered of a store's files, by their names below its results folder."""

    def __init__(self, runs: Path) -> None:
        """Read what there is below this folder."""
        self._path = runs / FILE
        self._seen, self._sound = _read(self._path)
        self._added: dict[str, Seen] = {}

    def said(self, name: str, identity: bytes) -> bytes | None:
        """What a file said, if it is there and the one that was read."""
        seen = self._seen.get(name)
        return seen.said if identity and seen is not None and seen.identity == identity else None

    def add(self, name: str, identity: bytes, said: bytes) -> None:
        """Remember what a file says, its identity having been taken before it was read; not yet if it is too fresh."""
        if identity and _settled(identity):
            self._seen[name] = self._added[name] = Seen(identity, said)

    def save(self, is_there: Callable[[str], bool] = lambda name: True) -> None:
        """Write what was added, and forget files that are not there any more, where that can be done."""
        gone = [name for name in self._seen if not is_there(name)]
        if self._added or gone:
            for name in gone:
                del self._seen[name]
            with suppress(sqlite3.OperationalError, OSError):  # locked, or not to be written
                try:
                    if not self._sound:
                        self._path.unlink(missing_ok=True)
                    self._sound = True
                    _write(self._path, self._added, gone)
                except sqlite3.OperationalError:
                    raise
                except sqlite3.DatabaseError:  # damaged where nobody read it
                    self._path.unlink(missing_ok=True)
            self._added = {}


def identity(path: str) -> bytes:
    """What tells a file from any other that was or will be in its place: empty where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of 20 000 files; a `Path` takes longer to make than to look at
    except OSError:
        return b""
    return b"%d %d %d %d" % (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _settled(identity: bytes) -> bool:
    return max(map(int, identity.split()[:2])) < (time.time() - SETTLED) * 1e9


def _sum(name: bytes, seen: Seen) -> int:
    return zlib.crc32(b"\0".join((name, *seen)))


def _read(path: Path) -> tuple[dict[str, Seen], bool]:
    """All that is remembered, and whether the file may be added to."""
    seen: dict[str, Seen] = {}
    if not path.is_file() or path.is_symlink():
        return seen, True
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as base:
            base.text_factory = bytes
            if base.execute("pragma user_version").fetchone() != (VERSION,):
                return seen, False
            kept = base.execute("select type, sql from sqlite_master where sql is not null").fetchall()
            if len(kept) != 1 or kept[0][0] != b"table" or not kept[0][1].endswith(COLUMNS.encode()):
                return seen, False  # a stranger's, which may be anything: a query without an end
            lines = base.execute("select name, identity, said, sum from files").fetchall()
        sound = True
        for name, *told, total in lines:
            if total == _sum(name, each := Seen(*told)):
                seen[name.decode()] = each
            else:
                sound = False
        return seen, sound
    except sqlite3.OperationalError:  # locked, or not to be opened
        return seen, True
    except (sqlite3.DatabaseError, TypeError, ValueError):
        return seen, False


def _write(path: Path, added: Mapping[str, Seen], gone: list[str]) -> None:
    """Add lines, in place of those of the same files, and remove some: all or nothing.

    Raises:
        sqlite3.Error: that cannot be done.
    """
    if not path.parent.is_dir() or path.is_symlink():  # what a link leads to may be anybody's
        return
    texts = [
        (name, each.identity.decode(), each.said.decode(), _sum(name.encode(), each)) for name, each in added.items()
    ]
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as base:
        base.execute("pragma journal_mode = memory")  # a journal that a killed process left would keep readers out
        base.execute("pragma synchronous = off")
        with base:
            base.execute("begin immediate")
            base.execute(TABLE)
            base.execute(f"pragma user_version = {VERSION}")
            base.executemany("insert or replace into files values (?, ?, ?, ?)", texts)
            base.executemany("delete from files where name = ?", [(name,) for name in gone])
