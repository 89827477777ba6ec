"""Taking cells out of a results folder again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crossvad.datasets.errors import InputError
from crossvad.store.drafts import step_aside
from crossvad.store.store import Record, Store


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
        if store.place_of(record.cell) == "reference":
            committed += 1
        elif store.is_claimed("cells", record.cell.group_key):
            at_work += 1
        else:
            own.append(record)
    return Removal(own, committed, at_work)


def remove_cells(store: Store, records: Iterable[Record]) -> int:
    """Remove cells from runs/, each at once, but for those that a run made anew since their records were read.

    Returns:
        How many were removed.

    Raises:
        InputError: the folder cannot be written, or something in it leads elsewhere.
    """
    store.check_writable()
    for path in (store.root, store.place("cells", "")):
        if path.is_symlink():  # what it leads to may be anybody's
            raise InputError(path, "is a link", "name the results folder that it leads to")
    removed = 0
    for record in records:
        place = store.place("cells", record.cell.key)
        if store.is_claimed("cells", record.cell.group_key):
            continue
        with store.claim("cells", record.cell.group_key) as held:
            if held and place.is_dir() and store.record(record.cell) == record:
                step_aside(place)
                removed += 1
    return removed
