"""Several results folders, read as if all their cells lay in one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option
from crossvad.planning.cell import Cell
from crossvad.store.scores import Maps
from crossvad.store.store import Record, Store

NAMED = 3  # cells that a message names, at most


class SeveralStores(Store):
    """Cells of several results folders. Models, profiles and what is remembered of metrics are those of the first.

    A cell that lies in several is taken from the first in which it is done.
    """

    def __init__(self, stores: Sequence[Store]) -> None:
        """Take them as one.

        Raises:
            InputError: one of them is not there, or is no folder.
        """
        super().__init__(stores[0].root.parent, stores[0].only)
        self.stores, self.address = stores, stores[0].address
        for store in stores:
            store.refuse_missing()

    @cached_property
    def _copies(self) -> dict[str, list[tuple[Store, Record]]]:
        """The copies of each cell by its key, the one that counts first."""
        found: dict[str, list[tuple[Store, Record]]] = {}
        for store in self.stores:
            for record in store.records():
                found.setdefault(record.cell.key, []).append((store, record))
        for copies in found.values():
            copies.sort(key=lambda copy: copy[1].status != "done")  # stable: the first folder's come first
        return dict(sorted(found.items()))

    def records(self) -> list[Record]:
        """Every cell once, in the order of keys."""
        return [copies[0][1] for copies in self._copies.values()]

    def cell_place(self, key: str) -> Path:
        """Directory of the copy of a cell that counts, there or not."""
        return self._owner(key).cell_place(key) if key in self._copies else super().cell_place(key)

    def by_key(self) -> dict[str, Path]:
        """The folders that hold the stored cells' directories, by the cells' keys, in the order of these."""
        return {key: copies[0][0].cell_place(key).parent for key, copies in self._copies.items()}

    def called(self, folder: Path) -> str:
        """Which of the two kinds a folder is that holds cells."""
        return "reference" if any(folder == store.reference for store in self.stores) else "runs"

    def take_in(self, kind: str, keys: Collection[str], anew: bool = False) -> None:
        """Fetch what others have made meanwhile, each store for itself."""
        for store in self.stores:
            store.take_in(kind, keys, anew)

    def maps(self, cell: Cell) -> Maps | None:
        """Where a cell's method saw anomalies, if that is stored."""
        return self._owner(cell.key).maps(cell)

    def check_scores(self, record: Record, folder: Path | None = None) -> None:
        """Hold the file of a finished cell's raw scores against its digest, as `Store` does."""
        self._owner(record.cell.key).check_scores(record, folder)

    def remember(self, folders: Mapping[str, Path] = MappingProxyType({})) -> None:
        """Keep for later commands what was read, each folder for itself."""
        for store in self.stores:
            store.remember()

    def _owner(self, key: str) -> Store:
        return self._copies[key][0][0] if key in self._copies else self.stores[0]

    def shares(self, records: Iterable[Record]) -> dict[str | Path, int]:
        """How many of some cells are read from each folder, by folder."""
        counts = {store.address: 0 for store in self.stores}
        for record in records:
            counts[self._owner(record.cell.key).address] += 1
        return counts

    def disputed(self) -> dict[str, list[str | Path]]:
        """The cells that were scored otherwise in one folder than in another, by key: the folders."""
        return {
            key: [store.address for store, _ in copies]
            for key, copies in self._copies.items()
            if len({record.digest for _, record in copies if record.status == "done"}) > 1
        }

    def undisputed(self, records: Iterable[Record]) -> list[Record]:
        """Those of some cells that no two folders hold other scores of: what is compared with others is no guess."""
        disputed = self.disputed()
        return [record for record in records if record.cell.key not in disputed]

    def refuse_disputed(self, records: Iterable[Record]) -> None:
        """Refuse cells of which two folders hold other scores: no table could say whose are right.

        Raises:
            InputError: there are some; names the first few, and the folders.
        """
        disputed = self.disputed()
        found = [record.cell for record in records if record.cell.key in disputed]
        if not found:
            return
        folders = sorted({str(folder) for cell in found for folder in disputed[cell.key]})
        named = "; ".join(f"{cell.key}, {cell}" for cell in found[:NAMED])
        named += f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        told = f"hold other scores of the same {'cell' if len(found) == 1 else 'cells'} ({named})"
        fix = "name one of the folders, or leave these out with " + option("where")
        raise InputError(" and ".join(folders), told, fix)
