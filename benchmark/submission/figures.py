"""The figures of a submission: what anyone can make again of its raw scores."""

from __future__ import annotations

from collections.abc import Iterable

from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.store.store import Record, Store


def figures(store: Store, records: Iterable[Record]) -> str:
    """Write a row per cell as CSV, by protocol fair; speeds are those of the cells, and not of profiles.

    Raises:
        InputError: stored scores are missing or were changed.
    """
    rows = table(store, records, FAIR, speeds={}).drop(columns=PLACE)
    return rows.to_csv(index=False, float_format="%.4f", lineterminator="\n")
