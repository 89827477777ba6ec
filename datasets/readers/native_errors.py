"""What decoders in C and C++ print by themselves: kept from the terminal, and handed to whoever reports the error.

libtiff and decord write straight to file descriptor 2, past `sys.stderr`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from typing import IO

STDERR = 2

_lock = threading.Lock()
_inside = 0  # threads that decode right now: the first of them opens the capture, and the last closes it
_capture = ExitStack()
_kept: IO[bytes]


@contextmanager
def kept_quiet() -> Iterator[Callable[[], str]]:
    """Keep file descriptor 2 from the terminal meanwhile; what Python itself prints still gets there.

    Yields what reads all that was written there since, by this thread or by one that decodes beside it.
    """
    global _inside
    with _lock:
        if not _inside:
            _open()
        _inside += 1
        begin = _kept.seek(0, os.SEEK_END)
    try:
        yield lambda: _written(begin)
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _capture.close()


def _written(begin: int) -> str:
    return os.pread(_kept.fileno(), 2**16, begin).decode(errors="replace")


def _open() -> None:
    """Lead descriptor 2 to a nameless file, and `sys.stderr` to where the descriptor led before."""
    global _kept
    _kept = _capture.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    terminal = os.dup(STDERR)
    if _python_writes_there():
        sys.stderr.flush()
        _capture.enter_context(redirect_stderr(_capture.enter_context(os.fdopen(os.dup(terminal), "w", 1))))
    _capture.callback(os.close, terminal)
    _capture.callback(os.dup2, terminal, STDERR)
    os.dup2(_kept.fileno(), STDERR)


def _python_writes_there() -> bool:
    """Whether `sys.stderr` is descriptor 2, and not something in its place, as in a notebook."""
    try:
        return sys.stderr.fileno() == STDERR
    except (OSError, ValueError, AttributeError):
        return False
