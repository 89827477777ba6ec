"""Processes on a Slurm cluster: one array job, by submitit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal, Self

from crossvad.adapters.options import option
from crossvad.datasets import wording
from crossvad.datasets.errors import InputError
from crossvad.execution.launchers.base import PATIENCE, Worker
from crossvad.execution.launchers.remote import LOOK, Remote, RemoteWorker, new_name
from crossvad.execution.workers import join
from crossvad.store.urls import folder_of

NAMED = wording.option("launcher", "slurm")


@dataclass(frozen=True)
class Options:
    """What each process asks of the cluster."""

    partition: str = option("", "to be put in; the cluster's own choice")
    minutes: int = option(
        1440, "that a process may take; what it was at when they are over is done by another", minimum=1
    )
    cpus: int = option(1, "cores a process", minimum=1)
    gpus: int = option(0, "GPUs a process", minimum=0)
    memory: int = option(8, "GB a process", minimum=1)
    host: str = option("", "by which processes reach this machine; its own address, unless said")
    cluster: Literal["slurm", "local"] = option("slurm", "local: processes of this machine, to try it out")


class _Task(RemoteWorker):
    """A task of the array."""

    def __init__(self, number: int, name: str, job: Any) -> None:
        super().__init__(number, name)
        self.task = job

    def ended(self, patience: float = 0.0) -> str:
        """As Slurm has it, which says so some seconds later; and where its output is."""
        until = time.monotonic() + patience
        while not self.task.done():
            if time.monotonic() >= until:
                return ""
            time.sleep(LOOK)
        return f"ended ({self.task.state}, see {self.task.paths.stderr})"

    def end(self) -> None:
        """Cancel it."""
        if not self.ended(PATIENCE if self.connection else 0.0):
            self.task.cancel()


class Slurm(Remote):
    """Submits processes. What they print lies in `runs/launched` of the results folder."""

    Options = Options

    def __enter__(self) -> Self:
        try:
            import submitit
        except ImportError as error:
            fix = "pip install 'crossvad[slurm]'"
            raise InputError(NAMED, "needs submitit, which is not installed", fix) from error
        launched, chosen = folder_of(self.shared.place.results).absolute() / "runs" / "launched", self.options
        launched.mkdir(parents=True, exist_ok=True)
        self.folder = Path(mkdtemp(prefix="run-", dir=launched))  # nobody else's, as what is submitted holds a key
        try:
            self.executor = submitit.AutoExecutor(folder=self.folder, cluster=chosen.cluster)
        except RuntimeError as error:
            fix = "call it where `sbatch` is, or say slurm[cluster=local]"
            raise InputError(NAMED, f"cannot submit anything here ({error})", fix) from error
        asked = {"slurm_partition": chosen.partition} if chosen.partition else {}
        self.executor.update_parameters(
            name="crossvad", timeout_min=chosen.minutes, cpus_per_task=chosen.cpus, gpus_per_node=chosen.gpus,
            mem_gb=chosen.memory, slurm_array_parallelism=self.shared.count, **asked,
        )  # fmt: skip
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        """Remove what was submitted and printed, unless something went wrong."""
        super().__exit__(*error)
        if error == (None, None, None):
            shutil.rmtree(self.folder, ignore_errors=True)

    def room(self) -> str:
        """What each asks for; what there is, Slurm tells."""
        chosen = self.options
        asked = f"{chosen.cpus} CPU, {chosen.gpus} GPU and {chosen.memory} GB"
        return f"each asks for {asked}; squeue --me says why they wait"

    def start(self, number: int) -> RemoteWorker:
        """Submit a process; it waits in the queue."""
        with _naming_refusals():
            return self._submitted(number)

    def start_many(self, numbers: Sequence[int]) -> list[Worker]:
        """Submit them as one array."""
        with _naming_refusals(), self.executor.batch():
            return [self._submitted(number) for number in numbers]

    def _submitted(self, number: int) -> RemoteWorker:
        name, chosen = new_name(), self.options
        return _Task(number, name, self.executor.submit(join, *self.said_to(name, chosen.host, chosen.cpus)))


@contextmanager
def _naming_refusals() -> Iterator[None]:
    """Have what the cluster will not take told in its own words."""
    from submitit.core.utils import FailedJobError

    try:
        yield
    except FailedJobError as error:
        fix = "ask for a partition, cores, memory and minutes that it has: slurm[partition=…]"
        raise InputError(NAMED, f"is refused by the cluster ({error})", fix) from error
