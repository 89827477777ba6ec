"""Cells got through by several processes of this machine at a time."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from crossvad.datasets.errors import InputError
from crossvad.execution.fitting import FACTS
from crossvad.execution.progress import Board
from crossvad.execution.runner import Runner, Tally
from crossvad.execution.workers import Finished, Progressed, Ready, Refused, Said, Workplace, work
from crossvad.planning.cell import Cell
from crossvad.planning.jobs import Job, jobs_of
from crossvad.store.store import Record

TRIES = 2  # of a job whose process ends in the middle of it: by a fault of torch's, or for want of memory
CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
PATIENCE = 10.0  # seconds that a process has to record that it was stopped


class Processes:
    """Gets through groups of cells by several processes, of which each has its share of the threads and GPUs.

    It is a `runner.Launch`. Scores are those of one process with as many threads as each of these has: bit for bit
    where no memory layout is chosen by timing (below 128 pixels), else up to rounding.
    """

    def __init__(self, count: int, place: Workplace) -> None:
        """Say how many.

        Args:
            count: processes at a time.
            place: where they work.
        """
        self.count, self.place = count, place

    def __call__(
        self, runner: Runner, groups: Sequence[list[Cell]], tally: Tally
    ) -> Generator[dict[Cell, Record], None, None]:
        """Get through groups of cells; yields the records of each when it is done."""
        with runner.reporter.board() as board:
            yield from _Round(self.place, min(self.count, len(groups)), runner, groups, tally, board)


@dataclass
class _Worker:
    """A process, and what it is doing."""

    number: int
    process: BaseProcess
    connection: Connection
    job: Job | None = None
    ready: bool = False  # it has made out the grid
    ended: bool = False


class _Round:
    """Some groups of cells, and the processes that get through them."""

    def __init__(
        self, place: Workplace, count: int, runner: Runner, groups: Sequence[list[Cell]], tally: Tally, board: Board
    ) -> None:
        self.place, self.count, self.runner, self.tally, self.board = place, count, runner, tally, board
        self.cells = {cell.key: cell for group in groups for cell in group}
        self.waiting = jobs_of(groups)
        self.unfinished = {job.name for job in self.waiting}
        self.tries = Counter[str]()

    def __iter__(self) -> Iterator[dict[Cell, Record]]:
        """Yield the records of what is done, until all is.

        Raises:
            InputError: a process ends before it has made out what it is to do, or nothing can be kept any more.
        """
        workers: list[_Worker] = []
        try:
            workers += [self._started(number) for number in range(self.count)]
            while self.waiting or any(worker.job for worker in workers):
                for worker in workers:
                    self._occupy(worker)
                ready = wait([worker.connection for worker in workers])
                for worker in [each for each in workers if each.connection in ready]:
                    yield from self._heard(worker)
                    if worker.ended:
                        workers.remove(worker)
                        workers += [self._started(worker.number)] if self.waiting else []
        except BaseException:
            for worker in workers:
                worker.process.terminate()
            raise
        else:
            for worker in workers:
                with suppress(OSError):
                    worker.connection.send(None)
        finally:
            for worker in workers:
                worker.process.join(PATIENCE)
                worker.process.kill()
                worker.connection.close()

    def _started(self, number: int) -> _Worker:
        """Start a process, with its share of the threads and the GPU that is its turn."""
        ours, its = CONTEXT.Pipe()
        threads, device = max(1, torch.get_num_threads() // self.count), self.runner.device
        name = str(device)
        if device.type == "cuda" and device.index is None:
            name = f"cuda:{number % torch.cuda.device_count()}"
        process = CONTEXT.Process(target=work, args=(its, self.place, name, threads), daemon=True)
        with _deaf_to_interrupts():  # which is inherited: of ctrl-C this process alone is to hear
            process.start()
        its.close()  # so that ours ends when the process does
        return _Worker(number, process, ours)

    def _occupy(self, worker: _Worker) -> None:
        """Give a process that has nothing to do the first job that waits for no other."""
        job = next((job for job in self.waiting if job.after not in self.unfinished), None)
        if worker.ready and worker.job is None and job is not None:
            self.waiting.remove(job)
            worker.job = job
            if job.kind == "score" and not self.tries[job.name]:
                self.tally.begin(self._cells(job))
            with suppress(OSError):  # it has ended: that is heard next
                worker.connection.send(job)

    def _heard(self, worker: _Worker) -> Iterator[dict[Cell, Record]]:
        """Take in a word of a process, or its end."""
        try:
            word = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._lost(worker)
            return
        if isinstance(word, Ready):
            worker.ready = True
        elif isinstance(word, Said):
            self.runner.reporter.say(word.text)
        elif isinstance(word, Refused):
            raise InputError(*word)
        elif isinstance(word, Progressed):
            self.board(worker.number, *word)
        elif isinstance(word, Finished) and worker.job is not None:
            job, worker.job = worker.job, None
            self.board(worker.number, "", 0, 0, "")
            yield from self._done(job, word.failed)

    def _done(self, job: Job, failed: bool) -> Iterator[dict[Cell, Record]]:
        """Let what waits for a job begin; what needs a method that could not be made has failed with it."""
        self.unfinished.discard(job.name)
        if job.kind == "score":
            yield from self._ended(job)
        elif failed:
            first = self._cells(job)[0]
            reason = record.reason if (record := self.runner.store.record(first)) else ""
            trained = (self.runner.store.place("fits", first.fit_key) / FACTS).is_file()
            for each in [*self.waiting]:
                of_fit = self._cells(each)[0].fit_key == first.fit_key
                if (each.after == job.name and each.kind == "score") or (of_fit and not trained):
                    self.waiting.remove(each)
                    self.unfinished.discard(each.name)
                    if each.kind == "score":
                        self.tally.begin(self._cells(each))
                        self.runner.record(self._cells(each), "failed", reason)
                        yield from self._ended(each)

    def _ended(self, job: Job) -> Iterator[dict[Cell, Record]]:
        self.tally.end(self._cells(job))
        yield {cell: record for cell in self._cells(job) if (record := self.runner.store.record(cell))}

    def _lost(self, worker: _Worker) -> Iterator[dict[Cell, Record]]:
        """Have what a process was doing when it ended done by another, unless that has happened to it before."""
        worker.process.join(PATIENCE)
        worker.process.kill()  # or it is none that would ever end
        worker.process.join()
        worker.ended = True
        code, job, worker.job = worker.process.exitcode, worker.job, None
        how = f"was killed by signal {-code}" if code and code < 0 else f"ended with exit code {code}"
        if not worker.ready:
            fix = 'see what it says above; a script asks for several jobs below `if __name__ == "__main__"`'
            raise InputError("--jobs", f"a process {how} before it could do anything", fix)
        if job is None:
            return
        self.tries[job.name] += 1
        if self.tries[job.name] < TRIES:
            self.runner.reporter.say(f"  a process {how} in the middle of its work, which another takes up")
            self.waiting.insert(0, job)
            return
        reason = f"its process {how}, {TRIES} times; if that was for want of memory, say fewer --jobs"
        self.runner.reporter.say(f"  failed: {reason}")
        self.runner.record(self._cells(job), "failed", reason)
        yield from self._done(job, failed=True)

    def _cells(self, job: Job) -> list[Cell]:
        return [self.cells[key] for key in job.cells]


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Where ctrl-C does nothing, if this is the main thread, which alone hears of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heeded)
