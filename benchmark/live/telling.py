"""What a watch says on stderr, which it outlives."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Any, cast

from rich.console import Console

from crossvad.execution.progress import Reporter


class Lasting:
    """A text file that may fail, as its disk is full or its reader gone: what it does not take is lost, and no more."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write what can be written; rich would end the process, or the thread that speaks, where nothing can."""
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Likewise."""
        with suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        """All else is the file's own: whether it is a terminal, its encoding."""
        return getattr(self._file, name)


def lasting_reporter(quiet: bool = False) -> Reporter:
    """Tell on stderr what goes on, whatever becomes of that."""
    file = cast(IO[str], Lasting(Console(stderr=True).file))
    return Reporter(Console(file=file, emoji=False), quiet)
