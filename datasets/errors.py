"""What is wrong with an input: one line that says where, what, and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from crossvad.datasets.wording import Wording, condition

# Control characters, halves of characters, and what turns the direction of writing: none of them can be seen. Joiners
# cannot either, but words and emoji in names of files are written with them.
UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


# What stands before the @ of an address; values of its query; and, in a path, those of keys such as password=.
SECRETS = re.compile(
    r"(?<=://)\S*@|(?<=[?&])[^?&=\s]+=[^&\s]*|(?<=/)[^?&/=\s]*(?:pass|pwd|token|key|secret|auth|user)[^=\s]*=[^&\s]*",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """A text as it may be printed and stored: without what may be a secret of an address in it."""
    return SECRETS.sub(lambda found: "***@" if found[0].endswith("@") else f"{found[0].partition('=')[0]}=***", text)


def plain(text: str, lines: bool = False) -> str:
    """A text in one line, or in its own `lines`, that no terminal takes for a command: the unseen is spelled out."""
    if UNSEEN.search(text) is None:
        return text
    parts = text.split("\n") if lines else [re.sub(r"\s*\n\s*", " ", text)]
    return "\n".join(UNSEEN.sub(lambda found: repr(found[0])[1:-1], part) for part in parts)


class InputError(Exception):
    """Something the user gave cannot be used. One line: where it is, what is wrong, what to do about it.

    Its parts are in the words of commands, with options as `wording` makes them. Callers from Python are told in
    theirs: see `planning.python_words`.
    """

    def __init__(self, where: object, problem: str, fix: str) -> None:
        self.where = where if isinstance(where, str) else str(where)
        self.problem, self.fix = problem, fix
        super().__init__(self.line)

    def __reduce__(self) -> tuple[object, ...]:
        """Go to another process, and be copied, as it is: by its parts, from which its classes are made differently."""
        return type(self).__new__, (type(self), *self.args), self.__dict__

    @property
    def wording(self) -> Wording:
        """Its parts in one text, which knows the options that they speak of."""
        return Wording(self.where, ": ", self.problem, "; ", self.fix)

    @property
    def line(self) -> str:
        """The line as commands tell it, whatever callers from Python are told."""
        return plain(self.wording)


class Mixed(InputError):
    """Things of several kinds where one is wanted; knows the conditions, KEY=VALUE each, that keep most of them."""

    def __init__(self, where: object, problem: str, conditions: Sequence[str]) -> None:
        super().__init__(where, problem, "add " + condition(*conditions))
        self.conditions = tuple(conditions)


class CannotKeep(InputError):
    """Nothing can be written any more: no fault of what was to be kept, and all else would fare the same."""


@dataclass(frozen=True)
class Problem:
    """One finding of `Dataset.check`: an error makes the dataset unusable, a warning is printed with the results."""

    severity: Literal["error", "warning"]
    where: str
    problem: str
    fix: str
    names: tuple[str, ...] = ()  # all that it is about, where the problem names a few


MOST = 10  # problems of one kind that are told, but for their count


def first_few(problems: Sequence[Problem], what: str, most: int = MOST) -> list[Problem]:
    """The first few of many problems of one kind, and one that counts the others, in what they lie."""
    told, others = [*problems[:most]], problems[most:]
    if others:
        told.append(replace(told[-1], where=what, problem=f"has {len(others)} more such problems", names=()))
    return told
