"""Work that one process does while others leave it alone, or wait: claimed by a lock on an empty file.

Of processes on one machine, or on several that share a file system with locks. A claim ends with its process, however
that ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun


@contextmanager
def claim(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Claim what a file stands for, which is there for as long; yields whether that could be done.

    On a file system without locks it always can.

    Args:
        path: of the file; nothing else may have it open.
        waiting: called if another process holds the claim, which is then waited for; None: not waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _locked(path, waiting)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            path.unlink(missing_ok=True)  # before it is given back: whoever waits for it sees that it is gone
            os.close(lock)


def is_held(path: Path) -> bool:
    """Whether a process that lives holds a claim, as far as a look tells: where there are no locks, if it is there."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _locked(path: Path, waiting: Callable[[], None] | None) -> int | None:
    """Open and lock a file, made if need be; None where another process has and is not waited for.

    Raises:
        InputError: something else is in its place.
    """
    while True:
        try:
            lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EISDIR):
                raise
            fix = "remove it, or name another " + noun("results") + " folder"
            raise InputError(path, "is no claim", fix) from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting is None:
                    os.close(lock)
                    return None
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:  # there are no locks there
                return lock
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), path.stat()):
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # of a file that was removed meanwhile
