"""What is wrong with an input: one line that says where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class InputError(Exception):
    """Something the user gave cannot be used. One line: where it is, what is wrong, what to do about it."""

    def __init__(self, where: object, problem: str, fix: str) -> None:
        super().__init__(f"{where}: {problem}; {fix}")
        self.where, self.problem, self.fix = str(where), problem, fix


@dataclass(frozen=True)
class Problem:
    """One finding of `Dataset.check`: an error makes the dataset unusable, a warning is printed with the results."""

    severity: Literal["error", "warning"]
    where: str
    problem: str
    fix: str
    names: tuple[str, ...] = ()  # all that it is about, where the problem names a few
