"""Whether a submission is what it says: everything but the running of code, which is anybody's."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from crossvad.datasets.errors import InputError, Problem, first_few, plain
from crossvad.datasets.readers.file_identity import small_text
from crossvad.evaluation.columns import KEYS
from crossvad.planning.catalogue import METHODS
from crossvad.store.store import Record, Store, sha256
from crossvad.submission.card import Card, read_card, unsaid
from crossvad.submission.fairness import (
    verify_fairness,
    verify_grid,
    verify_one_meaning,
    verify_trivial_rows,
    verify_versions,
)
from crossvad.submission.figures import figures
from crossvad.submission.known_names import verify_facts, verify_names
from crossvad.submission.layout import AGAIN, CARD, CELLS, FIGURES, PLUGINS, STATEMENT, files_of, is_beside, wrong_sums
from crossvad.submission.rendered import verify_copies
from crossvad.submission.statement import Board, Statement, base_name, plugins_named, read_statement
from crossvad.verification import integrity
from crossvad.verification.reproduction import differ

KEY = re.compile(r"\b[0-9a-f]{16}\b")  # of a cell, in what a message says of it
LONGEST = 500  # characters of a message
Read = TypeVar("Read")
Report = Callable[[int, int, str], None]  # how far it is: done, of how many, at what


@dataclass(frozen=True)
class Checked:
    """A submission as it was read, and all that is wrong with it."""

    folder: Path
    problems: Sequence[Problem]
    records: Sequence[Record] = ()  # of its cells, of those that can be read
    statement: Statement | None = None
    card: Card | None = None

    @property
    def errors(self) -> list[Problem]:
        """What keeps it from being accepted."""
        return [problem for problem in self.problems if problem.severity == "error"]

    @property
    def store(self) -> Store:
        """Its cells."""
        return Store(self.folder, only=CELLS)


def check(folder: Path, known: Collection[Board] = (), report: Report = lambda done, of, at: None) -> Checked:
    """Check a submission: all that is wrong with it, at once. Nothing in it is run or imported.

    Args:
        folder: of the submission, of whomever.
        known: boards whose trivial rows are in other submissions.
        report: told how far it is.

    Raises:
        InputError: there is no such folder.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise InputError(folder, "is no folder", "name the folder of a submission")
    report(0, 3, "files")
    files, misplaced = files_of(folder)
    readable = all(map(is_beside, misplaced))
    misplaced = first_few(sorted(misplaced, key=is_beside), str(folder))  # what blocks reading first
    if not readable:  # nothing of it is read
        unread = Problem("warning", str(folder), "is not looked at any further while this is there", "check it again")
        return Checked(folder, [_shown(problem) for problem in (*misplaced, unread)])
    problems = [*misplaced, *wrong_sums(folder, files)]
    statement, card = _read(lambda: read_statement(folder), problems), _card(folder, files, problems)
    report(1, 3, "cells")
    records, found = _cells(folder)
    problems += found
    report(2, 3, "grids and copies")
    problems += [*verify_fairness(records), *verify_one_meaning(records), *verify_versions(records)]
    problems += [*verify_names(records), *verify_facts(records), *verify_trivial_rows(records, known)]
    if statement is not None:
        problems += verify_grid(records, statement.boards)
        problems += _plugins(folder, records, statement, files)
    if card is not None:
        problems += _described(records, card)
    problems += _figures(folder, records, files)
    report(3, 3, "")
    return Checked(folder, list(dict.fromkeys(map(_shown, problems))), records, statement, card)


def _shown(problem: Problem) -> Problem:
    """A problem as it may be shown: of a stranger's words, those that can be seen, and no more than fit."""
    where, what = (plain(text) for text in (problem.where, problem.problem))
    return replace(problem, where=_short(where), problem=_short(what))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _read(read: Callable[[], Read], problems: list[Problem]) -> Read | None:
    """What is read, or None and one more problem."""
    try:
        return read()
    except InputError as error:
        problems.append(Problem("error", error.where, error.problem, error.fix))
        return None


