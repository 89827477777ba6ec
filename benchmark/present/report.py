"""The report: stored cells as one web page that needs no network. This file gathers what the page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from crossvad import __version__
from crossvad.datasets.errors import InputError, Problem
from crossvad.evaluation.comparison import ENTRY, ITSELF, counted, differences
from crossvad.evaluation.rows import committed_among_own
from crossvad.evaluation.selection import current
from crossvad.evaluation.tidy import table
from crossvad.execution.progress import Reporter
from crossvad.planning.protocol import Protocol
from crossvad.planning.spelling import command
from crossvad.present.contact_sheets import target_videos
from crossvad.present.figures.tracks import tracks
from crossvad.present.labels import label
from crossvad.present.report_boards import BOARD, Key, boards, critical_differences
from crossvad.present.report_cells import COSTS, METRICS, Page, cell_page, number
from crossvad.present.tables import marks
from crossvad.present.thumbnails import Thumbnails
from crossvad.present.web import environment, joined
from crossvad.present.words import CONTROLS
from crossvad.store.store import Record, Store

IDENTITY = [*ENTRY, "seed"]
LABELLED = ("method", "tuning", "source", "target")  # keys whose values have short names
STYLES = ("base", "boards", "cell")  # the page's style sheets and scripts, in the order in which they stand in it
SCRIPTS = (
    "base", "columns", "state", "form", "apart", "board", "published", "across", "speed", "cell", "page"
)  # fmt: skip
Gains = dict[tuple[Any, ...], dict[str, float]]  # by entry: difference, low, high, in points


def gather(
    store: Store,
    records: Iterable[Record],
    protocol: Protocol,
    problems: list[Problem],
    stills: Thumbnails,
    reporter: Reporter,
    rivals: Iterable[Record] = (),
    remarks: Sequence[str] = (),
    budget: str = "",
) -> Page:
    """Gather all that the page shows of these cells, read by a protocol; metrics in %, times in seconds.

    Args:
        store: where their scores lie.
        records: of the cells; those that are not current are left out.
        protocol: by which scores are read.
        problems: what `bench verify` found.
        stills: frames of test videos, where they are at hand.
        reporter: told how far it is.
        rivals: of more cells, among which are those that these start from at K = 0.
        remarks: what captions say of cells that are left out.
        budget: whose rows are shown when the page is opened; empty: those of the one that most rows have.

    Raises:
        InputError: stored scores are missing or were changed.
    """
    records = current(records)
    with reporter.task("Read scores") as update:
        update(0, 3, "metrics")
        tidy = table(store, records, protocol)
        boarded = tidy.groupby(BOARD, group_keys=False)
        tidy = tidy.assign(committed=pd.concat([committed_among_own(rows) for _, rows in boarded]))
        update(1, 3, "differences")
        boards_shown = {_board(record) for record in records}  # no other record can be a rival
        near = [record for record in rivals if _board(record) in boards_shown]
        among = counted(store, {record.cell.key: record for record in [*near, *records]}.values(), protocol)
        cells = among[among["cell"].isin([record.cell.key for record in records])]
        described, places = boards(tidy, cells, remarks)
        gains = _gains(cells, among, protocol)
        update(2, 3, "timelines")
        scores = _by_cell(tracks(store, records, protocol))
        update(3, 3, "")
    stored = {_identity(vars(record.cell)): record for record in records}
    lines: list[Page] = [
        {str(name): value for name, value in line.items()} | {"key": stored[_identity(line)].cell.key}
        for line in tidy.to_dict("records")
    ]
    pages = {line["key"]: cell_page(line, stored[_identity(line)], scores.get(_identity(line))) for line in lines}
    scored = [stored[_identity(line)] for line in lines if pages[line["key"]]["ranks"]]
    entries = _entries(lines, gains, places, stored)
    return {
        "version": __version__,
        "protocol": protocol.name,
        "budget": budget,
        "boards": described,
        "critical": critical_differences(entries),
        "entries": entries,
        "labels": {name: label(name) for name in sorted({entry[key] for entry in entries for key in LABELLED})},
        "cells": pages,
        "targets": target_videos(store, scored, stills, reporter),
        "published": {},  # figures of targets by name, as `studies.references` has them
        "problems": [vars(problem) for problem in problems],
        "controls": list(CONTROLS),
    }


def render(page: Page) -> str:
    """Write the page as one HTML file. Every name in it is data to its script, which writes texts and never markup."""
    style, script = (joined("report", names, kind) for names, kind in ((STYLES, "css"), (SCRIPTS, "js")))
    return environment().get_template("report.html").render(style=style, script=script, page=page)


def _board(record: Record) -> Key:
    """Name the board that a cell stands on."""
    return tuple(getattr(record.cell, name) for name in BOARD)


def _identity(keys: Mapping[Any, Any]) -> Key:
    """Name what tells one cell from all others in a table of current ones."""
    return tuple(keys[name] for name in IDENTITY)


def _by_cell(scores: pd.DataFrame) -> dict[tuple[Any, ...], pd.DataFrame]:
    """Part the scores of all cells' videos by cell."""
    return {identity: part for identity, part in scores.groupby(IDENTITY, sort=False)} if len(scores) else {}


def _gains(cells: pd.DataFrame, among: pd.DataFrame, protocol: Protocol) -> Gains:
    """Measure what adapting gains over K = 0, in points, by entry; none where each K counts other frames.

    Nor where there are too few videos for an interval: such a gain says nothing.
    """
    if not protocol.common_mask or not (cells["shots"] > 0).any():
        return {}
    try:
        gaps = differences(cells, ITSELF, among)
    except InputError:  # none of them is stored unadapted
        return {}
    return {
        tuple(line[name] for name in ENTRY): {name: line[name] for name in ("difference", "low", "high")}
        for line in gaps[(gaps["shots"] > 0) & gaps["low"].notna()].to_dict("records")
    }


def _entries(lines: list[Page], gains: Gains, places: Mapping[Key, int], stored: Mapping[Key, Record]) -> list[Page]:
    """Make a line per entry: means over its seeds, and nothing where a seed is missing."""
    entries = []
    for key, group in pd.DataFrame(lines).groupby(ENTRY, sort=False):
        one = len(group) == 1
        facts = {name: number(group[name].mean(skipna=False)) for name in ["auc", *METRICS, *COSTS]}
        gain = gains.get(key, {})
        cells = [stored[_identity(line)].cell for line in group.to_dict("records")]
        entries.append(
            dict(zip(ENTRY, key, strict=True))
            | facts
            | {"spread": None if one else number(group["auc"].std())}
            | {name: number(group[name].iloc[0]) if one else None for name in ("auc_low", "auc_high")}
            | {"gain": number(gain.get("difference")), "gain_low": number(gain.get("low"))}
            | {"gain_high": number(gain.get("high")), "seeds": len(group), "cells": list(group["key"])}
            | {"status": ", ".join(sorted(set(group["status"]))), "place": places.get(key), "command": command(cells)}
            | {"marks": marks(group)}
        )
    return entries
