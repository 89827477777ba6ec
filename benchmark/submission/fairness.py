"""Whether the cells of a submission may stand on a leaderboard together: fair, whole, and of one version each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.wording import option
from crossvad.datasets.words import number_of
from crossvad.planning import registry
from crossvad.planning.catalogue import BASELINES, METHODS, TUNINGS
from crossvad.planning.protocol import FAIR, SupportPolicy
from crossvad.planning.versions import HARNESS
from crossvad.store.store import Record
from crossvad.submission.statement import Board, base_name, boards_of

FAIR_SUPPORTS = (SupportPolicy.NONE, SupportPolicy.TRAIN_HEAD, SupportPolicy.SCENE_HEAD)
NAMED = 4  # cells or seeds that a message names, at most
WITHOUT = "pack it again with bench submit pack, which leaves such cells out"
RUN = "run what is missing, or leave that out with " + option("where") + ", and pack again"


def unfair(record: Record) -> str:
    """Say why protocol fair has no place for a cell; nothing if it has."""
    cell = record.cell
    if cell.policy not in FAIR_SUPPORTS:
        return f"adapts on {cell.support}, which is the very test video that is scored"
    if (cell.shots > 0) != (cell.policy != SupportPolicy.NONE):
        return f"adapts on {number_of(cell.shots, 'clip')} of support {cell.support}"
    if cell.shots > FAIR.max_shots:
        return f"adapts on {number_of(cell.shots, 'clip')}, and protocol fair leaves room for {FAIR.max_shots}"
    return ""


def verify_fairness(records: Iterable[Record]) -> list[Problem]:
    """Find the cells that protocol fair has no place for."""
    return [
        Problem("error", f"cell {record.cell.key}, {record.cell}", why, WITHOUT)
        for record in records
        if (why := unfair(record))
    ]


def verify_grid(records: Sequence[Record], boards: Collection[Board]) -> list[Problem]:
    """Whether the grid is whole on every board: each way to adapt with the seeds of its method, and its start at K = 0.

    Args:
        records: all cells of the submission.
        boards: that it says it is for.
    """
    problems = []
    if set(boards) != set(boards_of(records)):
        problems.append(Problem("error", "boards", "are not those of the cells", WITHOUT))
    seeds: dict[tuple[Board, str], dict[tuple, set[int]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        cell = record.cell
        way = (cell.tuning, cell.support, cell.shots, cell.steps)
        seeds[Board.of(record), cell.method][way].add(cell.seed)
    for (board, method), ways in sorted(seeds.items()):
        where, every = f"{method}, {board.source} → {board.target}", set().union(*ways.values())
        if not any(shots == 0 for _, _, shots, _ in ways):
            problems.append(Problem("error", where, "is nowhere as it was before it adapted, at K = 0", RUN))
        for (tuning, _, shots, steps), own in sorted(ways.items()):
            if lacking := sorted(every - own):
                some = ", ".join(map(str, lacking[:NAMED])) + (" …" if len(lacking) > NAMED else "")
                told = f"({tuning}, K = {shots}, steps = {steps}) lacks seed {some}"
                problems.append(Problem("error", where, told, RUN))
    return problems


def verify_trivial_rows(records: Iterable[Record], known: Collection[Board] = ()) -> list[Problem]:
    """Whether the rows that no table goes without are on every board, here or in submissions that are `known`."""
    return [
        Problem("error", str(board), f"lacks {', '.join(lacking)}", RUN)
        for board, lacking in lacking_trivial_rows(records).items()
        if board not in known
    ]


def lacking_trivial_rows(records: Iterable[Record]) -> dict[Board, list[str]]:
    """The boards of some cells that are without rows that no table goes without, and which these are."""
    there: dict[Board, set[str]] = defaultdict(set)
    for record in records:
        there[Board.of(record)].add(record.cell.method)
    without = {board: [name for name in BASELINES if name not in methods] for board, methods in sorted(there.items())}
    return {board: lacking for board, lacking in without.items() if lacking}


def verify_one_meaning(records: Iterable[Record]) -> list[Problem]:
    """Whether each name stands for one version or copy throughout."""
    stood: dict[tuple, set[str]] = defaultdict(set)
    for record in records:
        for name, what in record.cell.meanings.items():
            stood[name].add(what)
    fix = "pack one of them: see bench results list for how to ask for it"
    return [
        Problem("error", " ".join(map(str, name)), f"stands for {len(several)} versions or copies", fix)
        for name, several in sorted(stood.items())
        if len(several) > 1
    ]


def verify_versions(records: Iterable[Record]) -> list[Problem]:
    """Whether what this package has by these names is of their versions: later ones than it has cannot be."""
    problems = []
    cells = [record.cell for record in records]
    if (latest := max((cell.harness_version for cell in cells), default=0)) > HARNESS:
        told = f"cells are of harness {latest}, and this is {HARNESS}"
        problems.append(Problem("error", "versions", told, "update crossvad"))
    for known, look_up, names in (
        (METHODS, registry.get_method, {(cell.method, cell.method_version) for cell in cells}),
        (TUNINGS, registry.get_tuning, {(cell.tuning, cell.tuning_version) for cell in cells}),
    ):
        for name, version in sorted(names):
            if base_name(name) not in known or registry.runs_code(name) or not version:
                continue
            try:
                own: str = look_up(name).version  # type: ignore[operator]
            except InputError:  # told by `known_names.verify_names`
                continue
            if version_numbers(version) > version_numbers(own):
                told = f"is of version {version}, and this package has {own}"
                problems.append(Problem("error", name, told, "update crossvad"))
    return problems


def version_numbers(version: str) -> list[tuple[int, str]]:
    """The parts of a version, to be compared: 1.10 is later than 1.9."""
    parts = re.split(r"[.+]", version)
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts]
