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
    runs/status/<run>.json            how far a run is that is going on (`store.standing`)
    runs/metrics.json                 metrics of cells that were computed before (`evaluation.metric_cache`)
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
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import parsing, small_text
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import SUPPORTS, SupportPolicy
from crossvad.store.claims import claim
from crossvad.store.drafts import abandoned, drafting, sweep
from crossvad.store.facts import wrong_facts
from crossvad.store.scores import Maps, Scores, load_maps, load_scores, save_maps, save_scores
from crossvad.store.typed import misfits

SCHEMA = 1  # of records: raised when older code could not make out what newer code writes
CHANGED = ("is missing or was changed", "remove its folder and run the cell again")
Status = Literal["done", "failed", "refused", "interrupted", "skipped"]


class CannotKeep(InputError):
    """Results cannot be written any more: no fault of what made them, and every other would fare the same."""


@dataclass
class Record:
    """What happened in one cell."""

    cell: Cell
    status: Status
    reason: str = ""  # of a skip, refusal or failure; with the traceback for the last
    facts: dict[str, Any] = field(default_factory=dict)  # timings, sizes, device, versions
    digest: str = ""  # sha256 of scores.npz
    finished: str = ""  # UTC, ISO 8601
    stamp: str = ""  # sha256 of all of this; none: written before records were hashed whole
    schema: int = SCHEMA

    @property
    def fusion(self) -> dict[str, float]:
        """Weights of the cues in the fused score; one that is not named weighs 1.

        Raises:
            InputError: it does not say.
        """
        if "fusion" not in self.facts:
            raise InputError(f"cell {self.cell.key}", "does not say how its cues are fused", "run it again")
        weights: dict[str, float] = self.facts["fusion"]
        return weights


class Store:
    """The runs below one results folder, which need not be there before something is written."""

    def __init__(self, results: Path, only: str = "") -> None:
        """Name a results folder, and in which of its places cells are looked for: `runs` or `reference`; "": in both.

        Raises:
            InputError: something else is in its place.
        """
        if results.exists() and not results.is_dir():
            raise InputError(results, "cannot hold results (it is no folder)", "choose a writable --results folder")
        self.root, self.reference, self.only = results / "runs", results / "reference", only

    def refuse_missing(self) -> None:
        """Refuse to look at a results folder that is not there.

        Raises:
            InputError: there is no such folder.
        """
        if not self.root.parent.is_dir():
            raise InputError(self.root.parent, "is no folder", "run some cells first, or name another --results folder")

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
            raise InputError(
                self.root.parent, f"cannot hold results ({error.strerror})", "choose a writable --results folder"
            ) from error

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
        with self._noticing_a_full_disk():
            place.parent.mkdir(parents=True, exist_ok=True)
            with drafting(place.parent, key) as draft:
                yield draft
                draft.chmod(0o755)  # drafts are private by default; results are to be shared
                _put(draft, place)

    @contextmanager
    def _noticing_a_full_disk(self) -> Iterator[None]:
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
            with self._noticing_a_full_disk():
                held = stack.enter_context(claim(self.place("claims", f"{kind}-{key}"), waiting))
            yield held

    def is_claimed(self, kind: str, key: str) -> bool:
        """Whether another process is making what `place(kind, key)` is going to hold."""
        if not self.place("claims", f"{kind}-{key}").exists():
            return False
        with self.claim(kind, key) as held:
            return not held

    def sweep(self) -> list[str]:
        """Remove what killed runs left half-written below runs/. Returns the names of what was removed."""
        for path in self.place("claims", "").glob("*-*"):
            if not path.is_symlink() and path.is_file() and path.stat().st_size == 0:  # else it is no claim
                with claim(path):  # which removes it, unless a living process holds it
                    pass
        for path in self.place("status", "").glob("*.json"):
            if not path.is_symlink() and not self.is_claimed("status", path.stem):
                path.unlink(missing_ok=True)
        return sweep(self.root)

    def leftovers(self) -> list[Path]:
        """What killed runs left half-written below runs/."""
        return abandoned(self.root)

    def cell_place(self, key: str) -> Path:
        """Directory of a cell: of this machine's own run, else of the committed one, there or not."""
        own, committed = self.place("cells", key), self.reference / key
        if self.only:
            return committed if self.only == "reference" else own
        return committed if committed.is_dir() and not own.is_dir() else own

    def place_of(self, cell: Cell) -> str:
        """Where a stored cell lies: `runs`, one's own, or `reference`, committed by whoever published the tables."""
        return "reference" if self.cell_place(cell.key).parent == self.reference else "runs"

    def cell_places(self) -> list[Path]:
        """The directories of all stored cells, in the order of cell keys."""
        folders = {"runs": self.place("cells", ""), "reference": self.reference}
        looked_in = [folder for name, folder in folders.items() if self.only in ("", name)]
        keys = {place.name for folder in looked_in for place in folder.glob("[!.]*") if place.is_dir()}
        return [self.cell_place(key) for key in sorted(keys)]

    def record(self, cell: Cell) -> Record | None:
        """What is stored of a cell, or None."""
        return read_record(self.cell_place(cell.key))

    def records(self) -> list[Record]:
        """Everything stored, in the order of cell keys."""
        return [record for record in map(read_record, self.cell_places()) if record is not None]

    def scores(self, cell: Cell) -> Scores:
        """The raw scores of a finished cell.

        Raises:
            InputError: the file is missing, or is not the one that was written.
        """
        path = self.cell_place(cell.key) / "scores.npz"
        record = self.record(cell)
        if record is None:
            raise InputError(path, *CHANGED)
        self.check_scores(record)
        with parsing(path, "holds no scores", "remove its folder and run the cell again"):
            return load_scores(path)

    def check_scores(self, record: Record) -> None:
        """Hold the file of a finished cell's raw scores against its digest.

        Raises:
            InputError: the file is missing, or is not the one that was written.
        """
        path = self.cell_place(record.cell.key) / "scores.npz"
        if not path.is_file() or sha256(path) != record.digest:
            raise InputError(path, *CHANGED)

    def keep(self, cell: Cell) -> Path:
        """Copy a cell to the committed ones: what a cell consists of, but maps, which are too large to be committed.

        Returns:
            Its place there.

        Raises:
            InputError: something in its place leads elsewhere.
        """
        place = self.reference / cell.key
        for name in ("record.json", "scores.npz") if self.cell_place(cell.key) != place else ():
            if any(path.is_symlink() for path in (self.reference, place, place / name)):
                raise InputError(place, "is a link", "remove it, or name another --results folder")
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.cell_place(cell.key) / name, place / name)
        return place

    def maps(self, cell: Cell) -> Maps | None:
        """The maps of a finished cell, where they were kept.

        Raises:
            InputError: the file is not the one that was written.
        """
        path = self.cell_place(cell.key) / "maps.npz"
        record = self.record(cell)
        if record is None or "maps_sha256" not in record.facts or not path.is_file():
            return None
        if sha256(path) != record.facts["maps_sha256"]:
            raise InputError(path, "was changed", "remove its folder and run the cell again with --maps")
        with parsing(path, "holds no maps", "remove its folder and run the cell again with --maps"):
            return load_maps(path)

    def write(self, record: Record, scores: Scores | None = None, maps: Maps | None = None) -> Record:
        """Store a cell's record, with its scores if it is done, and its maps; replaces what was there."""
        with self.writing("cells", record.cell.key) as draft:
            if scores is not None:
                save_scores(scores, draft / "scores.npz")
                record.digest = sha256(draft / "scores.npz")
            if maps is not None:
                save_maps(maps, draft / "maps.npz")
                record.facts["maps_sha256"] = sha256(draft / "maps.npz")
            record.finished = now_in_words()
            raw = stamped(asdict(record))
            record.stamp = raw["stamp"]
            (draft / "record.json").write_text(json.dumps(raw, indent=1, sort_keys=True))
        return record


