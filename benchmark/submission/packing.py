"""Packing a submission: cells, what they are compared with, and what made them."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option
from crossvad.datasets.words import number_of
from crossvad.planning import registry
from crossvad.planning.catalogue import BASELINES, METHODS
from crossvad.planning.specs import Spec
from crossvad.present.atomic_files import replacing_folder
from crossvad.store.records import RECORD
from crossvad.store.store import SCORES, Record, Store, sha256
from crossvad.submission.card import Card, MethodCard, read_card, write_card
from crossvad.submission.fairness import unfair
from crossvad.submission.figures import figures
from crossvad.submission.layout import CARD, CELLS, FIGURES, SUMS, files_of, sums_of, write_sums
from crossvad.submission.statement import (
    Board,
    Plugin,
    Statement,
    base_name,
    boards_of,
    plugins_named,
    write_statement,
)

OF_THIS_MACHINE = ("data", "cache", "results")  # facts of an environment that name folders, or change by the minute


UNADAPTED = (0, "none")  # shots, and where they are from


def chosen_cells(chosen: Iterable[Record], others: Iterable[Record]) -> tuple[list[Record], list[str]]:
    """Choose what goes into a submission: finished cells, what each starts from at K = 0, and the trivial rows.

    These come unadapted, and as they read after the same support sets as the cells that were asked for.

    Args:
        chosen: cells that were asked for.
        others: cells among which the rest is found.

    Returns:
        The cells in the order of their keys; and what is left out of those asked for, and why.
    """
    asked = list(chosen)
    done = [record for record in asked if record.status == "done"]
    fair = [record for record in done if not unfair(record)]
    counts = {"not done": len(asked) - len(done), "that protocol fair has no place for": len(done) - len(fair)}
    left_out = [f"{number_of(count, 'cell')} {why}" for why, count in counts.items() if count]
    ways = {(*_board(record), record.cell.method, record.cell.seed) for record in fair}
    shown = {(*_board(record), *_support(record)) for record in fair}
    shown |= {(*board, *UNADAPTED) for board in boards_of(fair)}
    beside = [
        record
        for record in others
        if record.status == "done"
        and (
            (*_board(record), *_support(record)) in shown
            if record.cell.method in BASELINES
            else not record.cell.shots and (*_board(record), record.cell.method, record.cell.seed) in ways
        )
        and not unfair(record)
    ]
    kept = {record.cell.key: record for record in [*fair, *beside]}
    return [kept[key] for key in sorted(kept)], left_out


def _board(record: Record) -> Board:
    return Board(record.cell.budget, record.cell.source, record.cell.target)


def _support(record: Record) -> tuple[int, str]:
    return record.cell.shots, record.cell.support


def find_plugins(records: Sequence[Record], code: Iterable[Path]) -> dict[Plugin, Path]:
    """Find the files of all plug-ins that cells name among those that a user gave, which are imported.

    Raises:
        InputError: one was not given, is not as it was when the cells were run, or is of none of them.
    """
    files = {path.name: path for path in code}
    named = sorted(set().union(*(plugins_named(record) for record in records)))
    for name in files.keys() - {Path(plugin.partition(":")[0]).name for plugin in named}:
        problem = "is the file of no plug-in that these cells name" + (f" ({', '.join(named)})" if named else "")
        raise InputError(files[name], problem, "leave it out; of an installed package no code is packed")
    found = {}
    for name in named:
        file = Path(name.partition(":")[0]).name
        if file not in files:
            problem, give = "is a plug-in, whose file goes into the submission", option("code", file)
            raise InputError(name, problem, "give it: " + give)
        if not files[file].is_file() or files[file].is_symlink():
            raise InputError(files[file], "is no plain file", "give the file itself")
        found[Plugin(name, sha256(files[file]), files[file].stat().st_size)] = files[file]
    for cell in (record.cell for record in records):
        for label, version, look_up in (
            (cell.method, cell.method_version, registry.get_method),
            (cell.tuning, cell.tuning_version, registry.get_tuning),
        ):
            if registry.runs_code(label):
                path = files[Path(base_name(label).partition(":")[0]).name]
                spec: Spec = look_up(str(path.parent / label))  # type: ignore[operator]
                if spec.version != version:  # type: ignore[attr-defined]
                    fix = "give the file as it was, or run the cells again"
                    raise InputError(path, f"is not as it was when {label} was run", fix)
    return found


def card_for(records: Iterable[Record], plugins: Mapping[Plugin, Path], kept: Card) -> Card:
    """The card of some cells: what it says already, and a table for each method that this package does not know.

    Of a plug-in, what its class says of itself stands in it.
    """
    paths = {plugin.name: path for plugin, path in plugins.items()}
    methods = {}
    for name in sorted({base_name(record.cell.method) for record in records} - METHODS.keys()):
        told = MethodCard(title=name.rpartition(":")[2])
        if name in paths:
            cls = registry.get_method(f"{paths[name].parent / name}").cls
            told = MethodCard(told.title, cls.paper, cls.licence, tuple(cls.deviations))
        methods[name] = kept.methods.get(name, told)
    return Card(kept.by, kept.contact, kept.note, methods)


def pack(
    out: Path,
    store: Store,
    records: Sequence[Record],
    where: Sequence[str],
    environment: Mapping[str, str],
    code: Collection[Path] = (),
) -> Statement:
    """Write a submission of some cells, whole or not at all; the same cells and card make the same bytes.

    Where there is one already its card is kept, and the rest written anew.

    Args:
        out: the folder to write.
        store: where the cells lie.
        records: of them: see `chosen_cells`.
        where: conditions by which they were chosen.
        environment: facts of this machine, as `execution.environment` gives them.
        code: files of plug-ins.

    Raises:
        InputError: a folder of something else is there, scores were changed, or a plug-in is not at hand.
    """
    kept = _kept_card(out)
    plugins = find_plugins(records, code)
    facts = {name: fact for name, fact in environment.items() if name not in OF_THIS_MACHINE}
    statement = Statement(boards_of(records), list(where), facts, list(plugins))
    with replacing_folder(out) as draft:
        for record in records:
            store.check_scores(record)
            place = draft / CELLS / record.cell.key
            place.mkdir(parents=True)
            for name in (RECORD, SCORES):
                shutil.copyfile(store.cell_place(record.cell.key) / name, place / name)
        for plugin, path in plugins.items():
            (draft / plugin.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, draft / plugin.path)
        (draft / FIGURES).write_text(figures(store, records), encoding="utf-8")
        (draft / CARD).write_text(write_card(card_for(records, plugins, kept)), encoding="utf-8")
        write_statement(statement, draft)
        files, _ = files_of(draft)
        write_sums(draft, sums_of(draft, files))
    return statement


def _kept_card(out: Path) -> Card:
    """The card of the submission that is there already; an empty one if there is nothing.

    Raises:
        InputError: something else is there, or its card cannot be read.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(out, "is no folder", "name another one")
    if not out.is_dir() or not any(out.iterdir()):
        return Card()
    if not (out / SUMS).is_file():
        raise InputError(out, "holds something else than a submission", "name another folder, or an empty one")
    return read_card(out / CARD) if (out / CARD).is_file() else Card()
