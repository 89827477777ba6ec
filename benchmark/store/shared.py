"""A store whose cells and fits machines share at a URL. On each machine its folder is a mirror, and there is the truth.

    URL/runs/cells/<cell key>/scores.npz, maps.npz, record.json   as in a folder; the record is written last
    URL/runs/fits|prepared|searches/<key>/…, sha256.json          likewise, and hashes of it all, written last
    URL/runs/claims/<kind>-<key>                                  what a machine is at (`store.shared_claims`)
    URL/reference/<cell key>/…                                    committed cells, if somebody has put them there
    FOLDER/runs/unshared/<kind>-<key>                             empty: was made here, and is not there yet

What is there counts only if it is whole (`store.whole`). Of cells only those with scores are shared: a failure stays on
the machine that it is of. Maps are fetched when they are asked for.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from crossvad.datasets.errors import CannotKeep, InputError, masked
from crossvad.datasets.words import number_of
from crossvad.planning.cell import Cell
from crossvad.store.drafts import drafting, put_in_place
from crossvad.store.objects import Objects, Unreachable
from crossvad.store.records import RECORD
from crossvad.store.scores import Maps, load_labels, same_labels
from crossvad.store.shared_claims import is_claimed, shared_claim
from crossvad.store.store import KEY, MAPS, SCORES, Store, sha256
from crossvad.store.urls import folder_of
from crossvad.store.whole import CELLS, OF_CELLS, PART, REFERENCE, SUMS, fetch_whole

SHARED = ("cells", "fits", "prepared", "searches")
CLAIMED = ("cells", "fits", "prepared")
MOST_OF_MAPS = 2**33  # bytes
AT_A_TIME = 16  # files on their way


class Teller(Protocol):
    """Tells the user what goes on: a reporter, as `execution.progress` has it."""

    def say(self, text: str) -> None:
        """One line."""

    def task(self, title: str) -> AbstractContextManager[Callable[[int, int, str], None]]:
        """A piece of work."""


class SharedStore(Store):
    """A store in the mirror of a URL: fetches before it is read, and hands over what is made in it."""

    def __init__(self, url: str, only: str = "", teller: Teller | None = None, all_cells: bool = True) -> None:
        """Name a URL; nothing is read there yet.

        Args:
            url: that machines share.
            only: as of `Store`.
            teller: told of what is fetched.
            all_cells: fetch all cells when they are first listed; else those alone that are asked for.

        Raises:
            InputError: it cannot be read: there is no such kind of URL, or a package is missing.
        """
        super().__init__(folder_of(url), only)
        self.address, self._objects, self._teller, self._all = masked(url), Objects(url), teller, all_cells

    # ---- fetched -----------------------------------------------------------------------------------------------------

    def refuse_missing(self) -> None:
        """Refuse to look at a URL that has no cells.

        Raises:
            InputError: it lists none, and none of it are here.
        """
        if not self.by_key():
            fix = "run some first, or look at the URL: a web server, too, must list its folders"
            raise InputError(self.address, "lists no cells", fix)

    def by_key(self) -> dict[str, Path]:
        """As of a folder, once those cells are fetched that the URL has and it has not.

        Raises:
            Unreachable: the URL cannot be read.
        """
        if self._all:
            self._fetch_all()
            self._all = False
        return super().by_key()

    def take_in(self, kind: str, keys: Collection[str], anew: bool = False) -> None:
        """Fetch what others have made meanwhile, if the network is there."""
        lacking = [key for key in keys if anew or not self._is_here(f"runs/{kind}", key)]
        if lacking:
            with suppress(Unreachable):
                self._fetch_many([(f"runs/{kind}", key) for key in lacking])

    def maps(self, cell: Cell) -> Maps | None:
        """As of a folder, fetched if need be."""
        place, record = self.cell_place(cell.key), self.record(cell)
        if record is not None and "maps_sha256" in record.facts and not (place / MAPS).is_file():
            folder = REFERENCE if place.parent == self.reference else CELLS
            with suppress(FileNotFoundError, ValueError), drafting(place.parent, cell.key) as draft:
                self._objects.fetch(f"{folder}/{cell.key}/{MAPS}", draft / MAPS, MOST_OF_MAPS)
                if sha256(draft / MAPS) == record.facts["maps_sha256"]:
                    (draft / MAPS).replace(place / MAPS)
        return super().maps(cell)

    def _fetch_all(self) -> None:
        folders = {"reference": REFERENCE, "runs": CELLS}
        looked_in = [folder for name, folder in folders.items() if self.only in ("", name)]
        listed = [(folder, key) for folder in looked_in for key in self._objects.names(folder) if KEY.fullmatch(key)]
        if lacking := [(folder, key) for folder, key in listed if not self._is_here(folder, key)]:
            spoilt = self._fetch_many(lacking)
            if spoilt and self._teller:
                which = f"{', '.join(spoilt[:5])}{', …' if len(spoilt) > 5 else ''}"
                told = f"{number_of(len(spoilt), 'cell')} of {len(listed)} at {self.address} left out, as not all of"
                self._teller.say(f"{told} each is there as it was written: {which}")

    def _fetch_many(self, wanted: list[tuple[str, str]]) -> list[str]:
        """Fetch directories, several at a time. Returns the keys of those that are not whole, or not there."""
        spoilt = []
        with ExitStack() as stack:
            update = None
            if self._teller and len(wanted) > 1:
                update = stack.enter_context(self._teller.task(f"Fetch from {self.address}"))
            pool = ThreadPoolExecutor(min(AT_A_TIME, len(wanted)))
            stack.callback(pool.shutdown, cancel_futures=True)
            fetched = pool.map(lambda each: self._fetched(*each), wanted)
            for number, ((_, key), whole) in enumerate(zip(wanted, fetched, strict=True), 1):
                spoilt += [] if whole else [key]
                if update:
                    update(number, len(wanted), "")
        return spoilt

    def _is_here(self, folder: str, key: str) -> bool:
        place = self.root.parent / folder / key
        return (place / SCORES).is_file() if folder in OF_CELLS else place.is_dir()

    def _fetched(self, folder: str, key: str) -> bool:
        """Fetch a directory into its place; returns whether all of it was there."""
        place = self.root.parent / folder / key
        with self.noticing_a_full_disk():
            place.parent.mkdir(parents=True, exist_ok=True)
            with drafting(place.parent, key) as draft:
                try:
                    fetch_whole(self._objects, folder, key, draft)
                except (FileNotFoundError, ValueError):
                    return False
                draft.chmod(0o755)
                put_in_place(draft, place)
        return True

    # ---- handed over -------------------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """As of a folder; and hand over what an earlier run could not.

        Raises:
            InputError: the folder or the URL cannot be written.
        """
        super().check_writable()
        self.hand_over()
        name = f"runs/claims/look-{secrets.token_hex(8)}"
        self._objects.write(name, b"")
        self._objects.remove(name)

    def check_usable(self) -> None:
        """As of a folder; and a URL that can be read alone will do: what is trained then stays on this machine.

        Raises:
            InputError: the folder cannot be written, or the URL cannot be read.
        """
        try:
            self.check_writable()
        except (CannotKeep, Unreachable) as error:
            with suppress(FileNotFoundError, ValueError):
                self._objects.read("runs/look", 1)
            if self._teller:
                kept = "trainings are taken from there, and new ones stay on this machine"
                self._teller.say(f"note: {self.address}: {error.problem}; {kept}")

    @contextmanager
    def writing(self, kind: str, key: str) -> Iterator[Path]:
        """As of a folder; then it is put at the URL, now or, where the network fails, later."""
        if kind in SHARED:
            with self.noticing_a_full_disk():
                self._unshared(kind, key).parent.mkdir(parents=True, exist_ok=True)
                self._unshared(kind, key).touch()
        with super().writing(kind, key) as draft:
            yield draft
        if kind in SHARED:
            with self.noticing_a_full_disk():
                self._unshared(kind, key).touch()  # another process may have taken an earlier failure for the last word
            with suppress(Unreachable):
                self._hand_over(kind, key)

    def hand_over(self) -> None:
        """Put what was made here, and is not there yet, at the URL.

        Raises:
            CannotKeep: that cannot be done; nothing is lost by it.
        """
        waiting = sorted(self.place("unshared", "").glob("*-*"))
        try:
            for path in waiting:
                kind, _, key = path.name.partition("-")
                if kind in SHARED and KEY.fullmatch(key):
                    self._hand_over(kind, key)
        except Unreachable as error:
            left = sum(path.exists() for path in waiting)
            kept = f"all that was made is kept in {self.root.parent}, {left} of it not shared yet"
            raise CannotKeep(self.address, error.problem, f"{kept}; the same command goes on and shares it") from error

    def _hand_over(self, kind: str, key: str) -> None:
        """Put a directory at the URL, unless `_is_there`; what is half there counts for nothing.

        Raises:
            Unreachable: that cannot be done.
        """
        place, there = self.place(kind, key), f"runs/{kind}/{key}"
        if not self._is_here(f"runs/{kind}", key):
            if kind == "cells" and (place / RECORD).is_file():  # failed, which is nobody else's concern
                self._unshared(kind, key).unlink(missing_ok=True)
            return
        parts = [path for path in sorted(place.iterdir()) if path.name != RECORD and PART.fullmatch(path.name)]
        if place / MAPS in parts or not self._is_there(f"runs/{kind}", key):
            for path in parts:
                self._objects.put(path, f"{there}/{path.name}")
            if kind == "cells":
                self._objects.put(place / RECORD, f"{there}/{RECORD}")
            else:
                sums = {path.name: sha256(path) for path in parts}
                self._objects.write(f"{there}/{SUMS}", json.dumps(sums, indent=1).encode())
        self._unshared(kind, key).unlink(missing_ok=True)

    def _is_there(self, folder: str, key: str) -> bool:
        """Whether the URL has all of a directory: what came first counts, unless a cell has other labels now."""
        with tempfile.TemporaryDirectory() as draft:
            try:
                fetch_whole(self._objects, folder, key, Path(draft))
            except (FileNotFoundError, ValueError):
                return False
            if folder in OF_CELLS:
                places = Path(draft), self.place("cells", key)
                with suppress(Exception):  # labels that cannot be read, whoever wrote them, are no others
                    return same_labels(*(load_labels(place / SCORES) for place in places))
        return True

    def _unshared(self, kind: str, key: str) -> Path:
        return self.place("unshared", f"{kind}-{key}")

    # ---- claimed -----------------------------------------------------------------------------------------------------

    @contextmanager
    def claim(self, kind: str, key: str, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
        """As of a folder, and from other machines too, as far as that can be: see `shared_claims`."""
        with super().claim(kind, key, waiting) as held:
            if not held or kind not in CLAIMED:
                yield held
                return
            with shared_claim(self._objects, f"runs/claims/{kind}-{key}", waiting) as gained:
                yield gained

    def is_claimed(self, kind: str, key: str) -> bool:
        """Whether another process, here or on another machine, is making what `place(kind, key)` is going to hold."""
        if super().is_claimed(kind, key):
            return True
        return kind in CLAIMED and is_claimed(self._objects, f"runs/claims/{kind}-{key}")
