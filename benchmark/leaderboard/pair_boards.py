"""A board of each budget, source and target: its rows, the places that they may have, and how far from a rival."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.evaluation.best import incomparable, pairs
from crossvad.evaluation.comparison import ENTRY, differences
from crossvad.leaderboard.gathering import Gathered
from crossvad.leaderboard.places import WHAT, Place, in_bold, places, summary, verdict
from crossvad.leaderboard.view import Column, Row, Table, Text, adaptation_text, method_text, number_text, page_of
from crossvad.present import captions
from crossvad.present.report_boards import BOARD, Key
from crossvad.present.tables import MISSING, difference_and_interval, marks, mean_and_spread, p_value
from crossvad.present.words import controls

RIVAL = "framediff"
METRICS = ("auc", "macro_auc", "ap")
COLUMNS = [
    Column("method", "method", descending=False),
    Column("adaptation", "adaptation", descending=False),
    Column("AUC", "auc"),
    Column("place"),
    Column(f"difference to {RIVAL}"),
    Column("p, Holm", descending=False),
    Column("macro AUC"),
    Column("AP"),
    Column("seeds"),
    Column("run by", "adaptation", descending=False),
]


@dataclass(frozen=True)
class PairBoard:
    """What is known of the rows of one budget, source and target."""

    key: Key
    table: Table
    summary: str  # which rows may be the best, in a line
    places: dict[Key, Place]  # of each entry

    @property
    def page(self) -> str:
        """The name of its page."""
        return page_of("board", *map(str, self.key))


def pair_boards(gathered: Gathered, tidy: pd.DataFrame, counted: pd.DataFrame) -> list[PairBoard]:
    """Make the boards.

    Args:
        gathered: the cells.
        tidy: a row per cell.
        counted: rows of `comparison.counted` of the same cells.
    """
    parts = dict(list(counted.groupby(BOARD)))
    return [_board(gathered, key, rows, parts[key]) for key, rows in tidy.groupby(BOARD) if key in parts]


def _board(gathered: Gathered, key: Key, rows: pd.DataFrame, cells: pd.DataFrame) -> PairBoard:
    ranked = cells[~controls(cells["method"])]
    why_not = incomparable(cells) or ("" if len(ranked) else "no row is of a detector")
    found: dict[Key, Place] = {}
    if not why_not:
        compared = pairs(ranked)
        means = ranked.groupby(ENTRY, sort=False)["wins"].agg(lambda wins: sum(each.auc for each in wins) / len(wins))
        found = dict(zip(compared.entries, places(list(means[compared.entries]), compared.p), strict=True))
    gaps = _gaps(cells)
    lines = sorted(rows.groupby(ENTRY, sort=False), key=lambda line: -line[1]["auc"].mean())
    told = verdict(list(found.values()), why_not)
    bold = in_bold(found.values())
    shown = [_row(gathered, entry, own, found.get(entry), gaps.get(entry), bold) for entry, own in lines]
    best = [str(row.cells[0].value) for row in shown if row.best]
    caption = captions.caption(rows, *METRICS)
    facts = [caption, WHAT, f"difference: in points to {RIVAL} at K = 0, paired by video, p adjusted over the board"]
    budget, source, target = map(str, key)
    table = Table(f"{source} → {target}, {budget}", COLUMNS, shown, "; ".join(facts), told)
    return PairBoard(key, table, summary(best, found.values()), found)


def _gaps(cells: pd.DataFrame) -> dict[Key, dict]:
    """The difference of each entry to the rival; none where that was not run."""
    try:
        return {tuple(line[name] for name in ENTRY): line for line in differences(cells, RIVAL).to_dict("records")}
    except InputError:
        return {}


def _row(gathered: Gathered, entry: Key, own: pd.DataFrame, place: Place | None, gap: dict | None, bold: bool) -> Row:
    named = dict(zip(ENTRY, entry, strict=True))
    support = named["support"] if named["shots"] else ""
    runner = gathered.credit(gathered.by_entry[entry])
    cells = [
        method_text(named["method"], page_of("method", named["method"])),
        adaptation_text(named["tuning"], named["shots"], named["steps"], support),
        auc_text(own),
        place.text if place else Text(MISSING),
        *_gap_texts(gap),
        number_text(own["macro_auc"].mean()),
        number_text(own["ap"].mean()),
        Text(str(len(own)), len(own)),
        Text(runner, runner),
    ]  # fmt: skip
    return Row(cells, bold and place is not None and place.first == 1)


def _gap_texts(gap: dict | None) -> list[Text]:
    """The difference to the rival, and its p."""
    if gap is None:
        return [Text(MISSING), Text(MISSING)]
    shown = difference_and_interval(gap["difference"], gap["low"], gap["high"])
    return [
        Text(shown, gap["difference"]),
        Text(p_value(gap["p_holm"]), None if pd.isna(gap["p_holm"]) else gap["p_holm"]),
    ]


def auc_text(own: pd.DataFrame) -> Text:
    """The AUC of an entry: with its interval of one seed, or its spread over several; never bare where one is known."""
    mean, marked = own["auc"].mean(), marks(own)
    if len(own) > 1:
        return Text(f"{mean_and_spread(mean, own['auc'].std(), 1)}{marked}", mean)
    low, high = own["auc_low"].iloc[0], own["auc_high"].iloc[0]
    interval = "" if pd.isna(low) else f" [{low:.1f}, {high:.1f}]"
    return Text(MISSING) if pd.isna(mean) else Text(f"{mean:.1f}{interval}{marked}", mean)
