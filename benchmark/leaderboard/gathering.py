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
from crossvad.planning.catalogue import BASELINES, METHODS, OUR_DATASETS, TUNINGS
from crossvad.planning.cell import Meanings
from crossvad.store.opening import open_stores
from crossvad.store.store import Record, Store
from crossvad.submission.checking import Checked, check
from crossvad.submission.fairness import RUN, lacking_trivial_rows, verify_trivial_rows, version_numbers
from crossvad.submission.layout import CELLS
from crossvad.submission.rendered import lacks_videos
from crossvad.submission.statement import Board, base_name, boards_of
from crossvad.verification import integrity

NAMED = 3  # cells that a fact names, at most
OWN_NAME = "rename it; of their package, run the version that they ran"
COPIES = ("source", "target", "support", "budget")  # names that stand for files, of which the first folder's counts


@dataclass(frozen=True)
class Gathered:
    """What a site is made of."""

    accepted: Sequence[Checked]
    refused: Mapping[Path, Sequence[Problem]]
    store: Store
    records: Sequence[Record]  # that stand: of one copy of each data set, and of one version of each method
    older: Sequence[Record]  # of other versions, or on boards whose trivial rows are
    left_out: Sequence[str]  # facts
    owners: Mapping[str, Sequence[Checked]]  # submissions that hold a cell, by its key

    @cached_property
    def by_entry(self) -> dict[tuple, list[Record]]:
        """The cells that stand by what a row is of: those of one differ in their seed alone."""
        found: dict[tuple, list[Record]] = {}
        for record in self.records:
            found.setdefault(tuple(getattr(record.cell, name) for name in ENTRY), []).append(record)
        return found

    @cached_property
    def counting_targets(self) -> set[str]:
        """The targets that count where rows are compared over several, so that nobody leaves others out by their own.

        Those that this package knows, those on which several senders have rows of methods, and those of the first
        folder of which anything stands.
        """
        senders: dict[str, set[str]] = {}
        for record in self.records:
            if record.cell.method not in BASELINES:
                holders = self.owners[record.cell.key]
                senders.setdefault(record.cell.target, set()).update(each.card.by for each in holders if each.card)
        foremost = self.owners[self.records[0].cell.key][0]
        first = {record.cell.target for record in foremost.records}
        return {
            target
            for target in {record.cell.target for record in self.records}
            if target in first or base_name(target) in OUR_DATASETS or len(senders.get(target, ())) > 1
        }

    def credit(self, records: Iterable[Record]) -> str:
        """Who ran some cells."""
        names = (each.card.by for record in records for each in self.owners[record.cell.key] if each.card)
        return ", ".join(dict.fromkeys(names))


def gather(folders: Sequence[Path], reporter: Reporter) -> Gathered:
    """Check submissions, in their order, and put those that are accepted together.

    Names that stand for copies of data mean what they mean in the first folder that has them; a row is of the first
    folder that has it. Of what has versions one stands, on the whole site: see `_newest`.

    Raises:
        InputError: none is accepted.
    """
    sound, refused = dict[Path, Checked](), dict[Path, Sequence[Problem]]()
    with reporter.task("Check submissions") as update:
        for number, folder in enumerate(folders):
            update(number, len(folders), folder.name)
            try:
                found = check(folder, {board for each in sound.values() for board in boards_of(each.records)})
                wrong = found.errors
            except InputError as error:
                wrong = [Problem("error", error.where, error.problem, error.fix)]
            except OSError as error:
                where, problem = str(error.filename or folder), f"cannot be read ({error.strerror})"
                wrong = [Problem("error", where, problem, "mend its rights, or ask its sender")]
            if wrong:
                refused[folder] = wrong
            else:
                sound[folder] = found
    refused |= _at_odds(sound)
    accepted = [found for folder, found in sound.items() if folder not in refused]
    if not accepted:
        told = "; ".join(f"{folder}: {problems[0].where} {problems[0].problem}" for folder, problems in refused.items())
        raise InputError("leaderboard", f"no folder is accepted ({told})", "bench submit check FOLDER says all")
    records, owners, facts = _of_first_folders(accepted)
    same, others = _of_first_copies(records)
    newest, older = _newest(same)
    bare = lacking_trivial_rows(newest)
    stand = [record for record in newest if Board.of(record) not in bare]
    if not stand:
        raise InputError("leaderboard", f"no board has {', '.join(BASELINES)} of the versions that stand", RUN)
    for board, lacking in bare.items():
        facts.append(f"{board} is not shown: nobody ran {', '.join(lacking)} of the version that stands there")
    older += [record for record in newest if Board.of(record) in bare]
    if older:
        facts.append(f"{number_of(len(older), 'cell')} of other versions stand on the pages of their methods alone")
    if others:
        facts.append(f"{number_of(len(others), 'cell')} of other copies of the data are not shown")
    store = open_stores([each.folder for each in accepted], only=CELLS)
    return Gathered(accepted, refused, store, stand, older, facts, owners)


