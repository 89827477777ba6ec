"""What a submission says of itself that code wrote: what was packed, where, and with which files of code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from crossvad import __version__
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import small_text
from crossvad.planning.names import listed, split_options
from crossvad.planning.registry import runs_code
from crossvad.store.store import Record
from crossvad.store.typed import misfits, unseen
from crossvad.submission.layout import PLUGINS, STATEMENT

SCHEMA = 1


class Board(NamedTuple):
    """What cells are compared on."""

    budget: str
    source: str
    target: str

    @classmethod
    def of(cls, record: Record) -> Board:
        """The board that a cell is on."""
        return cls(record.cell.budget, record.cell.source, record.cell.target)

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.source} → {self.target}, {self.budget}"


@dataclass(frozen=True)
class Plugin:
    """A file of code that is no part of this package."""

    name: str  # of the class in it, as cells have it: file.py:Class
    sha256: str
    bytes: int

    @property
    def path(self) -> str:
        """Where it lies below the submission's folder."""
        return f"{PLUGINS}/{self.sha256}/{self.name.partition(':')[0]}"


@dataclass(frozen=True)
class Statement:
    """What was packed."""

    boards: list[Board]  # that the cells are for
    where: list[str]  # by which they were chosen
    environment: dict[str, str]  # as `bench env` says it, but for folders
    plugins: list[Plugin] = field(default_factory=list)
    version: str = __version__
    schema: int = SCHEMA


def boards_of(records: Iterable[Record]) -> list[Board]:
    """The boards that some cells are on, in order."""
    return sorted({Board.of(record) for record in records})


def plugins_named(record: Record) -> set[str]:
    """The plug-ins that a cell names, as file.py:Class: its method, tuning, target, and parts of its source."""
    cell = record.cell
    names = [cell.method, cell.tuning, cell.target, *listed(cell.source, "+")]
    return {base_name(name) for name in names if runs_code(name)}


def base_name(name: str) -> str:
    """A name without its options; as it is, where it cannot be read."""
    try:
        return split_options(name)[0]
    except InputError:
        return name


def write_statement(statement: Statement, folder: Path) -> None:
    """Write it as JSON, the same bytes for the same statement."""
    told = asdict(statement) | {"boards": [board._asdict() for board in statement.boards]}
    (folder / STATEMENT).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def read_statement(folder: Path) -> Statement:
    """Read what `write_statement` wrote.

    Raises:
        InputError: it is no such file, or of a later version.
    """
    try:
        told = json.loads(small_text(folder / STATEMENT))
        if isinstance(told, dict) and type(told.get("schema")) is int and told["schema"] > SCHEMA:
            raise InputError(STATEMENT, "was written by a later version of crossvad", "update crossvad")
        if wrong := _wrong(told):
            raise ValueError(wrong)
        boards = [Board(**each) for each in told["boards"]]
        return Statement(**{**told, "boards": boards, "plugins": [Plugin(**each) for each in told["plugins"]]})
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(STATEMENT, f"cannot be read ({error})", "pack it again with bench submit pack") from error


def _wrong(told: Any) -> str:
    """What of a statement's JSON is not as it is written; nothing if all is."""
    if not isinstance(told, dict):
        return "it is no table"
    if found := unseen(told) or "; ".join(misfits(Statement, told)):
        return found
    boards, plugins, where = (told.get(name) for name in ("boards", "plugins", "where"))
    if not _texts(where) or not _named(told.get("environment")):
        return "where and environment are no texts"
    if not isinstance(boards, list) or not all(_named(each) for each in boards):
        return "boards are no tables of texts"
    if not isinstance(plugins, list) or not all(isinstance(each, dict) for each in plugins):
        return "plugins are no tables"
    return "; ".join(what for each in plugins for what in misfits(Plugin, each))


def _texts(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(each, str) for each in told)


def _named(told: Any) -> bool:
    return isinstance(told, Mapping) and all(isinstance(each, str) for each in told.values())
