"""Submissions put together: which are accepted, which cells stand, and which are of earlier versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.words import number_of
from crossvad.evaluation.comparison import ENTRY
from crossvad.execution.progress import Reporter
from crossvad.planning.catalogue import METHODS, TUNINGS
from crossvad.planning.names import split_options
from crossvad.store.opening import open_stores
from crossvad.store.store import Record, Store
from crossvad.submission.checking import Checked, check
from crossvad.submission.fairness import version_numbers
from crossvad.submission.layout import CELLS
from crossvad.submission.statement import boards_of
from crossvad.verification import integrity

NAMED = 3  # cells that a fact names, at most
COPIES = ("source", "target", "support", "budget")  # names that stand for files, of which the first folder's counts


@dataclass(frozen=True)
class Gathered:
    """What a site is made of."""

    accepted: Sequence[Checked]
    refused: Mapping[Path, Sequence[Problem]]
    store: Store
    records: Sequence[Record]  # that stand: of one copy of each data set, and of the newest version of each method
    older: Sequence[Record]  # of earlier versions
    left_out: Sequence[str]  # facts
    owners: Mapping[str, Sequence[Checked]]  # submissions that hold a cell, by its key

    @cached_property
    def by_entry(self) -> dict[tuple, list[Record]]:
        """The cells that stand by what a row is of: those of one differ in their seed alone."""
        found: dict[tuple, list[Record]] = {}
        for record in self.records:
            found.setdefault(tuple(getattr(record.cell, name) for name in ENTRY), []).append(record)
        return found

    def credit(self, records: Iterable[Record]) -> str:
        """Who ran some cells."""
        names = (each.card.by for record in records for each in self.owners[record.cell.key] if each.card)
        return ", ".join(dict.fromkeys(names))


def gather(folders: Sequence[Path], reporter: Reporter) -> Gathered:
    """Check submissions, in their order, and put those that are accepted together.

    Names that stand for copies of data mean what they mean in the first folder that has them; a row is of the first
    folder that has it. Only a method of this package can have a newer version, which then stands in its place.

    Raises:
        InputError: none is accepted.
    """
    accepted, refused = list[Checked](), dict[Path, Sequence[Problem]]()
    frames = dict[tuple[str, str], integrity.Frames]()
    with reporter.task("Check submissions") as update:
        for number, folder in enumerate(folders):
            update(number, len(folders), folder.name)
            try:
                found = check(folder, {board for each in accepted for board in boards_of(each.records)})
                wrong = found.errors or [*_taken(found, accepted), *_other_frames(found, frames)]
            except InputError as error:
                wrong = [Problem("error", error.where, error.problem, error.fix)]
            except OSError as error:
                where, problem = str(error.filename or folder), f"cannot be read ({error.strerror})"
                wrong = [Problem("error", where, problem, "mend its rights, or ask its sender")]
            if wrong:
                refused[folder] = wrong
            else:
                accepted.append(found)
    if not accepted:
        told = "; ".join(f"{folder}: {problems[0].where} {problems[0].problem}" for folder, problems in refused.items())
        raise InputError("leaderboard", f"no folder is accepted ({told})", "bench submit check FOLDER says all")
    records, owners, facts = _of_first_folders(accepted)
    same, others = _of_first_copies(records)
    newest, older = _newest(same)
    if others:
        facts.append(f"{number_of(len(others), 'cell')} of other copies of the data are not shown")
    store = open_stores([each.folder for each in accepted], only=CELLS)
    return Gathered(accepted, refused, store, newest, older, facts, owners)


def _other_frames(found: Checked, first: dict[tuple[str, str], integrity.Frames]) -> list[Problem]:
    """Whether a submission has other labels or videos of a target than the first one of its copy; that is added to."""
    one_each = {(record.cell.target, record.cell.target_digest): record for record in found.records}
    known = dict(first)
    wrong = [
        problem
        for record in one_each.values()
        for problem in integrity.verify_mask(record, found.store.scores(record.cell), known)
    ]
    if not wrong:
        first.update(known)
    return wrong


def _of_first_folders(accepted: Iterable[Checked]) -> tuple[list[Record], dict[str, list[Checked]], list[str]]:
    """The cells of rows, each of the first folder that has it; who holds each, by its key; and what is left out."""
    records: dict[str, Record] = {}
    owners: dict[str, list[Checked]] = {}
    rows: dict[tuple, Checked] = {}
    disputed, more = list[str](), list[str]()
    for each in accepted:
        for record in each.records:
            key, first = record.cell.key, records.get(record.cell.key)
            if first is not None and first.digest == record.digest:
                owners[key].append(each)
            elif first is not None:
                disputed.append(key)
            elif rows.setdefault(_row_of(record), each) is each:
                records[key], owners[key] = record, [each]
            else:
                more.append(key)
    facts = []
    if disputed:
        named = ", ".join(sorted(disputed)[:NAMED]) + (" …" if len(disputed) > NAMED else "")
        told = f"of {number_of(len(disputed), 'cell')} a later submission has other scores, and the first counts"
        facts.append(f"{told} ({named})")
    if more:
        told = f"{number_of(len(more), 'cell')} with other seeds of rows that an earlier submission has are not shown"
        facts.append(told)
    return list(records.values()), owners, facts


def _row_of(record: Record) -> tuple:
    """What is the same in the cells of a row, whatever their seeds: their keys, and what these mean."""
    return *(getattr(record.cell, name) for name in ENTRY), *record.cell.meanings.values()


def _taken(found: Checked, accepted: Iterable[Checked]) -> list[Problem]:
    """The plug-ins of a submission that are called as those of somebody else, whose rows they would replace."""
    theirs = {
        plugin.name: each.card.by
        for each in accepted
        if each.card and each.statement
        for plugin in each.statement.plugins
        if not found.card or each.card.by != found.card.by
    }
    mine = {plugin.name: plugin.sha256 for plugin in found.statement.plugins} if found.statement else {}
    same = {plugin.path for each in accepted if each.statement for plugin in each.statement.plugins}
    return [
        Problem("error", name, f"is the name of another plug-in, of {theirs[name]}", "rename the class or its file")
        for name, total in mine.items()
        if name in theirs and not any(total in path for path in same)
    ]


def _of_first_copies(records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
    """The cells whose copies of data are those that were named first, and the others."""
    meant: dict[tuple, str] = {}
    own, others = list[Record](), list[Record]()
    for record in records:
        copies = {name: what for name, what in record.cell.meanings.items() if name[0] in COPIES}
        if all(meant.get(name, what) == what for name, what in copies.items()):
            meant |= copies
            own.append(record)
        else:
            others.append(record)
    return own, others


def _newest(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Of each row the cells of its newest version, and those of earlier ones.

    Versions count up where they are of this package. What comes from elsewhere has none that can be held against
    anything: there the first folder's stands, whatever a later one calls itself.
    """
    rows: dict[tuple, list[Record]] = {}
    for record in records:
        rows.setdefault(tuple(getattr(record.cell, name) for name in ENTRY), []).append(record)
    own = list[Record]()
    for row in rows.values():
        stands = max(map(_version, row)) if _is_ours(row[0]) else _version(row[0])
        own += [record for record in row if _version(record) == stands]
    kept = {record.cell.key for record in own}
    return [record for record in records if record.cell.key in kept], [
        record for record in records if record.cell.key not in kept
    ]


def _version(record: Record) -> tuple[list[tuple[int, str]], ...]:
    """What a cell is of: of the harness, of its method, of its tuning, to be compared in this order."""
    cell = record.cell
    return tuple(map(version_numbers, (str(cell.harness_version), cell.method_version, cell.tuning_version)))


def _is_ours(record: Record) -> bool:
    """Whether method and tuning come with this package."""
    cell = record.cell
    return split_options(cell.method)[0] in METHODS and split_options(cell.tuning)[0] in TUNINGS
