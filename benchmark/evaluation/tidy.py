"""Tidy rows: one line per cell, everything offline from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crossvad.evaluation.cell_evaluation import cell_metrics, locate
from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.frames import Values
from crossvad.evaluation.meanings import by_age
from crossvad.evaluation.metric_cache import COLUMNS as CACHED
from crossvad.evaluation.metric_cache import NOTHING, MetricCache
from crossvad.evaluation.metrics import METRICS, WHOLE
from crossvad.evaluation.scored_cell import scored_cell
from crossvad.evaluation.selection import KEYS, belongs, current, published_evaluation, transductive
from crossvad.evaluation.stuck_cues import stuck_cues
from crossvad.planning.archives import published_videos
from crossvad.planning.protocol import Protocol
from crossvad.store import profiles
from crossvad.store.store import Record, Store

LOCATED = tuple(metric.name for metric in METRICS.values() if metric.of_maps)
TOLD = ("parameters", "device", *(name for name, metric in METRICS.items() if not (metric.of_frames or metric.of_maps)))
NONE = float("nan")  # in a column of numbers, or of words
COLUMNS = [
    *KEYS, "status", *(column for metric in METRICS.values() for column in metric.columns), "contamination", "reverted",
    "stuck", "frames", "videos", "of_videos", "parameters", "device", "version", "postprocessing",
    "transductive", "profiled", PLACE,
]  # fmt: skip


def table(
    store: Store, records: Iterable[Record], protocol: Protocol, speeds: Mapping[tuple[str, ...], float] | None = None
) -> pd.DataFrame:
    """Make the tidy table of these cells, whatever their versions, sorted by their keys; without `LOCATED`.

    Frames a second are those of `speeds`: unless told otherwise, what the store's profiles say.
    """
    speeds = profiles.speeds(store) if speeds is None else speeds
    read = [record for record in by_age(records) if belongs(record, protocol)]
    by_key = store.by_key()
    folders = [by_key.get(record.cell.key) or store.cell_place(record.cell.key).parent for record in read]
    try:
        with MetricCache(store, protocol) as metrics:
            numbers = [
                _numbers(store, record, protocol, metrics, folder) for record, folder in zip(read, folders, strict=True)
            ]
    finally:
        store.remember()
    columns = _columns(store, read, np.array(numbers), protocol, speeds, folders) if read else {}
    filled = {name: columns.get(name, [NONE] * len(read)) for name in COLUMNS}
    return pd.DataFrame(filled, dtype=None if read else object).sort_values(KEYS, ignore_index=True)


def _numbers(store: Store, record: Record, protocol: Protocol, metrics: MetricCache, folder: Path) -> Values:
    """The metrics of a cell by `CACHED`: `NOTHING` of one that is not done, or has no `cell_metrics`.

    Raises:
        InputError: the cell's scores are missing or were changed.
    """
    if record.status != "done":
        return NOTHING
    store.check_scores(record, folder)
    return metrics.recalled(record, lambda: cell_metrics(store, record, protocol))


_in_words = cache(str)  # of ways to evaluate, which are few


def _columns(
    store: Store,
    read: Sequence[Record],
    numbers: Values,
    protocol: Protocol,
    speeds: Mapping[tuple[str, ...], float],
    folders: Sequence[Path],
) -> dict[str, Any]:
    """Make the tidy table's columns, as rows of thousands of cells would take seconds.

    Args:
        store: where the cells lie.
        read: their records.
        numbers: of each, as `_numbers` gives them: (cells, columns).
        protocol: by which their scores were read.
        speeds: frames a second of one's own cells, which `bench profile` measured, where it did; else they are as they
            were when the cell ran.
        folders: that each cell's directory lies in.
    """
    cells, videos, called = [record.cell for record in read], cache(published_videos), cache(store.called)
    of_cells = [*(key for key in KEYS if key != "protocol"), "version"]
    columns = zip(*map(attrgetter(*of_cells), cells), strict=True)
    known: dict[str, Any] = dict(zip(of_cells, columns, strict=True))
    known["protocol"] = [protocol.name] * len(cells)
    known["of_videos"] = [videos(cell.target) for cell in cells]
    known["postprocessing"] = [_in_words(published_evaluation(record)) for record in read]
    known["transductive"] = [transductive(record) for record in read]
    known[PLACE] = [called(folder) for folder in folders]
    known |= dict(zip(CACHED, numbers.T, strict=True))
    found = ~np.isnan(known["frames"])
    known |= {name: known[name].astype(np.int64) for name in WHOLE if found.all()}
    known["status"] = [
        "skipped" if record.status == "done" and not any_number else record.status
        for record, any_number in zip(read, found.tolist(), strict=True)
    ]
    facts = [record.shown if any_number else {} for record, any_number in zip(read, found.tolist(), strict=True)]
    known |= {name: [told.get(name, NONE) for told in facts] for name in TOLD}  # and no number that is computed
    known["reverted"] = [100 * record.reverted if told else NONE for record, told in zip(read, facts, strict=True)]
    measured = [  # committed cells may be of any machine
        speeds.get((cell.method, cell.method_version, cell.budget, str(told["device"])))
        if "device" in told and place == "runs"
        else None
        for cell, told, place in zip(cells, facts, known[PLACE], strict=True)
    ]
    known["fps"] = [fps if speed is None else speed for fps, speed in zip(known["fps"], measured, strict=True)]
    known["profiled"] = [speed is not None if told else NONE for speed, told in zip(measured, facts, strict=True)]
    return known


def with_locations(
    store: Store,
    records: Iterable[Record],
    tidy: pd.DataFrame,
    protocol: Protocol,
    update: Callable[[int, int, str], None],
) -> pd.DataFrame:
    """Add RBDC and TBDC to the rows of these cells where they kept maps; seconds each, so `update(done, of, what)`."""
    keys = [key for key in KEYS if key != "protocol"]
    cells = {tuple(getattr(record.cell, key) for key in keys): record for record in current(records)}
    found = tidy.astype(dict.fromkeys(LOCATED, float))
    for number, (place, line) in enumerate(tidy.iterrows()):
        record = cells[tuple(line[keys])]
        update(number, len(tidy), record.cell.method)
        maps = store.maps(record.cell) if line["status"] == "done" else None
        if maps:
            where = locate(scored_cell(store, record), maps, protocol)
            found.loc[place, list(LOCATED)] = [where[name] for name in LOCATED]
    return found


def rates(records: Iterable[Record]) -> pd.DataFrame:
    """How rates of adaptation were chosen: a row per search and rate.

    Columns: the search's keys, `rate`, `left` (the query loss after adapting over that before, on the source) and
    `chosen`. Cells of several targets share a search.
    """
    names = ("method", "source", "tuning", "shots", "steps", "seed", "budget")
    rows = [
        {name: getattr(record.cell, name) for name in names}
        | {"rate": rate, "left": left, "chosen": rate == seen["chosen"]}
        for record in current(records)
        if (seen := record.facts.get("search"))
        for rate, left in zip(seen["rates"], seen["losses"], strict=True)
    ]
    columns = [*names, "rate", "left", "chosen"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates().sort_values(columns, ignore_index=True)


def diagnostics(store: Store, records: Iterable[Record]) -> pd.DataFrame:
    """What methods watched when their training ended: a row per fit and target that it was scored on.

    A column per diagnostic, NaN where a method has none; and `stuck`, the share of frames in percent about which some
    cue says nothing, of the fit as it was adapted least.
    """
    names = ("method", "source", "target", "seed", "budget")
    watched = [record for record in current(records) if record.facts.get("diagnostics")]
    watched.sort(key=lambda record: -record.cell.shots)
    fits = {tuple(getattr(record.cell, name) for name in names): record for record in watched}
    if not fits:
        return pd.DataFrame()
    rows = [
        dict(zip(names, key, strict=True)) | record.facts["diagnostics"] | {"stuck": 100 * _most_stuck(store, record)}
        for key, record in fits.items()
    ]
    tidy = pd.DataFrame(rows).sort_values(list(names), ignore_index=True)
    return tidy[[*names, *sorted(set(tidy.columns) - set(names))]]  # in an order that does not tell when cells ran


def _most_stuck(store: Store, record: Record) -> float:
    return max(stuck_cues(store.scores(record.cell), record.fusion).values(), default=0.0)
