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
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from pathlib import Path

VERSION = 3  # to be raised with every change of what is remembered, or of what is a sound record
FILE = "index.sqlite"
SETTLED = 3.0  # seconds that a file has to have lain still
PATIENCE = 2.0  # seconds to wait for a process that is writing
COLUMNS = "files (name text primary key, identity text, said text, sum int)"
Seen = tuple[bytes, bytes]  # a file as it was read: its identity, and what of it is remembered
NEVER = (b"", b"")
TABLE = f"create table if not exists {COLUMNS}"


class Index:
    """What is remembered of a store's files, by their names below its results folder."""

    def __init__(self, runs: Path) -> None:
        """Read what there is below this folder."""
        self._path = runs / FILE
        self._seen, self._sound = _read(self._path)
        self._added: dict[str, Seen] = {}

    def said(self, name: str, identity: bytes) -> bytes | None:
        """What a file said, if it is there and the one that was read."""
        known, said = self._seen.get(name, NEVER)
        return said if identity and known == identity else None

    def add(self, name: str, identity: bytes, said: bytes) -> None:
        """Remember what a file says, its identity having been taken before it was read; not yet if it is too fresh."""
        if identity and _settled(identity):
            self._seen[name] = self._added[name] = identity, said

    def save(self, there: Collection[str] = (), below: Collection[str] = ()) -> None:
        """Write what was added, where that can be done, and forget files whose folders are gone.

        Args:
            there: the folders of files that are there.
            below: the folders that all such folders lie in which were looked for; others are not known to be gone.
        """
        gone = [name for name in self._seen if name.partition("/")[0] in below and name.rpartition("/")[0] not in there]
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


def _sum(name: bytes, identity: bytes, said: bytes) -> int:
    return zlib.crc32(b"%b\0%b\0%b" % (name, identity, said))


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
        seen = {name.decode(): (known, said) for name, known, said, total in lines if total == _sum(name, known, said)}
        return seen, len(seen) == len(lines)
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
        (name, known.decode(), said.decode(), _sum(name.encode(), known, said)) for name, (known, said) in added.items()
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