def _at_odds(sound: Mapping[Path, Checked]) -> dict[Path, Sequence[Problem]]:
    """What is wrong with submissions that are sound by themselves, beside those before them.

    Of the same copy of a target that this package knows, videos are missing in whichever folder has fewer than all.
    Trivial rows of another harness are none: whose cells are of the newest takes those of others off, see `_newest`.
    """
    refused = dict[Path, Sequence[Problem]]()
    frames = dict[tuple[str, str], integrity.Frames]()
    for folder in sorted(sound, key=lambda folder: lacks_videos(sound[folder].store, sound[folder].records)):
        if wrong := _other_frames(sound[folder], frames):
            refused[folder] = wrong
    before = list[Checked]()
    for folder, found in sound.items():
        if folder in refused:
            continue
        harness = _harness(found)
        known = {board for each in before if _harness(each) == harness for board in boards_of(each.records)}
        if wrong := [*_taken(found, before), *verify_trivial_rows(found.records, known)]:
            refused[folder] = wrong
        else:
            before.append(found)
    return refused


def _harness(found: Checked) -> int:
    """The one that its cells are of: `verify_one_meaning`."""
    return found.records[0].cell.harness_version


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
    """What a submission calls as somebody else calls theirs, whose rows it would replace or join.

    The same code may be run by several: a file of the same sum, or of a package one version, which is of its code.
    """
    theirs: dict[str, tuple[str, str]] = {}  # name: by whom, and what tells its code
    for each in accepted:
        if each.card and (not found.card or each.card.by != found.card.by):
            for name, code in _names_of_its_own(each).items():
                theirs.setdefault(name, (each.card.by, code))
    return [
        Problem("error", name, f"is the name of another method, tuning or plug-in, of {theirs[name][0]}", OWN_NAME)
        for name, code in _names_of_its_own(found).items()
        if name in theirs and code != theirs[name][1]
    ]


def _names_of_its_own(found: Checked) -> dict[str, str]:
    """The methods, tunings and plug-ins of a submission that are not ours, without options: what tells their code."""
    names = {
        base_name(*name): version
        for cell in (record.cell for record in found.records)
        for (kind, *name), version in cell.meanings.items()
        if kind in ("method", "tuning") and not _is_ours(kind, *name)
    }
    return names | ({each.name: each.sha256 for each in found.statement.plugins} if found.statement else {})


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
    """The cells of the one version of each thing that stands, on the whole site, and those of others.

    Versions count up where they are of this package: there the newest stands. What comes from elsewhere has none that
    can be held against anything: there the first folder's stands, whatever a later one calls itself. The harness is
    chosen first, then methods among what is left, then tunings, so that every choice leaves something standing.
    """
    kept = list(records)
    for kind in ("harness", "method", "tuning"):
        stands = _standing(kept, kind)
        kept = [record for record in kept if _versions(record, kind).items() <= stands.items()]
    keys = {record.cell.key for record in kept}
    return kept, [record for record in records if record.cell.key not in keys]


def _standing(records: Iterable[Record], kind: str) -> Meanings:
    """Which version of each thing of a kind stands."""
    stands: Meanings = {}
    for record in records:
        for name, version in _versions(record, kind).items():
            first = stands.setdefault(name, version)
            if _is_ours(*name) and version_numbers(version) > version_numbers(first):
                stands[name] = version
    return stands


def _versions(record: Record, kind: str) -> Meanings:
    """What a cell is of that has a version, and which."""
    return {name: version for name, version in record.cell.meanings.items() if name[0] == kind}


def _is_ours(kind: str, name: str = "") -> bool:
    """Whether something that has versions comes with this package."""
    return kind == "harness" or base_name(name) in {"method": METHODS, "tuning": TUNINGS}[kind]
