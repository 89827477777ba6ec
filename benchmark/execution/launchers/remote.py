"""Processes on other machines: whatever starts them there, they connect to the run, which knows them by a name."""

from __future__ import annotations

import os
import secrets
import socket
import struct
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge, wait
from pathlib import Path
from typing import Any, Self

from crossvad.datasets.wording import noun
from crossvad.execution.launchers.base import Launcher, Worker

GREETING = 10  # seconds that whoever connects has to show that it knows the key
WAITED = 15.0  # seconds without a process that was asked for, after which the user is told why
LOOK = 0.5  # seconds between two looks at whether a process has come, or gone without a word


class RemoteWorker(Worker):
    """A process on another machine, which may not have started yet."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number)
        self.name, self.asked = name, time.monotonic()

    def stop(self) -> None:
        """Close the connection: a process to whom nobody listens stops."""
        if self.connection:
            self.connection.close()


class Remote(Launcher):
    """What launchers share whose processes connect to the run."""

    said_by = noun("launcher")
    fix = "see what the cluster says of it; it must reach this machine, by the address that the option host names"

    def __enter__(self) -> Self:
        self.key = secrets.token_bytes(32)
        self.door = socket.create_server(("", 0), backlog=max(8, self.shared.count))
        self.door.settimeout(LOOK)
        self.port, self.closed, self.looked = self.door.getsockname()[1], False, time.monotonic()
        self.arrived: dict[str, Connection] = {}
        self.told = False  # why processes are waited for
        threading.Thread(target=self._welcome, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        """Hear of no more."""
        self.closed = True

    def _welcome(self) -> None:
        """Take in whoever comes, each by a thread of its own: who is silent keeps nobody out."""
        with self.door:
            while not self.closed:
                try:
                    caller, _ = self.door.accept()
                except TimeoutError:
                    continue
                except OSError:  # of a caller, or of this process, which has too many files open: the next may come in
                    time.sleep(LOOK)
                    continue
                threading.Thread(target=self._greet, args=(caller,), daemon=True).start()

    def _greet(self, caller: socket.socket) -> None:
        """Know a process by the key, within a while."""
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a machine may go without a word
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", GREETING, 0))
        connection = Connection(caller.detach())
        try:
            deliver_challenge(connection, self.key)
            answer_challenge(connection, self.key)
            name = connection.recv()
            with socket.socket(fileno=os.dup(connection.fileno())) as patient:
                patient.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
        except (AuthenticationError, EOFError, OSError):  # a stranger, or one that was lost at once
            connection.close()
            return
        self.arrived[name] = connection

    def said_to(self, name: str, host: str, threads: int) -> tuple[Any, ...]:
        """What `workers.join` is to be called with, on another machine, which knows this one by `host`."""
        shared = self.shared
        return (host or own_address(), self.port), self.key, name, Path.cwd(), shared.place, shared.device, threads

    def heard(self, workers: Sequence[Worker]) -> list[Worker]:
        """Wait for a word, a process that comes, or one that has gone."""
        while True:
            self._take_in(workers)
            ready = wait([worker.connection for worker in workers if worker.connection], LOOK)
            found = [worker for worker in workers if worker.connection in ready]
            if time.monotonic() - self.looked >= LOOK:  # also while others talk
                gone = [worker for worker in workers if worker not in found and worker.ended()]
                self._take_in(gone)  # one may have come, said why it cannot stay, and gone
                self.looked = time.monotonic()
                found += gone
                self._tell([worker for worker in workers if worker.connection is None and worker not in gone])
            if found:
                return found

    def _take_in(self, workers: Sequence[Worker]) -> None:
        """Give those that have come their connections."""
        for worker in workers:
            if isinstance(worker, RemoteWorker) and worker.connection is None:
                worker.connection = self.arrived.pop(worker.name, None)

    def _tell(self, absent: Sequence[Worker]) -> None:
        """Say once why processes have not come that were asked for a while ago."""
        late = [each for each in absent if isinstance(each, RemoteWorker) and self.looked - each.asked >= WAITED]
        if late and not self.told:
            self.told = True
            told = self.fix
            with suppress(Exception):  # a cluster that cannot be asked is no fault of the run
                told = self.room()
            self.say(f"  {len(late)} of {self.shared.count} processes not started yet: {told}")

    def room(self) -> str:
        """What each process asks of the cluster, and what that has."""
        return self.fix

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
