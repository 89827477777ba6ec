"""`bench status`: runs that are going on, set out as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crossvad.datasets.words import duration, number_of
from crossvad.present.formats import Tables
from crossvad.present.tables import MISSING
from crossvad.store.standing import Standing
from crossvad.store.store import Record


def tabulate(running: Sequence[Standing], records: Sequence[Record]) -> Tables:
    """Set out runs, a row each, above how many cells are stored, by what became of them."""
    rows = [
        {
            "run": f"{each.host}, {each.process}",
            "since": each.began[:16].replace("T", " "),
            "cells": f"{each.done} of {each.cells}",
            "left": _left(each),
            "at": "; ".join(_at(title, *how) for title, how in sorted(each.now.items())) or MISSING,
            "command": each.command,
        }
        for each in running
    ]
    statuses = pd.Series([record.status for record in records], dtype=str).value_counts()
    stored = ", ".join(f"{count} {status}" for status, count in statuses.items()) or "none"
    going = number_of(len(rows), "run") if rows else "no run"
    frame = pd.DataFrame(rows, columns=["run", "since", "cells", "left", "at", "command"]).set_index("run")
    return Tables([(frame, f"{going} going on here; UTC; cells stored: {stored}")], "status", rows=frame)


def _left(standing: Standing) -> str:
    """How long the rest may take, where anything tells."""
    return MISSING if standing.ends is None else duration(max(0.0, standing.ends - standing.seconds))


def _at(title: str, done: int, of: int, note: str) -> str:
    return f"{title} {done}/{of} {note}".strip() if of else title
