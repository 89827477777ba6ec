"""Texts that speak of options: they read as commands are typed, and know their options, to tell Python of arguments.

    "choose at most " + option("shots", 3) + ", or another " + noun("method")

reads `choose at most --shots 3, or another --method`, and callers from Python hear `choose at most shots=3, or another
method` (`planning.python_words`). Options stay known where texts are added, or made a `sentence`. An f-string makes
plain text of them, as `str.join` does: it reads the same, and is told to everyone as it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from types import EllipsisType
from typing import Self

Value = str | bool | float | EllipsisType | None
TYPED = {"long": "--format long"}  # arguments that are no option of their name


@dataclass(frozen=True)
class Noun:
    """An option that is named as a thing: another --method."""

    name: str  # as Python writes it

    def __str__(self) -> str:
        return TYPED.get(self.name) or f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Option(Noun):
    """An option, and the value that it is given."""

    value: Value = None  # None: none; ...: whichever the reader chooses
    unit: str = ""  # of a number, behind which it is typed
    before: str = ""  # what Python says before it

    def __str__(self) -> str:
        flag = super().__str__()
        if self.value is False:
            return f"--no-{flag.removeprefix('--')}"
        if self.value is None or self.value is True or self.value is ...:
            return flag
        return f"{flag} {shlex.quote(self.value) if isinstance(self.value, str) else number(self.value) + self.unit}"


@dataclass(frozen=True)
class Conditions:
    """Conditions on cells, KEY=VALUE[,VALUE] each."""

    typed: tuple[str, ...]
    pattern: bool = False  # whether they show how to write one, and so are not quoted

    def __str__(self) -> str:
        return " ".join(f"--where {each if self.pattern else shlex.quote(each)}" for each in self.typed)


Part = str | Noun | Conditions


class Wording(str):
    """A text in the words of commands that knows which of its parts are options."""

    parts: tuple[Part, ...]

    def __new__(cls, *parts: Part) -> Self:
        """Put parts together; those of a wording are its own."""
        known = [own for part in parts for own in (part.parts if isinstance(part, Wording) else (part,))]
        made = super().__new__(cls, "".join(map(str, known)))
        made.parts = tuple(known)
        return made

    def __add__(self, other: str) -> Wording:
        return Wording(self, other)

    def __radd__(self, other: str) -> Wording:
        return Wording(other, self)


def option(name: str, value: Value = None, unit: str = "") -> Wording:
    """Speak of an option by the name of its argument.

    >>> option("max_failures"), option("shots", 3), option("budget", "my own"), option("overlay", False)
    ('--max-failures', '--shots 3', "--budget 'my own'", '--no-overlay')

    Args:
        name: with _ where commands have -.
        value: True or False of a flag; ... where the reader is to choose one; None: no value is spoken of.
        unit: of a number, where commands take one.
    """
    return Wording(Option(name, value, unit, "the argument " if value is None else ""))


def options(*names: str, last: str = " or ") -> Wording:
    """Speak of several options: --rows, --columns or --matrix, of which Python hears as `the arguments rows, …`.

    Args:
        names: of their arguments.
        last: what stands before the last one.
    """
    before = "the argument " if len(names) == 1 else "the arguments "
    made = Wording(Option(names[0], before=before))
    for place, name in enumerate(names[1:], 2):
        made += (last if place == len(names) else ", ") + Wording(Option(name))
    return made


def noun(name: str) -> Wording:
    """Speak of an option as of a thing, as in `another --method`, of which Python hears as `another method`."""
    return Wording(Noun(name))


def condition(*typed: str, pattern: bool = False) -> Wording:
    """Speak of conditions on cells: --where budget=quick, of which Python hears as where={"budget": "quick"}.

    Args:
        typed: KEY=VALUE[,VALUE] each.
        pattern: whether they show how to write one, as in KEY=VALUE, and are to be typed otherwise.
    """
    return Wording(Conditions(typed, pattern))


def sentence(facts: Iterable[str]) -> str:
    """Put facts together as captions do: with semicolons between them."""
    parts = [part for fact in facts for part in ("; ", fact)]
    return Wording(*parts[1:])


def options_of(text: str) -> list[str]:
    """Name the options that a text speaks of, in order, by their arguments; none of a text that is words alone."""
    return [part.name for part in getattr(text, "parts", ()) if isinstance(part, Noun)]


def number(value: float | Real) -> str:
    """Write a number as it is typed: 3, 0.5, 600."""
    return str(value) if isinstance(value, Integral) else f"{value:g}"