def _card(folder: Path, files: Sequence[str], problems: list[Problem]) -> Card | None:
    if CARD not in files:
        problems.append(Problem("error", CARD, "is missing", AGAIN))
        return None
    card = _read(lambda: read_card(folder / CARD), problems)
    if card is not None:
        problems += unsaid(card, small_text(folder / CARD))
    return card


def _cells(folder: Path) -> tuple[list[Record], list[Problem]]:
    """The cells that are sound, and what is wrong with the others, by the store's own readers."""
    store = Store(folder, only=CELLS)
    try:
        sound, problems = integrity.verify_store(store)
        records = [record for record in map(store.record, sound) if record is not None]
        told = {*(cell.key for cell in sound), *KEY.findall(" ".join(problem.where for problem in problems))}
        undone = [place.name for place in store.cell_places() if place.name not in told]
        problems += [Problem("error", f"cell {key}", "is not done: finished ones count", AGAIN) for key in undone]
        problems += verify_copies(store, records)
    except InputError as error:
        return [], [Problem("error", error.where, error.problem, error.fix)]
    if not records:
        problems.append(Problem("error", CELLS, "holds no sound cell", AGAIN))
    return records, problems


def _plugins(folder: Path, records: Sequence[Record], statement: Statement, files: Sequence[str]) -> list[Problem]:
    """Whether all code that cells name is there, by its sum, and no other."""
    named = set().union(*(plugins_named(record) for record in records))
    said = {plugin.name: plugin for plugin in statement.plugins}
    problems = [Problem("error", name, "is code that is not there", AGAIN) for name in sorted(named - said.keys())]
    for name, plugin in sorted(said.items()):
        if plugin.path not in files:
            problems.append(Problem("error", f"{STATEMENT}, {name}", "names a file that is not there", AGAIN))
        elif sha256(folder / plugin.path) != plugin.sha256:
            problems.append(Problem("error", plugin.path, "has another sum than its name says", AGAIN))
    known = {plugin.path for name, plugin in said.items() if name in named}
    spare = [file for file in files if file.startswith(f"{PLUGINS}/") and file not in known]
    return problems + [Problem("error", file, "is code that no cell names", AGAIN) for file in spare]


def _described(records: Sequence[Record], card: Card) -> list[Problem]:
    """Whether the card has a table for every method that this package does not know."""
    named = {base_name(record.cell.method) for record in records} - METHODS.keys()
    return [
        Problem("error", CARD, f"says nothing of {name}", AGAIN) for name in sorted(named) if name not in card.methods
    ]


def _figures(folder: Path, records: Sequence[Record], files: Sequence[str]) -> list[Problem]:
    """Whether the figures are what the raw scores say, and of all cells."""
    if FIGURES not in files:
        return [Problem("error", FIGURES, "is missing", AGAIN)]
    try:
        said = {_key(row): row for row in csv.DictReader(io.StringIO(small_text(folder / FIGURES)))}
        again = {_key(row): row for row in csv.DictReader(io.StringIO(figures(Store(folder, only=CELLS), records)))}
    except (InputError, OSError, ValueError, KeyError, csv.Error) as error:
        return [Problem("error", FIGURES, f"cannot be read ({error})", AGAIN)]
    problems = []
    if said.keys() != again.keys():
        told = f"has {len(said)} rows, of which {len(said.keys() & again.keys())} are of the {len(again)} sound cells"
        problems.append(Problem("error", FIGURES, told, AGAIN))
    for key in sorted(said.keys() & again.keys()):
        names = [name for name in again[key] if name in said[key] and differ(str(said[key][name]), again[key][name])]
        told = "; ".join(f"{name} {said[key][name]}, not {again[key][name] or 'nothing'}" for name in names)
        if names:
            problems.append(
                Problem("error", f"{FIGURES}, {', '.join(key)}", f"raw scores say otherwise: {told}", AGAIN)
            )
    return problems


def _key(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in KEYS)
