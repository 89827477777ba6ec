"""Cells got through by several processes at a time: which does which job, and what becomes of one that is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun
from crossvad.execution.fitting import FACTS
from crossvad.execution.launchers.base import PATIENCE, Launcher, Worker
from crossvad.execution.progress import Board
from crossvad.execution.runner import Runner
from crossvad.execution.tally import Tally
from crossvad.execution.workers import Finished, Left, Progressed, Ready, Refused, Said
from crossvad.planning.cell import Cell
from crossvad.planning.jobs import Job, jobs_of
from crossvad.store.store import Record

STARTING = ""  # in place of a job's name: what a process is at before it has any
TRIES = 2  # of a job whose process ends in the middle of it: by a fault of torch's, or for want of memory


class Scheduler:
    """Gets through groups of cells by several processes, each of which does one job after the other.

    It is a `runner.Launch`. Scores are those of one process with as many threads as each of these has: bit for bit
    where no memory layout is chosen by timing (below 128 pixels), else up to rounding.
    """

    def __init__(self, count: int, launcher: Callable[[int], Launcher]) -> None:
        """Say how many processes at a time, and what is going to start so many as there is work for."""
        self.count, self.launcher = count, launcher

    def __call__(
        self, runner: Runner, groups: Sequence[list[Cell]], tally: Tally
    ) -> Generator[dict[Cell, Record], None, None]:
        """Get through groups of cells; yields the records of each when it is done."""
        if not groups:
            return
        count = min(self.count, len(groups))
        with self.launcher(count) as launcher, runner.reporter.board() as board:
            launcher.say = runner.reporter.say
            yield from _Round(launcher, count, runner, groups, tally, board)


class _Round:
    """Some groups of cells, and the processes that get through them."""

    def __init__(
        self, launcher: Launcher, count: int, runner: Runner, groups: Sequence[list[Cell]], tally: Tally, board: Board
    ) -> None:
        self.launcher, self.count, self.runner, self.tally, self.board = launcher, count, runner, tally, board
        self.cells = {cell.key: cell for group in groups for cell in group}
        self.waiting = jobs_of(groups)
        self.unfinished = {job.name for job in self.waiting}
        self.tries = Counter[str]()
        self.lacking = {job.name: {*self._lacking(job)} for job in self.waiting if job.kind == "prepare"}

    def __iter__(self) -> Iterator[dict[Cell, Record]]:
        """Yield the records of what is done, until all is.

        Raises:
            InputError: processes end before they have made out what they are to do, or nothing can be kept any more.
        """
        workers: list[Worker] = []
        try:
            workers += self.launcher.start_many(range(self.count))
            while self.waiting or any(worker.job for worker in workers):
                for worker in workers:
                    self._occupy(worker)
                for worker in self.launcher.heard(workers):
                    yield from self._heard(worker)
                    if worker.lost:
                        workers.remove(worker)
                        workers += [self.launcher.start(worker.number)] if self.waiting else []
            for worker in workers:
                self._send(worker, None)
        finally:
            for worker in workers:
                worker.stop()
            for worker in workers:
                worker.end()

    def _occupy(self, worker: Worker) -> None:
        """Give a process that has nothing to do the first job that waits for no other."""
        job = next((job for job in self.waiting if job.after not in self.unfinished), None)
        if worker.ready and worker.job is None and job is not None:
            self.waiting.remove(job)
            worker.job = job
            if job.kind == "score" and not self.tries[job.name]:
                self.tally.begin(self._cells(job))
            self._send(worker, job)

    def _send(self, worker: Worker, job: Job | None) -> None:
        if worker.connection:
            with suppress(OSError):  # it has ended: that is heard next
                worker.connection.send(job)

    def _heard(self, worker: Worker) -> Iterator[dict[Cell, Record]]:
        """Take in a word of a process, or its end."""
        try:
            if worker.connection is None or not worker.connection.poll():
                raise EOFError
            word = worker.connection.recv()
        except (EOFError, OSError):
            yield from self._lost(worker)
            return
        if isinstance(word, Ready):
            worker.ready, self.tries[STARTING] = True, 0
        elif isinstance(word, Left):
            worker.blameless = True
        elif isinstance(word, Said):
            self.runner.reporter.say(word.text)
        elif isinstance(word, Refused):
            raise InputError(*word)
        elif isinstance(word, Progressed):
            self.board(worker.number, *word)
        elif isinstance(word, Finished) and worker.job is not None:
            job, worker.job = worker.job, None
            self.board(worker.number, "", 0, 0, "")
            yield from self._done(job, {self.cells[key]: record for key, record in word.records.items()})

    def _done(self, job: Job, records: dict[Cell, Record]) -> Iterator[dict[Cell, Record]]:
        """Let what waits for a job begin; what needs a method that could not be made has failed with it."""
        self.unfinished.discard(job.name)
        if job.kind == "score":
            self.tally.end(self._cells(job))
            yield records
        elif not records:
            for key in self.lacking[job.name].difference(self._lacking(job)):
                self.tally.trained(key)
        else:
            first = self._cells(job)[0]
            reason = next((record.reason for record in records.values() if record.status == "failed"), "")
            trained = (self.runner.store.place("fits", first.fit_key) / FACTS).is_file()
            for each in [*self.waiting]:
                of_fit = self._cells(each)[0].fit_key == first.fit_key
                if (each.after == job.name and each.kind == "score") or (of_fit and not trained):
                    self.waiting.remove(each)
                    self.unfinished.discard(each.name)
                    if each.kind == "score":
                        self.tally.begin(self._cells(each))
                        failed = self.runner.record(self._cells(each), "failed", reason)
                        self.tally.end(self._cells(each))
                        yield failed

    def _lost(self, worker: Worker) -> Iterator[dict[Cell, Record]]:
        """Have what a process was doing when it ended done by another, unless that has happened to it before."""
        how = worker.ended(PATIENCE)
        worker.stop()
        worker.end()
        worker.lost, how = True, how or worker.ended() or "was lost"
        job, worker.job = worker.job, None
        self.board(worker.number, "", 0, 0, "")
        if not worker.blameless:
            self.tries[job.name if job else STARTING] += not worker.ready or job is not None
        if job is None:
            if self.tries[STARTING] >= TRIES:
                problem = f"a process {how} before it could do anything"
                raise InputError(self.launcher.said_by, problem, self.launcher.fix)
            return
        if self.tries[job.name] < TRIES:
            self.runner.reporter.say(f"  a process {how} in the middle of its work, which another takes up")
            self.waiting.insert(0, job)
            return
        reason = f"its process {how}, {TRIES} times; if that was for want of memory, say fewer " + noun("jobs")
        self.runner.reporter.say(f"  failed: {reason}")
        yield from self._done(job, self.runner.record(self._cells(job), "failed", reason))

    def _lacking(self, job: Job) -> list[str]:
        """Keys of what a job is to make, as far as it is not stored."""
        first = self._cells(job)[0]
        return self.runner.fitter.lacking(first, self.runner.methods[first.method])

    def _cells(self, job: Job) -> list[Cell]:
        return [self.cells[key] for key in job.cells]
