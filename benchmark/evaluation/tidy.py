"""Tidy rows: one line per cell, everything offline from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crossvad.adapters.published import PublishedEvaluation
from crossvad.datasets.errors import InputError
from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.frames import CountedFrames, Values
from crossvad.evaluation.localisation import map_curves, renumber
from crossvad.evaluation.metric_cache import COLUMNS as CACHED
from crossvad.evaluation.metric_cache import NOTHING, MetricCache
from crossvad.evaluation.metrics import METRICS, WHOLE, Numbers
from crossvad.evaluation.postprocessing import UNTOLD, fill_nearest, final, per_video
from crossvad.evaluation.selection import (
    KEYS,
    belongs,
    current,
    published_evaluation,
    reaches,
    support_span,
    transductive,
)
from crossvad.evaluation.stuck_cues import stuck_cues
from crossvad.planning.archives import published_videos
from crossvad.planning.protocol import Protocol
from crossvad.store import profiles
from crossvad.store.scores import Maps, Scores
from crossvad.store.store import Record, Store

LOCATED = tuple(metric.name for metric in METRICS.values() if metric.of_maps)
TOLD = ("parameters", "device", *(name for name, metric in METRICS.items() if not (metric.of_frames or metric.of_maps)))
NONE = float("nan")  # in a column of numbers, or of words
COLUMNS = [
    *KEYS, "status", *(column for metric in METRICS.values() for column in metric.columns), "contamination", "reverted",
    "stuck", "frames", "videos", "of_videos", "parameters", "device", "version", "postprocessing",
    "transductive", "profiled", PLACE,
]  # fmt: skip


def counted_frames(
    scores: Scores,
    protocol: Protocol,
    shots: int,
    weights: dict[str, float],
    seen: int = 0,
    published: PublishedEvaluation = UNTOLD,
) -> CountedFrames:
    """Count the frames of one cell.

    Args:
        scores: the cell's raw ones.
        protocol: by which they are read.
        shots: of the cell.
        weights: of the cues in the fused score.
        seen: how many frames at the head of each test video a support set spans.
        published: what the method's authors do, for protocols that follow them.

    Raises:
        InputError: there are none, or a score is not finite.
    """
    fused, mask = final(scores, protocol, shots, weights, seen, published)
    if not mask.any():
        problem = f"has no test frame after frame {protocol.of(published).first_frame(shots, seen)}"
        raise InputError("the target", problem, "use longer videos")
    videos = np.repeat(np.arange(len(scores.videos)), scores.lengths)
    places = np.concatenate([np.arange(length) for length in scores.lengths])
    return CountedFrames(scores.labels[mask], fused, videos[mask], places[mask])


def evaluate(
    scores: Scores,
    protocol: Protocol,
    shots: int,
    weights: dict[str, float],
    seen: int = 0,
    published: PublishedEvaluation = UNTOLD,
) -> Numbers:
    """Compute the metrics of one cell's frames, each in its unit, under a protocol or rules of its own, and counts.

    Takes what `counted_frames` takes.

    Raises:
        InputError: no frame counts, or a score is not finite.
    """
    read = partial(counted_frames, scores, shots=shots, weights=weights, seen=seen, published=published)
    counted = read(protocol)
    contamination = float(scores.support_labels.mean()) if len(scores.support_labels) else float("nan")
    stuck = max(stuck_cues(scores, weights).values(), default=0.0)
    numbers: Numbers = {"contamination": 100 * contamination, "stuck": 100 * stuck}
    numbers |= {"frames": len(counted.labels), "videos": len(np.unique(counted.videos))}
    for compute, rules in dict.fromkeys((metric.of_frames, metric.rules) for metric in METRICS.values()):
        if compute:
            numbers |= compute(read(rules) if rules else counted)
    return numbers


def locate(scores: Scores, maps: Maps, protocol: Protocol, shots: int, seen: int = 0) -> dict[str, float]:
    """Compute the metrics of maps on the frames that a protocol counts; a frame without a map takes its nearest one.

    What lies in frames that do not count is no ground truth. A track is counted by its regions in those that do.

    Raises:
        InputError: scores and maps are of other frames.
    """
    mask = protocol.mask(scores.lengths, shots, seen)
    if len(maps.maps) != len(mask):
        raise InputError(
            "maps", f"are of {len(maps.maps)} frames, scores of {len(mask)}", "run the cell again with --maps"
        )
    missing = np.isnan(maps.maps[:, 0, 0])
    indices = np.where(missing, np.nan, np.arange(len(mask)))
    nearest = per_video(indices, scores.lengths, fill_nearest).astype(np.int64)[mask]
    places = np.where(mask, np.cumsum(mask) - 1, -1)
    curves = map_curves(maps.maps[nearest], maps.size, renumber(maps.tracks, places))
    numbers: Numbers = {}
    for compute in dict.fromkeys(metric.of_maps for metric in METRICS.values()):
        numbers |= compute(curves) if compute else {}
    return numbers


def counted_frames_of_cells(
    store: Store, records: Iterable[Record], protocol: Protocol
) -> Iterator[tuple[Record, Callable[[Protocol], CountedFrames]]]:
    """The current and finished ones among these cells that a protocol may read.

    With each, what reads it: by that protocol, or by one that counts the same frames.
    """
    for record in current(records):
        if record.status == "done" and belongs(record, protocol):
            scores = store.scores(record.cell)
            seen = support_span(record, scores)
            if not reaches(record, seen, protocol):
                weights = record.fusion
                read = partial(counted_frames, scores, shots=record.cell.shots, weights=weights, seen=seen)
                yield record, partial(read, published=published_evaluation(record))


def _numbers(store: Store, record: Record, protocol: Protocol, metrics: MetricCache, folder: Path) -> Values:
    """The metrics of a cell by `CACHED`: `NOTHING` of one that is not done, or has no `cell_metrics`.

    Raises:
        InputError: the cell's scores are missing or were changed.
    """
    if record.status != "done":
        return NOTHING
    store.check_scores(record, folder)
    return metrics.recalled(record, lambda: cell_metrics(store, record, protocol))


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


def cell_metrics(store: Store, record: Record, protocol: Protocol) -> dict[str, float]:
    """Evaluate a finished cell from its stored scores.

    There are no metrics where its support set reaches into the frames that the protocol counts: it was run for another.
    """
    scores = store.scores(record.cell)
    seen = support_span(record, scores)
    if reaches(record, seen, protocol):
        return {}
    return evaluate(scores, protocol, record.cell.shots, record.fusion, seen, published_evaluation(record))


_in_words = cache(str)  # of ways to evaluate, which are few


def table(
    store: Store, records: Iterable[Record], protocol: Protocol, speeds: Mapping[tuple[str, ...], float] | None = None
) -> pd.DataFrame:
    """Make the tidy table of the current ones among these cells, sorted by their keys; without `LOCATED`.

    Frames a second are those of `speeds`: unless told otherwise, what the store's profiles say.
    """
    speeds = profiles.speeds(store) if speeds is None else speeds
    read = [record for record in current(records) if belongs(record, protocol)]
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
            scores = store.scores(record.cell)
            rules = protocol.of(published_evaluation(record))
            where = locate(scores, maps, rules, record.cell.shots, support_span(record, scores))
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
