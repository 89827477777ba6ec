"""What a scheduler must know of the processes that do its jobs, wherever they are: the contract of a launcher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, ClassVar, Self

from crossvad.adapters.options import NoOptions
from crossvad.datasets.wording import noun
from crossvad.execution.workers import Workplace
from crossvad.planning.jobs import Job

PATIENCE = 10.0  # seconds that a process has to record that it was stopped


@dataclass(frozen=True)
class Shared:
    """What every process of a run is given, beside its jobs."""

    place: Workplace
    device: str  # that methods run on, as `--device` has it
    count: int  # of processes at a time


class Worker(ABC):
    """A process that does jobs. It talks by a connection, once it has one: words of `execution.workers`."""

    def __init__(self, number: int, connection: Connection | None = None) -> None:
        self.number, self.connection = number, connection
        self.job: Job | None = None  # what it is at
        self.ready = False  # it has made out the grid
        self.lost = False  # it has ended, and that was noticed
        self.blameless = False  # it was told to end

    @abstractmethod
    def ended(self, patience: float = 0.0) -> str:
        """How it ended, as what follows "a process": `was killed by signal 9`. Empty while it lives.

        Waits for so many seconds.
        """

    @abstractmethod
    def stop(self) -> None:
        """Ask it to record that it was stopped, and end; it may have ended."""

    @abstractmethod
    def end(self) -> None:
        """End it, if it has not ended `PATIENCE` seconds after it was asked to."""


class Launcher(ABC):
    """Starts processes that do jobs, and hears what they say. Subclass it to add another: `with` it, it is at work.

    The scheduler starts as many as are wanted, gives jobs to those that are ready, and starts another where one is
    lost. What they make lies in the results folder, which they must all see, as they must the data.
    """

    Options: ClassVar[type] = NoOptions  # a frozen dataclass, as for methods: --launcher 'name[option=value]'
    say: Callable[[str], None] = staticmethod(lambda text: None)  # tells the user a line; the scheduler sets it
    # What an error names, and advises, where processes end before they can do anything.
    said_by: ClassVar[str] = noun("jobs")
    fix: ClassVar[str] = 'see what it says above; a script asks for several jobs below `if __name__ == "__main__"`'

    def __init__(self, options: Any, shared: Shared) -> None:
        """Take the options, and what each process is to be given."""
        self.options, self.shared = options, shared

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:  # noqa: B027 - most hold nothing
        """Let go of what was needed to start any."""

    @abstractmethod
    def start(self, number: int) -> Worker:
        """Start a process, to sit at a place by that number, or ask for one that is started as soon as may be.

        Raises:
            InputError: none can be started.
        """

    def start_many(self, numbers: Sequence[int]) -> list[Worker]:
        """Start several, at once where that can be."""
        return [self.start(number) for number in numbers]

    @abstractmethod
    def heard(self, workers: Sequence[Worker]) -> list[Worker]:
        """Wait until some of these have said something, or have ended: those."""
