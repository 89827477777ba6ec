"""Cells that a table lacks because they failed."""

from __future__ import annotations

from collections.abc import Iterable

from crossvad.store.store import Record, Store


def failures(store: Store, records: Iterable[Record]) -> list[str]:
    """Say of each cell that failed why it did, and where the whole traceback lies."""
    return [
        f"failed: {record.cell}: {record.reason.strip().splitlines()[-1]} "
        f"({store.place('cells', record.cell.key) / 'record.json'})"
        for record in records
        if record.status == "failed"
    ]
