"""What a watch says on stderr, which it outlives."""

from __future__ import annotations

import select
from contextlib import suppress
from typing import IO, Any, cast

from rich.console import Console

from crossvad.execution.progress import Reporter

AT_ONCE = 1000  # letters, of at most 4 bytes: a pipe that takes anything takes 4096
PATIENCE = 1.0  # seconds that a full pipe is waited for, once, until it takes something again


class Lasting:
    """A text file that may fail: its disk is full, its reader gone, stuck, or slow for a second. What it does not take
    is lost, and no more."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._patience = file, PATIENCE

    def write(self, text: str) -> int:
        """Write what can be written; rich would end the process, or the thread that speaks, where nothing can."""
        with suppress(OSError):
            for start in range(0, len(text), AT_ONCE):
                if not self._takes():
                    break
                self._file.write(text[start : start + AT_ONCE])
                self._file.flush()
        return len(text)

    def flush(self) -> None:
        """Likewise."""
        with suppress(OSError):
            if self._takes():
                self._file.flush()

    def _takes(self) -> bool:
        """Whether a line can be written at once, or soon: a pipe that is full would block whoever speaks."""
        try:
            taken = bool(select.select([], [self._file], [], self._patience)[1])
        except (OSError, ValueError):  # it is no file of the system's, or one of a system that cannot tell
            return True
        self._patience = PATIENCE if taken else 0.0
        return taken

    def __getattr__(self, name: str) -> Any:
        """All else is the file's own: whether it is a terminal, its encoding."""
        return getattr(self._file, name)


def lasting_reporter(quiet: bool = False) -> Reporter:
    """Tell on stderr what goes on, whatever becomes of that."""
    file = cast(IO[str], Lasting(Console(stderr=True).file))
    return Reporter(Console(file=file, emoji=False), quiet)
