"""The record of a cell: what happened in it, and with what it was made"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import small_text
from crossvad.datasets.wording import noun
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import SUPPORTS, SupportPolicy
from crossvad.store.facts import SHOWN, wrong_facts
from crossvad.store.index import Index, identity
from crossvad.store.typed import misfits

SCHEMA = 1  # of records: raised when older code could not make out what newer code writes
RECORD = "record.json"
Status = Literal["done", "failed", "refused", "interrupted", "skipped"]


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
        if "fusion" not in self.shown:
            raise InputError(f"cell {self.cell.key}", "does not say how its cues are fused", "run it again")
        weights: dict[str, float] = self.shown["fusion"]
        return weights

    @cached_property
    def shown(self) -> dict[str, Any]:
        """Those of its facts that every table is made of: at hand although the others may not be."""
        return {name: self.facts[name] for name in SHOWN if name in self.facts}

    @cached_property
    def reverted(self) -> float:
        """Share of its adaptations that were taken back; NaN where there were none."""
        came = self.facts.get("adaptations", [])
        return sum(each["reverted"] for each in came) / len(came) if came else float("nan")

    if not TYPE_CHECKING:  # to which all names would then be known

        def __getattr__(self, name: str) -> Any:
            """The facts of a remembered record, which are read when they are first asked for.

            Raises:
                InputError: they are none, as only a stranger can have written.
            """
            if name != "facts" or "unread" not in vars(self):
                raise AttributeError(name)
            with suppress(ValueError, RecursionError):
                if isinstance(facts := json.loads(self.unread), dict) and not wrong_facts(facts):
                    self.facts = facts  # and `unread` stays: another thread may be about to ask for it
                    return facts
            fix = "remove runs/index.sqlite of its results folder"
            raise InputError(f"cell {self.cell.key}", "is remembered otherwise than it was written", fix)


IN_CELL = (*(each.name for each in fields(Cell)), "key")
IN_RECORD = (*(each.name for each in fields(Record) if each.name not in ("cell", "facts")), "shown", "reverted")
KIND = (  # of what is remembered of a record, as JSON gives it
    *(int if each.type == "int" else str for each in fields(Cell)), str,
    *(int if each.type == "int" else str for each in fields(Record) if each.name not in ("cell", "facts")), dict, float,
)  # fmt: skip


def stamped(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it is written, with the hash of all that it says."""
    told: dict[str, Any] = json.loads(json.dumps({name: value for name, value in raw.items() if name != "stamp"}))
    return {**told, "stamp": _hash(told)}


def _hash(raw: Mapping[str, Any]) -> str:
    """Hash all that a record says, as JSON gave it, but for its stamp."""
    told = {name: value for name, value in raw.items() if name != "stamp"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read_record(place: Path) -> Record | None:
    """What a cell's directory says of it, or None where there is no such directory.

    Raises:
        InputError: its record cannot be read.
    """
    path = place / RECORD
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
        anew = "stamp its cells anew: python results/restamp.py FOLDER"
        raise InputError(path, problem, "name another " + noun("results") + " folder, or " + anew)
    try:
        if wrong := [*misfits(Cell, raw["cell"]), *misfits(Record, raw, apart="reason")]:
            raise ValueError("; ".join(wrong))
        record = _record(raw)
        if wrong := _impossible(record):
            raise ValueError("; ".join(wrong))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(path, f"is no record of this version ({error})", "remove its folder") from error
    if record.stamp and record.stamp != _hash(raw):
        fix = "restore it, or remove its folder and run the cell again"
        raise InputError(path, "was changed after it was written", fix)
    return record


def recalled_records(folders: Mapping[str, Path], index: Index) -> list[Record]:
    """The same of many cells, whose files need not be read if they are remembered; else they are from now on.

    Args:
        folders: that hold the cells' directories, by the names of these.
        index: what is remembered.

    Raises:
        InputError: a record cannot be read, or is of another cell: it would count twice.
    """
    files = {key: f"{folder.name}/{key}/{RECORD}" for key, folder in folders.items()}
    identities = {key: identity(f"{folder}/{key}/{RECORD}") for key, folder in folders.items()}
    said = {key: text for key, name in files.items() if (text := index.said(name, identities[key])) is not None}
    records: dict[str, Record] = {}
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):  # of another version than this
        records = _remembered(said)
    for key in [key for key in folders if key not in records]:
        if (record := read_record(folders[key] / key)) is not None:
            if record.cell.key != key:
                problem = f"holds the record of another cell, {record.cell.key}: {record.cell}"
                raise InputError(folders[key] / key, problem, "restore it, or remove it and run the cell again")
            records[key] = record
            index.add(files[key], identities[key], _told(record))
    return [records[key] for key in folders if key in records]


def _told(record: Record) -> bytes:
    """What is remembered of a record: a line of JSON of what is always asked for, and one of its facts."""
    head = [*(getattr(record.cell, name) for name in IN_CELL), *(getattr(record, name) for name in IN_RECORD)]
    return f"{json.dumps(head)}\n{json.dumps(record.facts)}".encode()


def _remembered(said: Mapping[str, bytes]) -> dict[str, Record]:
    """Make records of what is remembered of them: at once, and past `__init__`, which would take most of the time."""
    told = [text.partition(b"\n") for text in said.values()]
    heads = json.loads(b"[%s]" % b",".join(head for head, *_ in told))
    records = {}
    for key, head, (*_, facts) in zip(said, heads, told, strict=True):
        if tuple(map(type, head)) != KIND or head[len(IN_CELL) - 1] != key:
            raise ValueError(f"what is remembered of {key} is no record")
        cell, record = Cell.__new__(Cell), Record.__new__(Record)
        vars(cell).update(zip(IN_CELL, head, strict=False))
        vars(record).update(zip(IN_RECORD, head[len(IN_CELL) :], strict=True), cell=cell, unread=facts)
        records[key] = record
    return records


def _record(raw: Mapping[str, Any]) -> Record:
    return Record(**{**raw, "cell": Cell(**raw["cell"])})


def _impossible(record: Record) -> list[str]:
    """Tell what of a record no run can have written."""
    cell = record.cell
    wrong = [f"{name} is {getattr(cell, name)}" for name in ("shots", "steps", "seed") if getattr(cell, name) < 0]
    wrong += [] if cell.support in (*SUPPORTS, SupportPolicy.NONE) else [f"there is no support {cell.support}"]
    if not isinstance(record.facts, dict):
        return [*wrong, "facts are no facts"]
    return [*wrong, *filter(None, [wrong_facts(record.facts)])]
