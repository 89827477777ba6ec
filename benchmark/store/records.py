"""The record of a cell: what happened in it, and with what it was made"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import small_text
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import SUPPORTS, SupportPolicy
from crossvad.store.facts import wrong_facts
from crossvad.store.index import Index, identity, name_of
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
        if "fusion" not in self.facts:
            raise InputError(f"cell {self.cell.key}", "does not say how its cues are fused", "run it again")
        weights: dict[str, float] = self.facts["fusion"]
        return weights


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
        fix = "name another --results folder, or stamp its cells anew: python results/restamp.py FOLDER"
        raise InputError(path, problem, fix)
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


def recalled_record(place: Path, index: Index) -> Record | None:
    """The same as `read_record`, of a file that need not be read if it is remembered; else it is from now on.

    Raises:
        InputError: its record cannot be read.
    """
    name, told = f"{name_of(place)}/{RECORD}", identity(place, RECORD)
    if (said := index.said(name, told)) is not None:
        with suppress(ValueError, TypeError, KeyError):  # of another version than this
            return _record(json.loads(said))
    record = read_record(place)
    if record is not None:
        kept = vars(record) | {"cell": {each.name: getattr(record.cell, each.name) for each in fields(Cell)}}
        index.add(name, told, json.dumps(kept).encode())
    return record


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
