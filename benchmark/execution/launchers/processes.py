"""Processes of this machine, of which each has its share of the threads and GPUs."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch

from crossvad.execution.launchers.base import PATIENCE, Launcher, Worker
from crossvad.execution.stopping import OF_TERMINAL
from crossvad.execution.workers import work

CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang


class _Process(Worker):
    """One of them."""

    def __init__(self, number: int, connection: Connection, process: BaseProcess) -> None:
        super().__init__(number, connection)
        self.process = process

    def ended(self, patience: float = 0.0) -> str:
        """By a signal, or with an exit code."""
        self.process.join(patience)
        code = self.process.exitcode
        if code is None:
            return ""
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def stop(self) -> None:
        """Terminate it."""
        self.process.terminate()

    def end(self) -> None:
        """Kill it."""
        self.process.join(PATIENCE)
        self.process.kill()  # or it is none that would ever end
        self.process.join()


class Processes(Launcher):
    """Starts processes here. What one says is heard until it ends, as a pipe ends with its process."""

    def start(self, number: int) -> Worker:
        """Start a process, with its share of the threads and the GPU that is its turn."""
        ours, its = CONTEXT.Pipe()
        threads, name = max(1, torch.get_num_threads() // self.shared.count), self.shared.device
        if name == "cuda" or (name == "auto" and torch.cuda.is_available()):
            name = f"cuda:{number % torch.cuda.device_count()}"
        process = CONTEXT.Process(target=work, args=(its, self.shared.place, name, threads), daemon=True)
        with deaf_to_terminal():  # which is inherited: of it this process alone is to hear
            process.start()
        its.close()  # so that ours ends when the process does
        return _Process(number, ours, process)

    def heard(self, workers: Sequence[Worker]) -> list[Worker]:
        """Wait for a word, or the end of one."""
        ready = wait([worker.connection for worker in workers if worker.connection])
        return [worker for worker in workers if worker.connection in ready]


@contextmanager
def deaf_to_terminal() -> Iterator[None]:
    """Where ctrl-C and a terminal that closes do nothing, if this is the main thread, which alone hears of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = {number: signal.signal(number, signal.SIG_IGN) for number in OF_TERMINAL}
    try:
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler)
