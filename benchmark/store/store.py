"""Results on disk: atomic, resumable, addressed by content.

    runs/fits/<fit key>/…             a fitted method: model.safetensors, fit.json
    runs/unfinished/<fit key>/…       the last checkpoint of a training: state.safetensors; gone once it is a fit
    runs/prepared/<prepared key>/…    the same after a tuning's preparation (meta-learning) on the source
    runs/cells/<cell key>/scores.npz  raw scores per frame and cue
    runs/cells/<cell key>/maps.npz    scores per pixel, where they were asked for, and the ground truth's tracks
    runs/cells/<cell key>/record.json what made them: cell, status, timings, versions
    runs/searches/<search key>/…      how a rate of adaptation was chosen on the source: search.json
    runs/planted/<key>/rows.csv       what a method told apart of anomalies planted in its source: see studies.planted
    runs/profiles/<key>/…             what a method costs on a machine: profile.json (`store.profiles`)
    runs/curves/<key>/…               training curves of a fit or preparation, for TensorBoard where it is installed
    runs/checkpoints/<cell key>-<n>/… scores of n states of one training, for the audit
    runs/claims/<kind>-<key>          is being made by a process that lives (`store.claims`)
    runs/launched/run-…/              what was submitted to a cluster, of runs that go on or went wrong
    runs/status/<run>.json            how far a run is that is going on (`store.standing`)
    runs/metrics.json                 metrics of cells that were computed before (`evaluation.metric_cache`)
    runs/index.sqlite                 what files of cells said when they were last read (`store.index`)
    reference/<cell key>/…            cells that are committed, so that anyone can recompute the tables beside them

A cell is looked for below runs/ first. Reading takes no permission to write. A directory is written beside its place
and renamed into it whole, so that a reader sees all of it or nothing, and a process killed at any moment leaves nothing
that a later one could take for a result: a draft at most, which the next run sweeps.

A record is hashed whole, scores and all. Those written before that was so hash their scores alone: they are read, and
`bench verify` refuses them by name until `results/restamp.py` has stamped them.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.datasets.readers.file_identity import parsing
from crossvad.datasets.wording import noun, option
from crossvad.planning.cell import Cell
from crossvad.store.claims import claim, is_held
from crossvad.store.drafts import BESIDE, abandoned, drafting, put_in_place, sweep
from crossvad.store.garbage import rarely_collected
from crossvad.store.index import Index, identity
from crossvad.store.records import RECORD, read_record, recalled_records, stamped
from crossvad.store.records import Record as Record
from crossvad.store.scores import Maps, Scores, load_labels, load_maps, load_scores, save_maps, save_scores

SCORES, MAPS = "scores.npz", "maps.npz"
KEY = re.compile(r"[0-9a-f]{16}")  # of a cell, a fit and the like: the name of its directory
ELSEWHERE = "choose a writable " + noun("results") + " folder"
MAPS_AGAIN = "remove its folder and run the cell again with " + option("maps", True)
CHANGED = ("is missing or was changed", "remove its folder and run the cell again")


class Store:
    """The runs below one results folder, which need not be there before something is written."""

    def __init__(self, results: Path, only: str = "") -> None:
        """Name a results folder, and in which of its places cells are looked for: `runs` or `reference`; "": in both.

        Raises:
            InputError: something else is in its place.
        """
        if results.exists() and not results.is_dir():
            raise InputError(results, "cannot hold results (it is no folder)", ELSEWHERE)
        self.root, self.reference, self.only = results / "runs", results / "reference", only
        self.address: str | Path = results  # by which its user knows it

    def refuse_missing(self) -> None:
        """Refuse to look at a results folder that is not there.

        Raises:
            InputError: there is no such folder.
        """
        if not self.root.parent.is_dir():
            fix = "run some cells first, or name another " + noun("results") + " folder"
            raise InputError(self.root.parent, "is no folder", fix)

    def check_writable(self) -> None:
        """Create the store's folder and write to it: to be called before work whose outcome is to be stored.

        Raises:
            InputError: the folder cannot be created or written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise InputError(self.root.parent, f"cannot hold results ({error.strerror})", ELSEWHERE) from error

    def check_usable(self) -> None:
        """As `check_writable`, before work that takes trainings from a store and keeps new ones, but no cells.

        Raises:
            InputError: likewise.
        """
        self.check_writable()

    def place(self, kind: str, key: str) -> Path:
        """Directory of a fit, a preparation or a cell, there or not."""
        return self.root / kind / key

    @contextmanager
    def writing(self, kind: str, key: str) -> Iterator[Path]:
        """A temporary directory that becomes `place(kind, key)` when the block ends well, and vanishes otherwise.

        Raises:
            CannotKeep: the disk is full, or lets nothing be written any more.
        """
        place = self.place(kind, key)
        with self.noticing_a_full_disk():
            place.parent.mkdir(parents=True, exist_ok=True)
            with drafting(place.parent, key) as draft:
                yield draft
                draft.chmod(0o755)  # drafts are private by default; results are to be shared
                put_in_place(draft, place)

    @contextmanager
    def noticing_a_full_disk(self) -> Iterator[None]:
        """Have a write that finds no room within, which is nobody's fault, told as such."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            fix = "make room, or have it written to; the same command goes on where this one was"
            raise CannotKeep(self.root.parent, f"cannot hold results any more ({error.strerror})", fix) from error

    @contextmanager
    def claim(self, kind: str, key: str, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
        """Claim the making of what `place(kind, key)` is going to hold, as `claims.claim` does.

        Raises:
            CannotKeep: as `writing` does.
        """
        with ExitStack() as stack:
            with self.noticing_a_full_disk():
                held = stack.enter_context(claim(self.place("claims", f"{kind}-{key}"), waiting))
            yield held

    def is_claimed(self, kind: str, key: str) -> bool:
        """Whether another process is making what `place(kind, key)` is going to hold."""
        return is_held(self.place("claims", f"{kind}-{key}"))

    def take_in(self, kind: str, keys: Collection[str], anew: bool = False) -> None:
        """Have at hand what others have made meanwhile, of some places of a kind: they share this folder, so it is.

        Args:
            kind: of what.
            keys: of it.
            anew: also in place of what is here.
        """

    def hand_over(self) -> None:
        """Have what was made at hand for others: it is."""

    def sweep(self) -> list[str]:
        """Remove what killed processes left half-written. Returns the names of what was removed."""
        for path in self.place("claims", "").glob("*-*"):
            if not path.is_symlink() and path.is_file() and path.stat().st_size == 0:  # else it is no claim
                with claim(path):  # which removes it, unless a living process holds it
                    pass
        for path in self.place("status", "").glob("*.json"):
            if not path.is_symlink() and not self.is_claimed("status", path.stem):
                path.unlink(missing_ok=True)
        return [*sweep(self.root), *sweep(self.reference, [BESIDE])]

    def leftovers(self) -> list[Path]:
        """What killed processes left half-written."""
        return [*abandoned(self.root), *abandoned(self.reference, [BESIDE])]

    def cell_place(self, key: str) -> Path:
        """Directory of a cell: of this machine's own run, else of the committed one, there or not."""
        own, committed = self.place("cells", key), self.reference / key
        if self.only:
            return committed if self.only == "reference" else own
        return committed if committed.is_dir() and not own.is_dir() else own

    def place_of(self, cell: Cell) -> str:
        """Where a stored cell lies: `runs`, one's own, or `reference`, committed by whoever published the tables."""
        return self.called(self.cell_place(cell.key).parent)

    def places_of(self, cells: Iterable[Cell]) -> list[str]:
        """The same of many cells, in one look at the folders."""
        folders = self.by_key()
        called = {folder: self.called(folder) for folder in {*folders.values()}}
        return [called[folders[cell.key]] if cell.key in folders else self.place_of(cell) for cell in cells]

    def called(self, folder: Path) -> str:
        """Which of the two a folder is that holds cells."""
        return "reference" if folder == self.reference else "runs"

    def by_key(self) -> dict[str, Path]:
        """The folders that hold the stored cells' directories, by the cells' keys, in the order of these."""
        looked_in = {"reference": self.reference, "runs": self.place("cells", "")}
        folders = [folder for name, folder in looked_in.items() if self.only in ("", name)]
        found = {key: folder for folder in folders for key in _folders(folder)}  # one's own come last, and count
        return {key: found[key] for key in sorted(found)}

    def cell_places(self) -> list[Path]:
        """The directories of all stored cells, in the order of cell keys."""
        return [folder / key for key, folder in self.by_key().items()]

    def record(self, cell: Cell) -> Record | None:
        """What is stored of a cell, or None."""
        return read_record(self.cell_place(cell.key))

    def records(self) -> list[Record]:
        """Everything stored, in the order of cell keys; records that were read before are remembered."""
        folders = self.by_key()
        with rarely_collected():
            records = recalled_records(folders, self._index)
        self.remember(folders)
        return records

    def remember(self, folders: Mapping[str, Path] = MappingProxyType({})) -> None:
        """Keep for later commands what was read of records and scores, and of no cells but these, if they are all."""
        there = {f"{folder.name}/{key}" for key, folder in folders.items()}
        self._index.save(there, {folder.name for folder in {*folders.values()}})

    @cached_property
    def _index(self) -> Index:
        return Index(self.root)

    def scores(self, cell: Cell) -> Scores:
        """The raw scores of a finished cell.

        Raises:
            InputError: the file is missing, or is not the one that was written.
        """
        path = self.cell_place(cell.key) / SCORES
        record = self.record(cell)
        if record is None or not path.is_file() or sha256(path) != record.digest:
            raise InputError(path, *CHANGED)
        with parsing(path, "holds no scores", "remove its folder and run the cell again"):
            return load_scores(path)

    def labels(self, cell: Cell) -> dict[str, NDArray[np.uint8]]:
        """The labels that a finished cell's scores are held against, by test video.

        Raises:
            InputError: the file is missing or damaged.
        """
        path = self.cell_place(cell.key) / SCORES
        with parsing(path, "holds no scores", "remove its folder and run the cell again"):
            return load_labels(path)

    def check_scores(self, record: Record, folder: Path | None = None) -> None:
        """Hold the file of a finished cell's raw scores against its digest; one that was held before, by its identity.

        Args:
            record: of the cell.
            folder: that holds its directory, where that is known.

        Raises:
            InputError: the file is missing, or is not the one that was written.
        """
        key = record.cell.key
        folder = folder or self.cell_place(key).parent
        name, told = f"{folder.name}/{key}/{SCORES}", identity(f"{folder}/{key}/{SCORES}")
        if self._index.said(name, told) == (digest := str(record.digest).encode()):
            return
        path = folder / key / SCORES
        if not path.is_file() or sha256(path) != record.digest:
            raise InputError(path, *CHANGED)
        self._index.add(name, told, digest)

    def keep(self, cell: Cell) -> Path:
        """Copy a cell to the committed ones: what a cell consists of, but maps, which are too large to be committed.

        Returns:
            Its place there.

        Raises:
            InputError: something in its place leads elsewhere.
        """
        place, own = self.reference / cell.key, self.cell_place(cell.key)
        if own == place:
            return place
        if any(path.is_symlink() for path in (self.reference, place)):
            raise InputError(place, "is a link", "remove it, or name another " + noun("results") + " folder")
        self.reference.mkdir(parents=True, exist_ok=True)
        with drafting(self.reference, cell.key) as draft:
            for name in (RECORD, SCORES):
                shutil.copy2(own / name, draft / name)
            draft.chmod(0o755)
            put_in_place(draft, place)
        return place

    def maps(self, cell: Cell) -> Maps | None:
        """The maps of a finished cell, where they were kept.

        Raises:
            InputError: the file is not the one that was written.
        """
        path = self.cell_place(cell.key) / MAPS
        record = self.record(cell)
        if record is None or "maps_sha256" not in record.facts or not path.is_file():
            return None
        if sha256(path) != record.facts["maps_sha256"]:
            raise InputError(path, "was changed", MAPS_AGAIN)
        with parsing(path, "holds no maps", MAPS_AGAIN):
            return load_maps(path)

    def write(self, record: Record, scores: Scores | None = None, maps: Maps | None = None) -> Record:
        """Store a cell's record, with its scores if it is done, and its maps; replaces what was there."""
        with self.writing("cells", record.cell.key) as draft:
            if scores is not None:
                save_scores(scores, draft / SCORES)
                record.digest = sha256(draft / SCORES)
            if maps is not None:
                save_maps(maps, draft / MAPS)
                record.facts["maps_sha256"] = sha256(draft / MAPS)
            record.finished = now_in_words()
            raw = stamped(asdict(record))
            record.stamp = raw["stamp"]
            (draft / RECORD).write_text(json.dumps(raw, indent=1, sort_keys=True))
        return record


def now_in_words() -> str:
    """The time as records have it: UTC, ISO 8601, so that later is greater."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _folders(folder: Path) -> list[str]:
    """The names of the folders in a folder that may be cells'; none where it is none."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if KEY.fullmatch(entry.name) and entry.is_dir()]
    except OSError:
        return []


def sha256(path: Path) -> str:
    """Hash a file, a piece at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
