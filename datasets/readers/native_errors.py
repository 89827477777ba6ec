"""What decoders in C and C++ print by themselves: kept from the terminal, and handed to whoever reports the error.

libtiff and decord write straight to file descriptor 2, past `sys.stderr`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TextIO

STDERR = 2
# What the lines of decord and of libtiff begin with. All others are let through, if a little late.
NOISE = re.compile(rb"\[\d\d:\d\d:\d\d\] |\w*(TIFF|Decode|Fax|LZW|ZIP|JPEG|Predictor)\w*: ")


@contextmanager
def kept_quiet() -> Iterator[Callable[[], str]]:
    """Keep what decoders print from the terminal meanwhile; what Python prints still gets there.

    Yields what reads all that was printed since, by a decoder in this thread or in one that decodes beside it.
    """
    kept, begin = _capture.enter()
    try:
        yield lambda: os.pread(kept.fileno(), 2**16, begin).decode(errors="replace")
    finally:
        _capture.leave()


class _Capture:
    """Descriptor 2 led to a nameless file while any thread decodes."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._kept: IO[bytes]
        self._terminal = -1  # a descriptor of where 2 led before
        self._python: TextIO | None = None  # to where 2 led before; never closed, as any thread may be about to print
        self._replaced: TextIO | None = None  # the `sys.stderr` that it stands in for

    def enter(self) -> tuple[IO[bytes], int]:
        """Open the capture unless it is; returns its file, and where in it the next line will begin."""
        with self._lock:
            if not self._inside:
                self._open()
            self._inside += 1
            return self._kept, self._kept.seek(0, os.SEEK_END)

    def leave(self) -> None:
        """Close the capture if no other thread is inside."""
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._close()

    def _open(self) -> None:
        self._kept = tempfile.TemporaryFile()  # noqa: SIM115
        self._terminal = os.dup(STDERR)
        if _python_writes_there():
            sys.stderr.flush()
            if self._python is None:
                self._python = os.fdopen(os.dup(STDERR), "w", buffering=1, errors="backslashreplace")
            os.dup2(STDERR, self._python.fileno(), inheritable=False)
            self._replaced, sys.stderr = sys.stderr, self._python
        os.dup2(self._kept.fileno(), STDERR)

    def _close(self) -> None:
        if self._replaced is not None and sys.stderr is self._python:
            sys.stderr = self._replaced
        self._replaced = None
        os.dup2(self._terminal, STDERR)
        os.close(self._terminal)
        self._kept.seek(0)
        for line in self._kept:
            if not NOISE.match(line):
                os.write(STDERR, line)
        self._kept.close()


def _python_writes_there() -> bool:
    """Whether `sys.stderr` is descriptor 2, and not something in its place, as in a notebook."""
    try:
        return sys.stderr.fileno() == STDERR
    except (OSError, ValueError, AttributeError):
        return False


_capture = _Capture()
