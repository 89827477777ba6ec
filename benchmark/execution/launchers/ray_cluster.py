"""Processes on a Ray cluster, which finds machines with as many free cores and GPUs as each takes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Self

from crossvad.adapters.options import option
from crossvad.datasets import wording
from crossvad.datasets.errors import InputError
from crossvad.execution.launchers.base import PATIENCE
from crossvad.execution.launchers.remote import Remote, RemoteWorker, new_name
from crossvad.execution.workers import join


@dataclass(frozen=True)
class Options:
    """Which cluster, and what each process takes of it."""

    address: str = option("auto", "HOST:PORT of its head; auto: the one that this machine is of; local: begin one here")
    cpus: int = option(1, "cores a process", minimum=1)
    host: str = option("", "by which processes reach this machine; its own address, unless said")
    gpus: float = option(0.0, "GPUs a process, or a share of one: 0.25", minimum=0)


class _Task(RemoteWorker):
    """A process that Ray was asked for."""

    def __init__(self, number: int, name: str, ray: Any, task: Any) -> None:
        super().__init__(number, name)
        self.ray, self.task = ray, task

    def ended(self, patience: float = 0.0) -> str:
        """As Ray has it: with its machine, its memory, or by itself."""
        if not self.ray.wait([self.task], timeout=patience)[0]:
            return ""
        try:
            self.ray.get(self.task)
        except Exception as error:  # Ray's, or what the process raised
            return f"was lost ({type(error).__name__})"
        return "ended"

    def end(self) -> None:
        """Have Ray kill it."""
        if not self.ended(PATIENCE if self.connection else 0.0):
            self.ray.cancel(self.task, force=True)


class RayCluster(Remote):
    """Asks Ray for processes. One that is lost with its machine is begun anew on another."""

    Options = Options

    def __enter__(self) -> Self:
        try:
            import ray
        except ImportError as error:
            where, fix = wording.option("launcher", "ray"), "pip install 'crossvad[ray]'"
            raise InputError(where, "needs ray, which is not installed", fix) from error
        self.ray, self.begun = ray, not ray.is_initialized()
        if self.begun:
            address = self.options.address
            try:
                ray.init(None if address == "local" else address, log_to_driver=False, logging_level=logging.ERROR)
            except (ConnectionError, ValueError, RuntimeError) as error:
                fix = "begin one by `ray start --head`, or say ray[address=HOST:PORT] or ray[address=local]"
                where = wording.option("launcher", f"ray[address={address}]")
                raise InputError(where, f"finds no cluster ({error})", fix) from error
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        """Leave the cluster, if it was entered here."""
        super().__exit__(*error)
        if self.begun:
            self.ray.shutdown()

    def room(self) -> str:
        """What each asks for, what all machines have, and what of it is free."""
        asked = {"CPU": float(self.options.cpus), "GPU": self.options.gpus}
        ray: Any = self.ray
        free, has = ray.available_resources(), ray.cluster_resources()
        parts = [f"{free.get(kind, 0):g} of {has.get(kind, 0):g} {kind}s" for kind, count in asked.items() if count]
        told = f"each asks for {' and '.join(f'{count:g} {kind}' for kind, count in asked.items() if count)}"
        told += f", and the cluster has {' and '.join(parts)} free"
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        fits = any(all(each.get(kind, 0) >= count for kind, count in asked.items()) for each in machines)
        return told if fits else f"{told}: no machine has so much; say less, as ray[cpus=1], or add one"

    def start(self, number: int) -> RemoteWorker:
        """Ask for a process; it may have to wait for room."""
        name, chosen = new_name(), self.options
        # Tries are the scheduler's to count; and tasks are spread over machines.
        takes = {"num_cpus": chosen.cpus, "num_gpus": chosen.gpus, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        task = self.ray.remote(join).options(**takes).remote(*self.said_to(name, chosen.host, chosen.cpus))
        return _Task(number, name, self.ray, task)
