"""A board of each set of cameras: of every budget and source, the mean over all cameras that its rows share."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.evaluation.cameras import ENTRY, CameraComparison, compare_cameras
from crossvad.leaderboard.camera_rows import WAY, largest_part
from crossvad.leaderboard.gathering import Gathered
from crossvad.leaderboard.pair_boards import RIVAL
from crossvad.leaderboard.places import WHAT, Place, in_bold, places, summary, verdict
from crossvad.leaderboard.view import Column, Row, Table, Text, adaptation_text, method_text, page_of
from crossvad.present import camera_captions
from crossvad.present.report_boards import Key
from crossvad.present.tables import MISSING, detectable, difference_and_interval, marks_of_each, p_value
from crossvad.present.words import is_control

COLUMNS = [
    Column("method", "method", descending=False),
    Column("adaptation", "adaptation", descending=False),
    Column("mean AUC", "auc"),
    Column("place"),
    Column("worst camera"),
    Column(f"difference to {RIVAL}"),
    Column("p, Holm", descending=False),
    Column("ahead"),
    Column("detectable", descending=False),
    Column("seeds"),
    Column("run by", "adaptation", descending=False),
]


@dataclass(frozen=True)
class CameraBoard:
    """What is known of methods on the cameras of several targets, after training on one source."""

    budget: str
    source: str
    targets: list[str]
    cameras: int
    table: Table
    each: Table  # AUC on each camera
    summary: str  # which rows may be the best, in a line

    @property
    def page(self) -> str:
        """The name of its page."""
        return page_of("cameras", self.budget, self.source)


def camera_boards(gathered: Gathered, counted: pd.DataFrame) -> tuple[list[CameraBoard], list[str]]:
    """Make a board of every budget and source of which several cameras were scored.

    Rows and targets are those of `camera_rows.largest_part`; what is left out is named.

    Args:
        gathered: the cells.
        counted: rows of `camera_cells.counted_by_camera` of these cells.

    Returns:
        The boards, and a fact for each source that has none although several cameras were scored.
    """
    found, without = list[CameraBoard](), list[str]()
    for (budget, source), cells in counted.groupby(["budget", "source"]):
        inside, facts = largest_part(gathered, cells)
        if inside["camera"].nunique() < 2:
            if cells["camera"].nunique() > 1:
                without.append(f"no mean over cameras after {source}, {budget}: {'; '.join(facts)}")
            continue
        try:
            compared = compare_cameras(inside, [RIVAL])
        except InputError as error:
            facts.append(f"no comparison with {RIVAL}: {error.problem}")
            try:
                compared = compare_cameras(inside)
            except InputError as mixed:
                without.append(f"no mean over cameras after {source}, {budget}: {mixed.problem}")
                continue
        found.append(_board(gathered, str(budget), str(source), compared, inside, facts))
    return found, without


def _board(
    gathered: Gathered, budget: str, source: str, compared: CameraComparison, cells: pd.DataFrame, facts: list[str]
) -> CameraBoard:
    of = str(compared.entries["source"].iloc[0])  # "any", where nothing learned from this one
    keys, p = compared.p_values(of)
    ranked = [number for number, key in enumerate(keys) if not is_control(key[ENTRY.index("method")])]
    aucs = [float(compared.fits[keys[number]][0].measured.mean()) for number in ranked]
    found = dict(zip([keys[number] for number in ranked], places(aucs, p[ranked][:, ranked]), strict=True))
    bold = in_bold(found.values())
    entries = compared.entries
    runners = _credits(gathered, cells)
    lines = entries.to_dict("records")
    rows = [
        _row(compared, line, mark, found, bold, runners)
        for line, mark in zip(lines, marks_of_each(entries), strict=True)
    ]
    against = [RIVAL] if (entries["against"] == RIVAL).any() else []
    caption = "; ".join([camera_captions.of_means(compared, against, "fair"), WHAT, *compared.left_out, *facts])
    title = f"Cameras never seen, after {source}, {budget}"
    table = Table(title, COLUMNS, rows, caption, verdict(list(found.values())))
    each = _by_camera(compared)
    line = summary([str(row.cells[0].value) for row in rows if row.best], found.values())
    targets = sorted(compared.cells["target"].unique())
    return CameraBoard(budget, source, targets, len(each.columns) - 2, table, each, line)


def _row(
    compared: CameraComparison, line: dict, mark: str, found: dict[Key, Place], bold: bool, runners: dict[Key, str]
) -> Row:
    key = tuple(line[name] for name in ENTRY)
    place, way = found.get(key), tuple(line[name] for name in WAY)
    interval = "" if pd.isna(line["low"]) else f" [{line['low']:.1f}, {line['high']:.1f}]"
    gap = line["difference"]
    ends = gap, line["difference_low"], line["difference_high"]
    cells = [
        method_text(line["method"], page_of("method", line["method"])),
        adaptation_text(line["tuning"], line["shots"], line["steps"]),
        Text(f"{line['auc']:.1f}{interval}{mark}", line["auc"]),
        place.text if place else Text(MISSING),
        Text(f"{line['worst']:.1f} ({camera_captions.short(compared, line['worst_camera'])})", line["worst"]),
        Text(MISSING) if pd.isna(gap) else Text(difference_and_interval(*ends), gap),
        Text(p_value(line["p_holm"]), None if pd.isna(line["p_holm"]) else line["p_holm"]),
        Text(MISSING) if pd.isna(line["ahead"]) else Text(f"{line['ahead']:.0f} of {line['cameras']}", line["ahead"]),
        Text(detectable(line["detectable"]), None if pd.isna(line["detectable"]) else line["detectable"]),
        Text(str(line["seeds"]), line["seeds"]),
        Text(runners.get(way, ""), runners.get(way, "")),
    ]
    return Row(cells, bold and place is not None and place.first == 1)


def _credits(gathered: Gathered, cells: pd.DataFrame) -> dict[Key, str]:
    """Who ran each row."""
    records = {record.cell.key: record for record in gathered.records}
    return {
        way: gathered.credit(records[key] for key in own["cell"].unique())
        for way, own in cells.groupby(WAY, sort=False)
    }


def _by_camera(compared: CameraComparison) -> Table:
    """The AUC of every row on every camera."""
    names = [camera_captions.short(compared, camera) for camera in compared.each.columns]
    columns = [*COLUMNS[:2], *(Column(name) for name in names)]
    rows = []
    for key, values in zip(compared.each.index, compared.each.to_numpy(), strict=True):
        line = dict(zip(ENTRY, key, strict=True))
        head = [
            method_text(line["method"], page_of("method", line["method"])),
            adaptation_text(line["tuning"], line["shots"], line["steps"]),
        ]
        rows.append(Row([*head, *(Text(f"{value:.1f}", float(value)) for value in values)]))
    return Table("AUC on each camera", columns, rows, camera_captions.of_each(compared))
