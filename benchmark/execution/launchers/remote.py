"""Processes on other machines: whatever starts them there, they connect to the run, which knows them by a name."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, wait
from pathlib import Path
from typing import Any, Self

from crossvad.execution.launchers.base import Launcher, Worker

LOOK = 0.5  # seconds between two looks at whether a process has come, or gone without a word


class RemoteWorker(Worker):
    """A process on another machine, which may not have started yet."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number)
        self.name = name

    def stop(self) -> None:
        """Close the connection: a process to whom nobody listens stops."""
        if self.connection:
            self.connection.close()


class Remote(Launcher):
    """What launchers share whose processes connect to the run."""

    def __enter__(self) -> Self:
        self.key = secrets.token_bytes(32)
        self.listener = Listener(("", 0), backlog=max(8, self.shared.count), authkey=self.key)
        self.arrived: dict[str, Connection] = {}
        self.closed = False
        threading.Thread(target=self._welcome, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Hear of no more."""
        self.closed = True
        self.listener.close()

    def _welcome(self) -> None:
        """Take in processes that come, until the listener is closed."""
        while True:
            try:
                connection = self.listener.accept()
                self.arrived[connection.recv()] = connection
            except (AuthenticationError, EOFError, OSError):  # a stranger, or one that was lost at once
                if self.closed:
                    return

    def said_to(self, name: str, threads: int) -> tuple[Any, ...]:
        """What `workers.join` is to be called with, on another machine."""
        _, port = self.listener.address
        shared = self.shared
        return (own_address(), port), self.key, name, Path.cwd(), shared.place, shared.device, threads

    def heard(self, workers: Sequence[Worker]) -> list[Worker]:
        """Wait for a word, a process that comes, or one that has gone."""
        while True:
            for worker in workers:
                if isinstance(worker, RemoteWorker) and worker.connection is None:
                    worker.connection = self.arrived.pop(worker.name, None)
            connections = [worker.connection for worker in workers if worker.connection]
            ready = wait(connections, LOOK)
            if not connections:
                time.sleep(LOOK)
            found = [worker for worker in workers if worker.connection in ready]
            if found := found or [worker for worker in workers if worker.ended()]:
                return found

    @abstractmethod
    def start(self, number: int) -> RemoteWorker:
        """Ask for a process on another machine."""


def new_name() -> str:
    """A name that no other process has had."""
    return secrets.token_hex(8)


def own_address() -> str:
    """The address by which other machines reach this one: that from which it would call out."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address of documentation: nothing is sent
        return str(probe.getsockname()[0])
    return socket.gethostbyname(socket.gethostname())
