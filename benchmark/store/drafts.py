"""Drafts: directories that are written beside their place, and what killed processes leave of them.

A draft is locked for as long as its process lives: one that nobody holds was left behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = re.compile(r"\.(metrics|[0-9a-f]{16}[\w-]*)-[a-z0-9_]{8}")  # of drafts; other hidden folders are not ours
BESIDE, WITHIN = ".*", "*/.*"  # where drafts lie: in a folder itself, or in those in it


@contextmanager
def drafting(parent: Path, name: str) -> Iterator[Path]:
    """Make a directory to write in, named after what it becomes; whatever is still there in the end is removed."""
    draft, lock = _made(parent, name)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(lock)


def put_in_place(draft: Path, place: Path) -> None:
    """Rename a directory into its place, instead of what is there: an older result, or a twin's that came first.

    What it holds is on the disk by then. Only an empty directory can be renamed over, so the old one steps aside;
    another process may do the same meanwhile.
    """
    for path in draft.rglob("*"):
        if path.is_file():
            have_on_disk(path)
    if place.is_symlink():  # of whoever made the folder: what it leads to is not ours
        place.unlink()
    while True:
        try:
            draft.replace(place)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        step_aside(place)


def have_on_disk(path: Path) -> None:
    """Have a file on the disk before it is given its name: of what is not, a power cut leaves the name, and no byte."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def step_aside(place: Path) -> None:
    """Remove a directory, first from its place, so that a reader finds all of it or nothing; a link by itself."""
    if place.is_symlink():
        place.unlink()
        return
    old = Path(tempfile.mkdtemp(prefix=f".{place.name}-old-", dir=place.parent))
    with suppress(FileNotFoundError):  # another process was quicker
        place.replace(old)
    shutil.rmtree(old, ignore_errors=True)  # or a sweep was


def replace_text(path: Path, text: str) -> bool:
    """Put a text in place of a file, whole or not at all. Returns whether that could be done."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with drafting(path.parent, path.stem) as folder:
            draft = folder / path.name
            draft.write_text(text)
            draft.replace(path)
        return True
    return False


def sweep(root: Path, where: Sequence[str] = (BESIDE, WITHIN)) -> list[str]:
    """Remove the drafts below a store's folder that nobody writes any more. Returns their names as seen from there."""
    swept = []
    for draft in _drafts(root, where):
        with claimed(draft) as free:
            if free:
                shutil.rmtree(draft, ignore_errors=True)
                swept.append(str(draft.relative_to(root)))
    return swept


def abandoned(root: Path, where: Sequence[str] = (BESIDE, WITHIN)) -> list[Path]:
    """The drafts below a store's folder that nobody writes any more."""
    found = []
    for draft in _drafts(root, where):
        with claimed(draft) as free:
            found += [draft] if free else []
    return found


def _drafts(root: Path, where: Sequence[str]) -> list[Path]:
    hidden = [path for pattern in where for path in sorted(root.glob(pattern))]
    return [path for path in hidden if NAME.fullmatch(path.name) and path.is_dir()]


def _made(parent: Path, name: str) -> tuple[Path, int]:
    """A draft and its lock; another one where a sweep came between the two."""
    while True:
        draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
        try:
            lock = os.open(draft, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with suppress(OSError):  # a file system without locks: nothing on it is ever swept
            fcntl.flock(lock, fcntl.LOCK_EX)
        if draft.is_dir():
            return draft, lock
        os.close(lock)


@contextmanager
def claimed(draft: Path) -> Iterator[bool]:
    """Lock a draft, if no living process holds it; says whether that was so. Nobody else can take it meanwhile."""
    try:
        lock = os.open(draft, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        os.close(lock)
