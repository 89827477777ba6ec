"""The processes of one training, from the side of the one that wants it: started, heard, and ended together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess, current_process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch

from crossvad.datasets.errors import InputError
from crossvad.execution.launchers.base import PATIENCE
from crossvad.execution.launchers.processes import CONTEXT, deaf_to_terminal
from crossvad.execution.progress import Update
from crossvad.execution.ranks.rank import Begun, Done, Failed, Rank, take_part
from crossvad.execution.ranks.sharing import FIRST
from crossvad.execution.workers import Progressed, Said, Workplace
from crossvad.planning.cell import Cell

GUARD = 'a script asks for several devices below `if __name__ == "__main__"`'
GRACE = 1.0  # seconds in which a rank that ended is looked for, when another says that it failed


class RankFailed(RuntimeError):
    """A rank raised an error, or ended. Its traceback is a note."""


class _Member(NamedTuple):
    number: int
    connection: Connection
    process: BaseProcess


class DeviceTeam:
    """Trains methods by several processes of this machine, with a device each. It is a `fitting.Team`."""

    def __init__(self, devices: Sequence[torch.device], place: Workplace) -> None:
        """Say on which devices, one a rank, and where grid, data and results are.

        Raises:
            InputError: this process was started by one that needs it, and runs the script of that one anew.
        """
        if getattr(current_process(), "_inheriting", False):  # it would wait for the other, and that for it
            raise InputError("several devices", "are asked for where a script is imported", GUARD)
        self.devices, self.place, self.count = devices, place, len(devices)

    def __call__(self, cell: Cell, draft: Path, say: Callable[[str], None], update: Update) -> None:
        """Train a cell's method and write it to a folder. However this ends, no rank outlives it.

        Raises:
            RankFailed: a rank raised an error, or was lost.
            OSError: a rank could not write, as the disk is full.
        """
        with TemporaryDirectory(prefix="crossvad-") as folder, self._started(cell, draft, Path(folder)) as members:
            begun = False
            while True:
                for connection in wait([member.connection for member in members]):
                    member = next(member for member in members if member.connection is connection)
                    word = _heard(member)
                    if isinstance(word, Said):
                        say(word.text)
                    elif isinstance(word, Progressed):
                        update(word.done, word.of, word.note)
                    elif isinstance(word, Begun):
                        begun = True
                    elif isinstance(word, Done) and member.number == FIRST:
                        return
                    elif isinstance(word, Failed) or word is None:
                        raise self._failure(members, member, word, begun)

    @contextmanager
    def _started(self, cell: Cell, draft: Path, folder: Path) -> Iterator[list[_Member]]:
        """All ranks, at work."""
        threads, members = max(1, torch.get_num_threads() // self.count), list[_Member]()
        try:
            for number, device in enumerate(self.devices):
                ours, its = CONTEXT.Pipe()
                rank = Rank(number, self.count, device, threads, folder / "meeting")
                process = CONTEXT.Process(target=take_part, args=(its, rank, self.place, cell, draft), daemon=True)
                with deaf_to_terminal(), _without_warnings():
                    process.start()
                its.close()  # so that ours ends when the process does
                members.append(_Member(number, ours, process))
            yield members
        finally:
            for member in members:
                member.process.kill()  # they hold nothing that a kill could harm: what they write is whole or not there
            for member in members:
                member.process.join()
                member.connection.close()

    def _failure(self, members: Sequence[_Member], member: _Member, word: Failed | None, begun: bool) -> Exception:
        """What went wrong: with a rank that ended, if one did, as that is what others then stumble over."""
        gone = wait([each.process.sentinel for each in members], GRACE)
        ended = [each for each in members if each.process.sentinel in gone]
        if ended or word is None:
            lost = (ended or [member])[0]
            lost.process.join(PATIENCE)
            code = lost.process.exitcode
            how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
            return RankFailed(f"{self._name(lost)}: its process {how}{'' if begun else f'; {GUARD}'}")
        if word.errno is not None:
            return OSError(word.errno, f"{self._name(member)}: {word.text}")
        failure = RankFailed(f"{self._name(member)}: {word.kind}: {word.text}")
        failure.add_note(word.trace)
        return failure

    def _name(self, member: _Member) -> str:
        return f"device {member.number + 1} of {self.count}"


def _heard(member: _Member) -> object:
    """The next word of a rank; None if it has ended."""
    try:
        word: object = member.connection.recv()
    except (EOFError, OSError):
        return None
    return word


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Where processes that start say only errors of torch's C++: each would warn that each parameter has a gradient."""
    name = "TORCH_CPP_LOG_LEVEL"
    if name in os.environ:
        yield
        return
    os.environ[name] = "ERROR"
    try:
        yield
    finally:
        del os.environ[name]
