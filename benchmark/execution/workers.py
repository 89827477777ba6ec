"""A process that does jobs of a grid: it is told which, and tells how far it is. What it makes, it stores."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.device import get_device
from crossvad.execution.freed_memory import keep_freed_memory
from crossvad.execution.progress import Reporter, Update
from crossvad.execution.runner import Runner
from crossvad.execution.skip_bad import without_bad
from crossvad.execution.stopping import OF_TERMINAL, heed_termination
from crossvad.planning.grid import Grid
from crossvad.planning.jobs import Job
from crossvad.planning.request import Request
from crossvad.store.opening import open_store
from crossvad.store.records import Record

TELLING = 0.2  # seconds between two words on how far a piece of work is


class Ready(NamedTuple):
    """The grid is made out, and jobs may come."""


class Said(NamedTuple):
    """A line for the user."""

    text: str


class Progressed(NamedTuple):
    """How far a piece of work is."""

    title: str
    done: int
    of: int
    note: str


class Refused(NamedTuple):
    """The process cannot go on, and no other could: the three parts of an `InputError`."""

    where: str
    problem: str
    fix: str


class Left(NamedTuple):
    """The process was told to end, by its scheduler's time limit or whoever may: no fault of its job."""


class Finished(NamedTuple):
    """A job is done, and its cells have come to these records, by their keys; those of none are waiting for more."""

    records: dict[str, Record]


@dataclass(frozen=True)
class Workplace:
    """A grid in words, and where its data and results are: all that a process must know to do its jobs."""

    request: Request
    data: Path
    results: str | Path
    maps: bool
    skip_bad: bool

    def __post_init__(self) -> None:
        """Refuse what another process cannot make out.

        Raises:
            InputError: the request is of objects.
        """
        asked = self.request
        named = [*asked.sources, *asked.targets, *asked.methods, *asked.tuning]
        if odd := [each for each in named if not isinstance(each, str | Path)]:
            problem = f"takes names and folders, and not objects, such as {odd[0]!r}, that this process alone knows"
            raise InputError("more than one process", problem, "write file.py:Class, or path:DIR")

    def grid(self, reporter: Reporter) -> Grid:
        """Look all names up, and leave out what cannot be read, if that is asked for.

        Raises:
            InputError: an unknown name, or data that is not there.
        """
        grid = self.request.grid(self.data)
        return without_bad(grid, reporter) if self.skip_bad else grid


class Telling(Reporter):
    """A reporter that tells another process."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(quiet=True)
        self.connection = connection

    def tell(self, word: object) -> None:
        """Send a word; where nobody is there any more to hear it, there is nothing left to do."""
        try:
            self.connection.send(word)
        except OSError as error:
            raise KeyboardInterrupt from error

    def say(self, text: str) -> None:
        """Pass a line on."""
        self.tell(Said(text))

    @contextmanager
    def task(self, title: str) -> Iterator[Update]:
        """Pass on how far a piece of work is, now and then."""
        last = 0.0

        def update(done: int, of: int, note: str) -> None:
            nonlocal last
            if (now := time.monotonic()) - last >= TELLING:
                last = now
                self.tell(Progressed(title.strip(), done, of, note))

        yield update


def work(connection: Connection, place: Workplace, device: str, threads: int) -> None:
    """Do jobs as they come, until None comes, or nobody is there any more to send any.

    Cells that are being adapted and scored when the process is terminated are recorded as interrupted.

    Args:
        connection: to the process that started this one: jobs come by it, and words of this module go.
        place: says which grid jobs are of.
        device: where methods run, as `--device` has it.
        threads: that torch may use.
    """
    for heard in OF_TERMINAL:
        signal.signal(heard, signal.SIG_IGN)
    heed_termination(signal.SIGUSR2)  # which submitit sends before Slurm's time limit
    torch.set_num_threads(threads)
    keep_freed_memory()
    try:
        _get_through(connection, place, get_device(device))
    except KeyboardInterrupt:
        with suppress(OSError):  # nobody is there to hear it
            connection.send(Left())
    except (EOFError, ConnectionError):
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending


def join(address: tuple[str, int], key: bytes, name: str, folder: Path, *its: Any) -> None:
    """Do the jobs of a run that another machine has begun: connect to it, and `work`.

    Args:
        address: host and port of where the run hears of its processes.
        key: that both know.
        name: of this process there.
        folder: that the run was begun in, from which its relative paths go.
        its: the rest of what `work` is given.
    """
    heeded = {each: signal.getsignal(each) for each in (*OF_TERMINAL, signal.SIGTERM, signal.SIGUSR2)}
    before = Path.cwd()
    try:
        with Client(address, authkey=key) as connection:
            connection.send(name)
            try:
                os.chdir(folder)
            except OSError as error:
                fix = "begin in a folder that is shared with it, as results and data must be"
                connection.send(Refused(f"{folder} on {socket.gethostname()}", f"is not there ({error.strerror})", fix))
                return
            work(connection, *its)
    finally:
        os.chdir(before)
        for each, handler in heeded.items():
            signal.signal(each, handler)


def _get_through(connection: Connection, place: Workplace, device: torch.device) -> None:
    try:
        store = open_store(place.results, "runs", all_cells=False)
        runner = Runner(store, FrameCache(), device, Telling(connection), place.maps)
        cells = {cell.key: cell for cell in runner.take(place.grid(Reporter(quiet=True)))}
        connection.send(Ready())
        while job := _next(connection):
            if not cells.keys() >= {*job.cells}:
                problem = "was changed since the run began, so that a process that starts now makes other cells of it"
                raise InputError(
                    "the data, or the file of a plug-in", problem, "say the same again: what is done is kept"
                )
            do = runner.prepare if job.kind == "prepare" else runner.score
            records = do([cells[key] for key in job.cells])
            connection.send(Finished({cell.key: record for cell, record in records.items()}))
    except InputError as error:
        connection.send(Refused(error.where, error.problem, error.fix))


def _next(connection: Connection) -> Job | None:
    job: Job | None = connection.recv()
    return job
