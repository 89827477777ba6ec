"""How far runs are that are going on: what each writes for others to read, below runs/status."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from crossvad.datasets.readers.file_identity import small_text
from crossvad.store.drafts import replace_text
from crossvad.store.store import Store, now_in_words

KIND = "status"
EVERY = 1.0  # seconds between two writes


@dataclass
class Standing:
    """How far a run is."""

    command: str
    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    began: str = field(default_factory=now_in_words)
    cells: int = 0  # that are to be run
    done: int = 0  # of them
    seconds: float = 0.0  # since it began with them
    ends: float | None = None  # how many of these it may take in all; None: nothing tells
    now: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # what it is at: done, of, note


class StandingFile:
    """Keeps a run's standing on disk, written now and then."""

    def __init__(self, store: Store, standing: Standing) -> None:
        self.path, self.standing = store.place(KIND, f"{secrets.token_hex(8)}.json"), standing
        self._begun, self._last = time.monotonic(), 0.0

    def begin(self) -> None:
        """Count seconds from now on."""
        self._begun = time.monotonic()

    def expect(self, left: float | None) -> None:
        """Say how many seconds it may take from now on; None: nothing tells."""
        self.standing.ends = None if left is None else time.monotonic() - self._begun + left

    def write(self, at_once: bool = False) -> None:
        """Write it, unless that was done a moment ago; where it cannot be written, nothing is said of this run."""
        moment = time.monotonic()
        if at_once or moment - self._last >= EVERY:
            self._last, self.standing.seconds = moment, moment - self._begun
            replace_text(self.path, json.dumps(asdict(self.standing)))


@contextmanager
def kept(store: Store, command: str) -> Iterator[StandingFile]:
    """A file that says how far a run is, for as long as it lasts; its claim ends with the process, however it ends."""
    file = StandingFile(store, Standing(command))
    with store.claim(KIND, file.path.stem):
        try:
            yield file
        finally:
            with suppress(OSError):
                file.path.unlink()


def standings(store: Store) -> list[Standing]:
    """How far each run is whose process lives, the first begun first; of runs that were killed, nothing."""
    found = []
    for path in sorted(store.place(KIND, "").glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            if store.is_claimed(KIND, path.stem):  # else it is of a run that was killed, or not ours
                found.append(_read(json.loads(small_text(path))))
    return sorted(found, key=lambda each: each.began)


def _read(raw: dict[str, Any]) -> Standing:
    now = {str(title): (int(done), int(of), str(note)) for title, (done, of, note) in raw["now"].items()}
    words, counts = ("command", "host", "began"), ("process", "cells", "done")
    said = {name: str(raw[name]) for name in words} | {name: int(raw[name]) for name in counts}
    ends = None if raw.get("ends") is None else float(raw["ends"])
    return Standing(**said, seconds=float(raw["seconds"]), ends=ends, now=now)  # type: ignore[arg-type]
