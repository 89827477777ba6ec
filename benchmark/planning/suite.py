"""Suites: TOML files of grids to run, those of a user, and those that come with the benchmark by name.

sources = ["ped2"]            # what is said here holds for every grid …
methods = ["apn", "lmn"]
shots = [0, 10]

[[grid]]                      # … unless the grid says otherwise; without any, the file is one grid
targets = ["ped2"]

[[grid]]
targets = ["ped1"]
support = "scene-head"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import small_text
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.names import did_you_mean, unknown_name
from crossvad.planning.protocol import SUPPORTS

ENTRIES: dict[str, tuple[Any, type]] = {  # of a suite file: type, and type of its members
    **{name: (list, str) for name in ("sources", "targets", "methods", "tuning", "precision", "training_precision")},
    **{name: (list, int) for name in ("shots", "steps", "seeds")},
    **{name: (str, str) for name in ("budget", "protocol", "support")},
}
SPELLED = {
    (list, str): 'a list of texts, such as ["…"]',
    (list, int): "a list of whole numbers, such as [0, 10]",
    (str, str): 'a text, such as "…"',
}
PLURALS = {name: f"{name}s" for name in ("source", "target", "method", "seed")}
CHOICES: dict[str, Collection[str]] = {"budget": BUDGETS, "support": SUPPORTS}
GRID = "grid"
HEADER = re.compile(r"\s*\[\[\s*[\"']?grid[\"']?\s*\]\]")


@dataclass(frozen=True)
class Suite:
    """Grids to run one after another."""

    name: str  # as it was asked for
    text: str  # the file
    grids: tuple[dict[str, Any], ...]  # the entries of each, any of `ENTRIES`

    @property
    def title(self) -> str:
        """The first line of the file, if that is a comment."""
        first, *_ = self.text.splitlines() or [""]
        return first.lstrip("# ") if first.startswith("#") else ""

    def at(self, entry: str, grid: int = 0, value: str = "") -> str:
        """Where an entry of a grid is written, or a text that is part of its value: `suite.toml, line 3`.

        TOML can be written so that an entry is not found, as in a table within a line: then it is the file alone.
        """
        spellings = [re.escape(each) for each in (entry, *PLURALS) if PLURALS.get(each, each) == entry]
        begins = re.compile(rf"""\s*\[?\s*["']?(?:{"|".join(spellings)})["']?\s*[=\]]""")
        for section in dict.fromkeys((grid + 1, 0)):  # what a grid does not say, the head of the file does
            lines = [(number, line) for number, of, line in _sections(self.text) if of == section]
            begun = next((number for number, line in lines if begins.match(line)), None)
            if begun is not None:
                holding = (number for number, line in lines if number >= begun and value in line)
                return f"{self.name}, line {next(holding, begun)}"
        return self.name


def suite_names() -> list[str]:
    """The suites that come with the benchmark."""
    return sorted(path.name.removesuffix(".toml") for path in _folder().iterdir() if path.name.endswith(".toml"))


def get_suite(name: str) -> Suite:
    """The suite of this name that comes with the benchmark, else the file at this path.

    Raises:
        InputError: there is neither, or both; or the file cannot be read, or has a mistake, whose line is named.
    """
    if name not in suite_names():
        if "/" not in name and not name.endswith(".toml") and not Path(name).exists():
            raise unknown_name("suite", name, suite_names(), "or the path of a TOML file")
        return read_suite(Path(name))
    if Path(name).is_file():
        fix = f"say ./{name} for the file, or rename it"
        raise InputError(name, "is a suite that comes with crossvad, and a file here", fix)
    return parsed(name, _folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def read_suite(path: Path) -> Suite:
    """Read a user's suite file.

    Raises:
        InputError: it cannot be read, or has a mistake, whose line is named.
    """
    try:
        return parsed(str(path), small_text(path).removeprefix("\ufeff"))  # with which some editors begin a file
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "write a TOML file; see bench matrix --help") from error


def parsed(name: str, text: str) -> Suite:
    """Read the text of a suite: any of `ENTRIES`, or as a flag calls them (source for sources), and `[[grid]]`s.

    Raises:
        InputError: it is not TOML, or has an entry of an unknown name, type or choice; names the line.
    """
    try:
        read = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers too long, or lists too deep, to be read
        raise InputError(name, f"cannot be read ({error})", "write a TOML file; see bench matrix --help") from error
    tables = read.pop(GRID, [])
    bare = Suite(name, text, ())
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        fix = "write [[grid]] on a line of its own, and its entries below"
        raise InputError(bare.at(GRID), "grid is no list of tables", fix)
    for number, table in enumerate((read, *tables)):
        for single, plural in PLURALS.items():
            if single in table and plural in table:
                problem = f"says both {single} and {plural}, which are one entry"
                raise InputError(bare.at(plural, number - 1), problem, "write one of them")
    common, *grids = [{PLURALS.get(key, key): value for key, value in table.items()} for table in (read, *tables)]
    suite = Suite(name, text, tuple(common | grid for grid in grids) or (common,))
    for number, entries in enumerate((common, *grids)):
        _check(suite, number - 1, entries)
    return suite


def _check(suite: Suite, grid: int, entries: Mapping[str, Any]) -> None:
    """Refuse an entry of an unknown name, type or choice."""
    for name, value in entries.items():
        where = suite.at(name, grid)
        if name not in ENTRIES:
            known = f"{did_you_mean(name, ENTRIES)}known: {', '.join(ENTRIES)}, and tables [[{GRID}]]"
            raise InputError(where, f"has an unknown entry {name!r}", known)
        kind, member = ENTRIES[name]
        # type() and not isinstance: true is an int to Python, but no number of shots to anyone.
        if not isinstance(value, kind) or not all(type(each) is member for each in value) or not value:
            problem = "is empty" if value in ([], "") else "is of the wrong type"
            raise InputError(where, f"{name} = {value!r} {problem}", f"write {SPELLED[kind, member]}")
        if name in CHOICES and value not in CHOICES[name]:
            fix = f"{did_you_mean(value, CHOICES[name])}choose from {', '.join(CHOICES[name])}"
            raise InputError(where, f"{name} {value!r} is unknown", fix)


def _folder() -> Any:
    return files("crossvad.planning").joinpath("suites")


def _sections(text: str) -> Iterator[tuple[int, int, str]]:
    """Each line: its number from 1, which grid it is of, from 1 (0: of the head of the file), and its text."""
    section = 0
    for number, line in enumerate(text.split("\n"), 1):  # TOML knows no other ends of lines
        section += bool(HEADER.match(line))
        yield number, section, line
