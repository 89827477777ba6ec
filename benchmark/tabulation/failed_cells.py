"""Cells that a table lacks because they failed, or were left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from crossvad.planning.names import number_of
from crossvad.store.store import Record, Store


def failures(store: Store, records: Iterable[Record]) -> list[str]:
    """Say of each cell that failed why it did, and where the whole traceback lies."""
    return [
        f"failed: {record.cell}: {record.reason.strip().splitlines()[-1]} "
        f"({store.cell_place(record.cell.key) / 'record.json'})"
        for record in records
        if record.status == "failed"
    ]


def skips(records: Iterable[Record]) -> list[str]:
    """Say of the cells that could not be why not, a line for each reason."""
    counts = Counter(record.reason for record in records if record.status == "skipped")
    return [f"left out: {number_of(count, 'cell')}: {reason}" for reason, count in counts.items()]
