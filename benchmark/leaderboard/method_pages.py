"""A page of each method: what it is, who ran it with which code, what it costs, where it stands, and its versions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossvad.adapters.published import DEVIATIONS
from crossvad.datasets.errors import InputError
from crossvad.datasets.words import number_of
from crossvad.evaluation.comparison import ENTRY
from crossvad.evaluation.tidy import table
from crossvad.leaderboard.gathering import Gathered
from crossvad.leaderboard.pair_boards import PairBoard, auc_text
from crossvad.leaderboard.view import Column, Row, Table, Text, adaptation_text, number_text, page_of
from crossvad.planning import registry
from crossvad.planning.catalogue import METHODS
from crossvad.planning.protocol import FAIR
from crossvad.planning.spelling import command
from crossvad.present.report_boards import BOARD
from crossvad.present.tables import MISSING
from crossvad.present.words import digits
from crossvad.store.store import Record
from crossvad.submission.checking import Checked
from crossvad.submission.statement import Plugin, base_name

STANDS = [
    Column("board", "method", descending=False),
    Column("adaptation", "adaptation", descending=False),
    Column("AUC", "auc"),
    Column("place"),
    Column("seeds"),
]
COSTS = [
    Column("budget", "method", descending=False),
    Column("device", "adaptation", descending=False),
    Column("parameters", "auc"),
    Column("training, s"),
    Column("adapting, s"),
    Column("frames a second"),
]
VERSIONS = [
    Column("version", "method", descending=False),
    Column("board", "adaptation", descending=False),
    Column("adaptation", "adaptation", descending=False),
    Column("AUC", "auc"),
    Column("seeds"),
    Column("last run"),
    Column("run by", "adaptation", descending=False),
]


@dataclass(frozen=True)
class Code:
    """A file of code that a method's cells were run with, and whose submission holds it."""

    plugin: Plugin
    by: str


@dataclass(frozen=True)
class MethodPage:
    """All that is known of a method."""

    name: str
    title: str
    summary: str
    paper: str
    licence: str
    deviations: Sequence[str]
    by: str
    code: Sequence[Code]
    ours: bool  # whether its code comes with this package
    stands: Table
    costs: Table
    versions: Table
    commands: Sequence[str]

    @property
    def page(self) -> str:
        """The name of its page."""
        return page_of("method", self.name)


def method_pages(gathered: Gathered, tidy: pd.DataFrame, boards: Iterable[PairBoard]) -> list[MethodPage]:
    """Make a page of every method that stands on a board, or did in another version.

    Args:
        gathered: the cells.
        tidy: a row per cell that stands.
        boards: where methods stand.
    """
    of_key = {board.key: board for board in boards}
    history = _history(gathered, tidy)
    names = sorted({str(name) for name in history["method"]})
    return [_page(gathered, name, tidy[tidy["method"] == name], of_key, history) for name in names]


def _page(gathered: Gathered, name: str, tidy: pd.DataFrame, boards: dict, history: pd.DataFrame) -> MethodPage:
    every = ([record for record in some if record.cell.method == name] for some in (gathered.records, gathered.older))
    records = next(filter(None, every))  # those that stand, if any does
    holders = list({each.folder: each for record in records for each in gathered.owners[record.cell.key]}.values())
    title, summary, paper, licence, deviations = _told(name, holders)
    named = {base_name(name)} if registry.runs_code(name) else set()
    code = [
        Code(plugin, each.card.by if each.card else "")
        for each in holders
        for plugin in (each.statement.plugins if each.statement else [])
        if plugin.name in named
    ]
    groups = [group for group in gathered.by_entry.values() if group[0].cell.method == name]
    return MethodPage(
        name, title, summary, paper, licence, deviations, gathered.credit(records), code, _is_ours(name),
        _stands(tidy, boards), _costs(tidy), _versions(gathered, history[history["method"] == name]),
        sorted(command([record.cell for record in group]) for group in groups),
    )  # fmt: skip


def _is_ours(name: str) -> bool:
    return base_name(name) in METHODS and not registry.runs_code(name)