def now_in_words() -> str:
    """The time as records have it: UTC, ISO 8601, so that later is greater."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def stamped(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it is written, with the hash of all that it says."""
    told: dict[str, Any] = json.loads(json.dumps({name: value for name, value in raw.items() if name != "stamp"}))
    return {**told, "stamp": hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}


def read_record(place: Path) -> Record | None:
    """What a cell's directory says of it, or None where there is no such directory.

    Raises:
        InputError: its record cannot be read.
    """
    path = place / "record.json"
    try:
        raw = json.loads(small_text(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, f"cannot be read ({error})", "remove its folder") from error
    if isinstance(raw, dict) and isinstance(schema := raw.get("schema"), int) and schema > SCHEMA:
        raise InputError(path, "was written by a later version of crossvad", "update crossvad, or remove its folder")
    cell = raw.get("cell") if isinstance(raw, dict) else None
    if isinstance(cell, dict) and "method_digest" in cell:
        problem = "was written by an earlier version of crossvad, which named cells by a digest of their code"
        fix = "name another --results folder, or stamp its cells anew: python results/restamp.py FOLDER"
        raise InputError(path, problem, fix)
    try:
        if wrong := [*misfits(Cell, raw["cell"]), *misfits(Record, raw, apart="reason")]:
            raise ValueError("; ".join(wrong))
        record = Record(**{**raw, "cell": Cell(**raw["cell"])})
        if wrong := _impossible(record):
            raise ValueError("; ".join(wrong))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(path, f"is no record of this version ({error})", "remove its folder") from error
    if record.stamp and record.stamp != stamped(raw)["stamp"]:
        fix = "restore it, or remove its folder and run the cell again"
        raise InputError(path, "was changed after it was written", fix)
    return record


def _impossible(record: Record) -> list[str]:
    """Tell what of a record no run can have written."""
    cell = record.cell
    wrong = [f"{name} is {getattr(cell, name)}" for name in ("shots", "steps", "seed") if getattr(cell, name) < 0]
    wrong += [] if cell.support in (*SUPPORTS, SupportPolicy.NONE) else [f"there is no support {cell.support}"]
    if not isinstance(record.facts, dict):
        return [*wrong, "facts are no facts"]
    return [*wrong, *filter(None, [wrong_facts(record.facts)])]


def _put(draft: Path, place: Path) -> None:
    """Rename a directory into its place, instead of what is there: an older result, or a twin's that came first.

    Only an empty directory can be renamed over, so the old one steps aside; another process may do the same meanwhile.
    """
    if place.is_symlink():  # of whoever made the folder: what it leads to is not ours
        place.unlink()
    while True:
        try:
            draft.replace(place)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        old = Path(tempfile.mkdtemp(prefix=f".{place.name}-old-", dir=place.parent))
        with suppress(FileNotFoundError):  # the other process was quicker
            place.replace(old)
        shutil.rmtree(old, ignore_errors=True)  # or a sweep was


def sha256(path: Path) -> str:
    """Hash a file, a piece at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
