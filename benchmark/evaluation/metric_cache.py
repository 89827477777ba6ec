"""Metrics of cells that were computed before: a table of 600 cells then takes a second, not a minute.

They lie in one JSON file, which may be removed at any time: in runs/ beside the cells or, where there is no such folder
or it cannot be written, in the user's cache. What cannot be read is computed again, and what cannot be written is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cache, partial
from types import TracebackType

import numpy as np

from crossvad.adapters.published import PublishedEvaluation
from crossvad.datasets.readers.file_identity import cache_root, small_text
from crossvad.evaluation.frames import Values
from crossvad.evaluation.metrics import METRICS, VERSION, WHOLE, Numbers
from crossvad.evaluation.selection import published_evaluation
from crossvad.planning.cell import digest_of
from crossvad.planning.protocol import Protocol
from crossvad.store.drafts import replace_text
from crossvad.store.store import Record, Store

LAYOUT = 3  # of the file: to be raised where its keys are made another way
COUNTS = ("contamination", "stuck", "frames", "videos")  # beside the metrics, in every cell's numbers
COLUMNS = (*COUNTS, *(column for metric in METRICS.values() if metric.of_frames for column in metric.columns))
COUNTED = [COLUMNS.index(name) for name in WHOLE]
NOTHING: Values = np.full(len(COLUMNS), np.nan)  # numbers of a cell that has no metrics
DIGITS = 16 * len(COLUMNS)  # of the numbers of a cell as they are written: 64 bits each, which are read at once


class MetricCache:
    """The metrics of a store's cells under a protocol by all that decides them, written where the `with` block ends."""

    def __init__(self, store: Store, protocol: Protocol) -> None:
        results = store.root.parent.resolve()
        elsewhere = cache_root() / "metrics" / f"{digest_of({'results': str(results)})}.json"
        own = store.root.resolve().is_relative_to(results)  # else a link: what it leads to may be anybody's
        inside = own and store.root.is_dir()
        self.paths = (store.root / "metrics.json", elsewhere) if inside else (elsewhere,)
        self.rows: dict[str, Values] = {}
        self.added: dict[str, Values] = {}
        self._rules = cache(partial(_rules, protocol))  # cells are many, and ways to read them few

    def __enter__(self) -> MetricCache:
        """Read what there is."""
        self.rows = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what was added, however the block ended, in the first place that can be written."""
        if self.added:
            rows = self._read() | self.added  # with a twin's that came first
            cells = {key: row.astype("<f8").tobytes().hex() for key, row in rows.items()}
            text = json.dumps({"version": [VERSION, LAYOUT], "columns": COLUMNS, "cells": cells})
            any(replace_text(path, text) for path in self.paths)

    def recalled(self, record: Record, compute: Callable[[], Numbers]) -> Values:
        """Recall the metrics of a finished cell by `COLUMNS`, or compute and keep them; `NOTHING` where it has none."""
        cell, fusion = record.cell, tuple(sorted(record.fusion.items()))
        key = f"{record.digest} {self._rules(cell.shots, cell.support, fusion, published_evaluation(record))}"
        if key not in self.rows:
            numbers = compute()
            row = np.array([numbers[name] for name in COLUMNS], float) if numbers else NOTHING
            self.rows[key] = self.added[key] = row
        return self.rows[key]

    def _read(self) -> dict[str, Values]:
        rows: dict[str, Values] = {}
        for path in self.paths:
            # Absent, or not as it was written.
            with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                stored = json.loads(small_text(path))
                if (stored["version"], stored["columns"]) == ([VERSION, LAYOUT], [*COLUMNS]):
                    rows |= _parsed(stored["cells"])
        return rows


def _parsed(cells: Mapping[str, str]) -> dict[str, Values]:
    """The numbers of cells, of their digits.

    Raises:
        ValueError: they are something else.
        TypeError: likewise.
    """
    if not {*map(len, cells.values())} <= {DIGITS}:
        raise ValueError("a cell has other columns")
    numbers = np.frombuffer(bytes.fromhex("".join(cells.values())), "<f8").reshape(-1, len(COLUMNS))
    counts = numbers[~np.isnan(numbers).all(1)][:, COUNTED]
    if (np.abs(numbers) >= 2**63).any() or not (counts >= 0).all() or (counts % 1 != 0).any():
        raise ValueError("no metric is as large, or no count is such a number")
    return dict(zip(cells, numbers, strict=True))


def _rules(
    protocol: Protocol, shots: int, support: str, fusion: tuple[tuple[str, float], ...], published: PublishedEvaluation
) -> str:
    """Digest of what, beside its scores, decides a cell's metrics."""
    return digest_of({
        "protocol": asdict(protocol), "shots": shots, "support": support, "fusion": dict(fusion),
        "published": asdict(published),
        "metrics": [metric.name for metric in METRICS.values() if metric.of_frames or metric.of_maps],
    })  # fmt: skip
