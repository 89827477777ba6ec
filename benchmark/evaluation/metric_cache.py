"""Metrics of cells that were computed before: a table of 600 cells then takes a second, not a minute.

They lie in one JSON file, which may be removed at any time: in runs/ beside the cells or, where there is no such folder
or it cannot be written, in the user's cache. What cannot be read is computed again, and what cannot be written is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from types import TracebackType
from typing import Any

from crossvad.adapters.published import PublishedEvaluation
from crossvad.datasets.readers.file_identity import cache_root, small_text
from crossvad.evaluation.metrics import METRICS, VERSION, Numbers
from crossvad.evaluation.selection import published_evaluation
from crossvad.planning.cell import digest_of
from crossvad.planning.protocol import Protocol
from crossvad.store.drafts import replace_text
from crossvad.store.store import Record, Store, uncollected
from crossvad.store.typed import is_number

LAYOUT = 2  # of the file: to be raised where its keys are made another way
COUNTS = ("contamination", "stuck", "frames", "videos")  # beside the metrics, in every cell's numbers
COLUMNS = {*COUNTS, *(column for metric in METRICS.values() if metric.of_frames for column in metric.columns)}


class MetricCache:
    """The metrics of a store's cells by all that decides them; written where the `with` block ends."""

    def __init__(self, store: Store) -> None:
        results = store.root.parent.resolve()
        elsewhere = cache_root() / "metrics" / f"{digest_of({'results': str(results)})}.json"
        own = store.root.resolve().is_relative_to(results)  # else a link: what it leads to may be anybody's
        inside = own and store.root.is_dir()
        self.paths = (store.root / "metrics.json", elsewhere) if inside else (elsewhere,)
        self.numbers: dict[str, Numbers] = {}
        self.added: dict[str, Numbers] = {}

    def __enter__(self) -> MetricCache:
        """Read what there is."""
        self.numbers = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what was added, however the block ended, in the first place that can be written."""
        if self.added:
            cells = self._read() | self.added  # with a twin's that came first
            text = json.dumps({"version": [VERSION, LAYOUT], "cells": cells})
            any(replace_text(path, text) for path in self.paths)

    def recalled(self, record: Record, protocol: Protocol, compute: Callable[[], Numbers]) -> Numbers:
        """Recall the metrics of a finished cell under a protocol, or compute and keep them."""
        cell, fusion = record.cell, tuple(sorted(record.fusion.items()))
        key = f"{record.digest} {_rules(protocol, cell.shots, cell.support, fusion, published_evaluation(record))}"
        if key not in self.numbers:
            self.numbers[key] = self.added[key] = compute()
        return self.numbers[key]

    def _read(self) -> dict[str, Numbers]:
        numbers: dict[str, Numbers] = {}
        for path in self.paths:
            # Absent, or not as it was written.
            with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                with uncollected():
                    stored = json.loads(small_text(path), parse_int=_of_64_bits)
                if stored["version"] == [VERSION, LAYOUT]:
                    numbers |= {key: dict(of_cell) for key, of_cell in stored["cells"].items() if _fits(of_cell)}
        return numbers


def _of_64_bits(digits: str) -> int:
    """A whole number of a JSON file.

    Raises:
        ValueError: no column of a table can hold it.
    """
    if not is_number(number := int(digits)):
        raise ValueError(f"{digits} is beyond 64 bits")
    return number


def _fits(numbers: Any) -> bool:
    """Whether these can be the metrics of a cell, by name."""
    return numbers.keys() <= COLUMNS and {*map(type, numbers.values())} <= {float, int}


@cache  # cells are many, and ways to read them few
def _rules(
    protocol: Protocol, shots: int, support: str, fusion: tuple[tuple[str, float], ...], published: PublishedEvaluation
) -> str:
    """Digest of what, beside its scores, decides a cell's metrics."""
    return digest_of({
        "protocol": asdict(protocol), "shots": shots, "support": support, "fusion": dict(fusion),
        "published": asdict(published),
        "metrics": [metric.name for metric in METRICS.values() if metric.of_frames or metric.of_maps],
    })  # fmt: skip
