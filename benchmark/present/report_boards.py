"""The report's boards: what is known of the cells of one budget, source and target, and which of their rows differ."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crossvad.datasets.wording import condition
from crossvad.datasets.words import number_of
from crossvad.evaluation.best import incomparable, pairs
from crossvad.evaluation.comparison import ENTRY, fits_of
from crossvad.evaluation.frames import Values
from crossvad.evaluation.rows import committed_among_own
from crossvad.evaluation.statistics import LEVEL, critical_difference
from crossvad.present import captions
from crossvad.present.report_cells import METRICS, Page

BOARD = ["budget", "source", "target"]  # what a board is of one of
FINE = 100  # steps of a point of AUC, and of a decimal logarithm of p, in the page
RANKED = 100  # rows whose mean ranks are tested, at most

Key = tuple[Any, ...]


def boards(tidy: pd.DataFrame, cells: pd.DataFrame, remarks: Sequence[str] = ()) -> tuple[list[Page], dict[Key, int]]:
    """Describe each board: its budget, source and target, its caption, and which of its entries differ.

    Args:
        tidy: a row per cell.
        cells: rows of `comparison.counted` of the same cells.
        remarks: what captions say of cells that are left out.

    Returns:
        The boards by name; and by entry its place in its board's `apart`, if it is there.
    """
    counted, committed = dict(list(cells.groupby(BOARD))), committed_among_own(tidy)
    described: list[Page] = []
    places: dict[Key, int] = {}
    for key, rows in tidy.groupby(BOARD):
        foreign = [_not_run_here(len(rows))] if committed[rows.index].all() else []
        once = captions.one_fit(fits_of(counted[key])) if key in counted else []
        note = "; ".join([captions.caption(rows, "auc", *METRICS[:5]), *once, *foreign, *remarks])
        page: Page = dict(zip(BOARD, key, strict=True)) | {"caption": note, "why": "", "apart": None}
        if key in counted:
            page["why"] = incomparable(counted[key])
            if not page["why"]:
                compared = pairs(counted[key])
                apart = {"reach": compared.reach, "p": -np.log10(compared.p.clip(1e-300))}
                page["apart"] = {"rows": len(compared.entries)} | {name: _triangle(v) for name, v in apart.items()}
                places |= {entry: place for place, entry in enumerate(compared.entries)}
        described.append(page)
    return described, places


def _not_run_here(count: int) -> str:
    """Say that a board's cells are all committed ones, where other boards have one's own; of some, each is marked."""
    told = f"{number_of(count, 'cell')}, all committed in reference/, not run here"
    return told + " (" + condition("place=runs") + " leaves them out)"


def _triangle(square: Values) -> str:
    """Write what is above the diagonal, row by row, in `FINE` steps of two bytes each, the lower one first."""
    above = square[np.triu_indices(len(square), 1)]
    return base64.b64encode(np.round(FINE * above).clip(0, 2**16 - 1).astype("<u2").tobytes()).decode()


def critical_differences(entries: list[Page]) -> list[float]:
    """By how much mean ranks of 2, 3, … rows must differ over one target (Nemenyi's test).

    Over N targets it is that over the root of N. As many as there are entries of a way to adapt on several pairs, and
    `RANKED` at most.
    """
    ways = pd.DataFrame(entries)[[key for key in ENTRY if key not in ("source", "target", "support")]]
    shared = int((ways.value_counts() > 1).sum())
    return [round(critical_difference(rows, 1, LEVEL), 4) for rows in range(2, min(shared, RANKED) + 1)]
