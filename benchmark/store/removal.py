"""Taking cells out of a results folder again, and trainings that nothing else there is of."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crossvad.datasets.errors import InputError
from crossvad.planning.cell import Cell
from crossvad.store.store import Record, Store

TRAININGS = {"fits": "fit_key", "unfinished": "fit_key", "prepared": "prepared_key", "searches": "search_key"}


@dataclass(frozen=True)
class Removal:
    """What is to be removed of a results folder, and what of that which was named stays."""

    records: Sequence[Record]
    committed: int  # cells of reference/, which stay
    at_work: int  # cells that a process is making, which stay, too


def to_remove(store: Store, records: Iterable[Record]) -> Removal:
    """Choose of some cells those that can be removed: one's own, which nobody is at."""
    own, committed, at_work = list[Record](), 0, 0
    for record in records:
        if not store.place("cells", record.cell.key).is_dir():
            committed += 1
        elif store.is_claimed("cells", record.cell.key):
            at_work += 1
        else:
            own.append(record)
    return Removal(own, committed, at_work)


def remove_cells(store: Store, cells: Collection[Cell]) -> None:
    """Remove cells from runs/, each at once.

    Raises:
        InputError: the folder cannot be written, or something in it leads elsewhere.
    """
    _refuse_unfit(store, "cells")
    for cell in cells:
        _remove(store.place("cells", cell.key))


def remove_trainings(store: Store, cells: Collection[Cell]) -> int:
    """Remove what some cells were made by, unless other cells of runs/ were made by it, too; returns how many fits.

    Raises:
        InputError: as `remove_cells`.
    """
    gone = {cell.key for cell in cells}
    left = [record.cell for record in store.records() if record.cell.key not in gone]
    removed = 0
    for kind, name in TRAININGS.items():
        _refuse_unfit(store, kind)
        needed = {getattr(cell, name) for cell in left}
        for key in {getattr(cell, name) for cell in cells} - needed:
            if not store.is_claimed(kind, key) and store.place(kind, key).is_dir():
                _remove(store.place(kind, key))
                removed += kind == "fits"
    return removed


def _refuse_unfit(store: Store, kind: str) -> None:
    """Refuse a folder that cannot be written, or whose parts lie elsewhere: they may be anybody's."""
    store.check_writable()
    for path in (store.root, store.place(kind, "")):
        if path.is_symlink():
            raise InputError(path, "is a link", "name the results folder that it leads to")


def _remove(place: Path) -> None:
    """Remove a directory, first from its place, so that a reader finds all of it or nothing."""
    if place.is_symlink():  # what it leads to is not ours
        place.unlink()
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name}-old-", dir=place.parent))
    with suppress(FileNotFoundError):  # another process was quicker
        place.replace(aside)
    shutil.rmtree(aside, ignore_errors=True)  # a sweep takes what is left
