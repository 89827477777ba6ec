"""The index of a report of more cells than one page has room for: a line a board, and the way to its page."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from crossvad import __version__
from crossvad.datasets.wording import condition, noun
from crossvad.datasets.words import number_of
from crossvad.evaluation.comparison import ENTRY
from crossvad.planning.cell import digest_of
from crossvad.present.report_boards import BOARD, Key
from crossvad.present.report_cells import Page
from crossvad.present.web import environment, joined, template
from crossvad.store.store import Record


@dataclass(frozen=True)
class Pages:
    """Where the pages of an index lie, and how the report was asked for."""

    index: Path  # its file; pages are below NAME-pages/ beside it
    words: Sequence[str]  # of the command, but for --out: --where, --protocol, --results, --data

    @property
    def folder(self) -> Path:
        """The folder of the pages, there or not."""
        return self.index.with_name(f"{self.index.stem}-pages")

    def page(self, board: Key) -> Path:
        """The file of a board's page, there or not; whatever its names hold, it lies in the folder."""
        slug = re.sub("[^a-z0-9]+", "-", "-".join(map(str, board)).lower()).strip("-")[:60]
        return self.folder / f"{slug}-{digest_of({'board': list(board), 'words': list(self.words)})[:8]}.html"

    def command(self, board: Key) -> str:
        """What makes a board's page."""
        asked = [f"{key}={name}" for key, name in zip(BOARD, board, strict=True)]
        where = [word for each in asked if each not in self.words for word in ("--where", each)]
        return shlex.join(["bench", "report", *self.words, *where, "--out", str(self.page(board))])


def lines(tidy: pd.DataFrame, records: Sequence[Record], pages: Pages, most: int) -> list[Page]:
    """Describe each board by a line: its names, what it holds, its highest mean AUC, and its page.

    Args:
        tidy: a row per cell, read by the report's protocol.
        records: of the cells.
        pages: where pages lie, of which those that are there are linked to.
        most: cells that a page has room for.
    """
    cells = [record.cell for record in records]
    counts = Counter(tuple(getattr(cell, name) for name in BOARD) for cell in cells)
    latest: dict[Key, str] = {}
    for record in records:
        board = tuple(getattr(record.cell, name) for name in BOARD)
        latest[board] = max(latest.get(board, ""), record.finished)
    highest = _highest(tidy)
    methods = tidy.groupby(BOARD)["method"].nunique()
    done = tidy[tidy["status"] == "done"].groupby(BOARD).size()
    found = []
    for board in sorted(counts):
        link, state = _page(pages, board, latest[board])
        if counts[board] > most:
            more = noun("where") + ", such as " + condition("method=apn")
            state = f"more than {most} cells: a page needs one more " + more
        found.append(
            dict(zip(BOARD, board, strict=True))
            | {"cells": counts[board], "done": int(done.get(board, 0)), "methods": int(methods.get(board, 0))}
            | highest.get(board, {"auc": None, "by": ""})
            | {"latest": latest[board][:16].replace("T", " "), "link": link, "state": state}
            | {"command": pages.command(board)}
        )
    return found


def render(found: Sequence[Page], protocol: str, remarks: Sequence[str], most: int) -> str:
    """Write the index as one HTML file, which is whole without its script.

    Args:
        found: its lines.
        protocol: by which scores were read.
        remarks: what a caption says of cells that are left out.
        most: cells that a page has room for.
    """
    style = joined("report", ("base", "index"), "css")
    several = len({line["budget"] for line in found}) > 1
    facts = [
        f"{number_of(sum(line['cells'] for line in found), 'cell')}: more than the {most} that a page has room for"
    ]
    facts += [] if several else [f"budget {found[0]['budget']}"]
    return environment().get_template("report.index.html").render(
        style=style, script=template("leaderboard.js"), lines=found, several=several, protocol=protocol,
        caption="; ".join([*facts, *remarks]), version=__version__,
    )  # fmt: skip


def _highest(tidy: pd.DataFrame) -> dict[Key, Page]:
    """The highest mean AUC over seeds of each board, and whose it is."""
    means = tidy[tidy["auc"].notna()].groupby(ENTRY)["auc"].mean().reset_index()
    best: pd.DataFrame = means.sort_values("auc", kind="stable").drop_duplicates(BOARD, keep="last")
    return {
        tuple(line[name] for name in BOARD): {
            "auc": round(line["auc"], 1),
            "by": f"{line['method']}, {line['tuning']}, K = {line['shots']}" if line["shots"] else line["method"],
        }
        for line in best.to_dict("records")
    }


def _page(pages: Pages, board: Key, latest: str) -> tuple[str, str]:
    """Where a board's page is, seen from the index, and what is to be said of it: nothing if it is as its cells are."""
    path = pages.page(board)
    if not path.is_file():
        return "", "not made yet"
    with suppress(ValueError):  # a record may say anything
        if path.stat().st_mtime >= datetime.fromisoformat(latest).timestamp():
            return quote(f"{path.parent.name}/{path.name}"), ""
    return quote(f"{path.parent.name}/{path.name}"), "older than its newest cell"
