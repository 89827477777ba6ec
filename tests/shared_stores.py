"""Machines that share a URL: each is a cache of its own, and sees of the others what is there and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

WAYS = ("open", "pipe_file", "put_file", "ls", "rm_file")


class Told:
    """A teller that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tasks: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @contextmanager
    def task(self, title: str) -> Iterator[Callable[[int, int, str], None]]:
        self.tasks.append(title)
        yield lambda done, of, note: None


def files_at(url: str) -> dict[str, bytes]:
    """All that is in memory below a URL, by its names from there."""
    root = url.removeprefix("memory:/") + "/"
    return {
        name.removeprefix(root): bytes(file.getbuffer())
        for name, file in MemoryFileSystem.store.items()
        if name.startswith(root)
    }


def put_at(url: str, name: str, content: bytes) -> None:
    MemoryFileSystem().pipe_file(f"{url}/{name}", content)


def cut_off(
    patch: pytest.MonkeyPatch, fails: Callable[[], bool], fails_reading: Callable[[], bool] = lambda: False
) -> list[str]:
    """Let the network fail whenever that is so; returns what failed, as it does. What is written then is half there."""
    failed: list[str] = []
    read = MemoryFile.read

    def broken_read(file: MemoryFile, *args: int) -> bytes:
        if fails_reading():
            failed.append("read")
            raise ConnectionResetError("the cable was pulled")
        return read(file, *args)

    patch.setattr(MemoryFile, "read", broken_read, raising=False)
    for way in WAYS:
        patch.setattr(MemoryFileSystem, way, _broken(getattr(MemoryFileSystem, way), way, fails, failed))
    return failed


def now_and_then(seed: int, share: float) -> Callable[[], bool]:
    drawn = random.Random(seed)
    return lambda: drawn.random() < share


def _broken(do: Callable, way: str, fails: Callable[[], bool], failed: list[str]) -> Callable:
    def broken(files: MemoryFileSystem, path: str, *args: object, **settings: object) -> object:
        if fails():
            failed.append(way)
            if way == "pipe_file" and settings.get("mode") != "create":  # half of it is there
                content = args[0]
                assert isinstance(content, bytes)
                do(files, path, content[: len(content) // 2])
            raise ConnectionResetError("the cable was pulled")
        return do(files, path, *args, **settings)

    return broken


def scores_below(folder: Path) -> dict[str, bytes]:
    """Raw scores of every cell below a folder, by its key; drafts are hidden."""
    return {path.parent.name: path.read_bytes() for path in folder.rglob("cells/[!.]*/scores.npz")}
