"""Alarms on stdout, whose reader may be slow, or stop reading, or be gone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from crossvad.live.handing import Handing


class StandardOutput(Handing):
    """Prints lines. Where a disk has no room for one, it is told on stderr instead."""

    most = 10_000  # lines of a film come as fast as it is read, and are worth their 3 MB

    def __init__(self, gone: Callable[[], None], tell: Callable[[str], None]) -> None:
        """Begin.

        Args:
            gone: called when nobody is left who reads stdout.
            tell: called with what an operator should know, also from a thread of its own.
        """
        self._gone = gone
        super().__init__("stdout", "printed", tell)

    def handed(self, line: str) -> str:
        """Print a line."""
        try:
            print(line, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._gone()
        except OSError as error:
            self._tell(f"an alarm could not be written to stdout ({error.strerror}): {line}")
        return ""