def _told(name: str, holders: Iterable[Checked]) -> tuple[str, str, str, str, Sequence[str]]:
    """Title, summary, paper, licence and deviations: of ours as the class says, of others as a card does."""
    if _is_ours(name):
        try:
            cls = registry.get_method(name).cls
        except InputError:  # options that no method has any more
            return name, "", "", "", ()
        summary = inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
        return name, summary, cls.paper, cls.licence, cls.deviations + (DEVIATIONS if cls.needs_source else ())
    for each in holders:
        if each.card and (told := each.card.methods.get(base_name(name))):
            return told.title, "", told.paper, told.licence, told.deviations
    return name, "", "", "", ()


def _stands(tidy: pd.DataFrame, boards: dict) -> Table:
    rows = []
    for entry, own in tidy.groupby(ENTRY, sort=False):
        line: dict[str, Any] = dict(zip(ENTRY, entry, strict=True))
        board = boards.get(tuple(line[name] for name in BOARD))
        if board is None:
            continue
        place = board.places.get(entry)
        rows.append(Row([
            Text(f"{line['source']} → {line['target']}", board.key[1], line["budget"], board.page),
            adaptation_text(line["tuning"], line["shots"], line["steps"], line["support"] if line["shots"] else ""),
            auc_text(own), place.text if place else Text(MISSING), Text(str(len(own)), len(own)),
        ]))  # fmt: skip
    caption = "AUC in %, by protocol fair, with what each board's caption says; place: those that are possible there"
    return Table("Where it stands", STANDS, rows, caption)


def _costs(tidy: pd.DataFrame) -> Table:
    rows = []
    for (budget, device), own in tidy.groupby(["budget", "device"], sort=False):
        parameters = own["parameters"].max()
        adapting = own.loc[own["shots"] > 0, "adapt_seconds"].median()
        rows.append(Row([
            Text(str(budget), str(budget)), Text(str(device), str(device)),
            Text(f"{parameters:,.0f}".replace(",", " "), parameters) if parameters == parameters else Text(MISSING),
            *(Text(MISSING) if value != value else Text(digits(value), value)
              for value in (own["train_seconds"].median(), adapting, own["fps"].median())),
        ]))  # fmt: skip
    caption = (
        "median over cells, as each was run: training once a source and seed, adapting once a scene, frames a second "
        "when scoring decoded frames; machines differ, so that these tell orders of magnitude"
    )
    return Table("What it costs", COSTS, rows, caption)


def _history(gathered: Gathered, tidy: pd.DataFrame) -> pd.DataFrame:
    """Tidy rows of cells of all versions, each with its version and when it was run."""
    parts: dict[tuple, list[Record]] = {}
    for record in gathered.older:
        cell = record.cell
        parts.setdefault((cell.method_version, cell.tuning_version, cell.harness_version), []).append(record)
    older = [
        _versioned(table(gathered.store, records, FAIR, speeds={}), records, gathered) for records in parts.values()
    ]
    return pd.concat([_versioned(tidy, gathered.records, gathered), *older], ignore_index=True)


def _versioned(tidy: pd.DataFrame, records: Iterable[Record], gathered: Gathered) -> pd.DataFrame:
    known = {tuple(getattr(record.cell, name) for name in [*ENTRY, "seed"]): record for record in records}
    found = [known[key] for key in tidy[[*ENTRY, "seed"]].itertuples(index=False, name=None)]
    return tidy.assign(
        of=[f"{record.cell.method_version}, harness {record.cell.harness_version}" for record in found],
        day=[record.finished[:10] for record in found],
        by=[gathered.credit([record]) for record in found],
    )


def _versions(gathered: Gathered, history: pd.DataFrame) -> Table:
    rows = []
    for (version, *entry), own in history.groupby(["of", *ENTRY], sort=False):
        line: dict[str, Any] = dict(zip(ENTRY, entry, strict=True))
        support = line["support"] if line["shots"] else ""
        rows.append(Row([
            Text(str(version), str(version)),
            Text(f"{line['source']} → {line['target']}", line["target"], line["budget"]),
            adaptation_text(line["tuning"], line["shots"], line["steps"], support),
            auc_text(own), number_text(len(own), ".0f"), Text(own["day"].max(), own["day"].max()),
            Text(", ".join(own["by"].unique()), own["by"].iloc[0]),
        ]))  # fmt: skip
    count = history["of"].nunique()
    caption = (
        f"a line per version and row, {number_of(count, 'version')}; AUC in %, by protocol fair; boards show one "
        "version alone: of what comes with crossvad the newest, of all else the first that was sent; cells of "
        "different versions may have been run on different machines"
    )
    return Table("Versions", VERSIONS, rows, caption)
