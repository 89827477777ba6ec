"""Tidy rows: one line per cell, everything offline from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError
from crossvad.evaluation import metrics
from crossvad.evaluation.columns import LOCATED as LOCATED
from crossvad.evaluation.columns import METRICS as METRICS
from crossvad.evaluation.localisation import map_curves, rbdc_tbdc, renumber
from crossvad.evaluation.postprocessing import fill_nearest, final, per_video
from crossvad.evaluation.selection import KEYS, belongs, current, reaches, support_span
from crossvad.evaluation.statistics import bootstrap_auc
from crossvad.planning.protocol import PAPER, Protocol
from crossvad.store.scores import Maps, Scores
from crossvad.store.store import Record, Store

COLUMNS = [
    *KEYS, "status", "auc", "auc_low", "auc_high", "macro_auc", "macro_videos", "ap", "prevalence", "eer", *LOCATED,
    "delay", "delay_events", "paper_auc", "contamination", "reverted", "frames", "videos", "parameters",
    "train_seconds", "adapt_seconds", "fps", "device", "version",
]  # fmt: skip


@dataclass(frozen=True)
class CountedFrames:
    """What a protocol counts of one cell: per frame its label, final score and number of its video, (n,) each."""

    labels: NDArray[np.uint8]
    scores: NDArray[np.float64]
    videos: NDArray[np.int64]


def counted_frames(
    scores: Scores, protocol: Protocol, shots: int, weights: dict[str, float], seen: int = 0
) -> CountedFrames:
    """The counted frames of one cell; `seen` is how many frames at the head of each test video a support set spans.

    Raises:
        InputError: there are none, or a score is not finite.
    """
    fused, mask = final(scores, protocol, shots, weights, seen)
    if not mask.any():
        problem = f"has no test frame after frame {protocol.first_frame(shots, seen)}"
        raise InputError("the target", problem, "use longer videos")
    return CountedFrames(scores.labels[mask], fused, np.repeat(np.arange(len(scores.videos)), scores.lengths)[mask])


def evaluate(
    scores: Scores, protocol: Protocol, shots: int, weights: dict[str, float], seen: int = 0
) -> dict[str, float]:
    """The metrics of one cell, in percent where they are shares, under a protocol.

    `paper_auc` reads the same raw scores by the paper protocol's rules, whatever support set they were adapted on.
    """
    counted = counted_frames(scores, protocol, shots, weights, seen)
    labels, fused, videos = counted.labels, counted.scores, counted.videos
    low, high = bootstrap_auc(labels, fused, videos)
    macro, macro_videos = metrics.macro_auc(labels, fused, videos)
    delay = metrics.detection_delay(labels, fused, videos)
    as_paper = counted_frames(scores, PAPER, shots, weights, seen)
    contamination = float(scores.support_labels.mean()) if len(scores.support_labels) else float("nan")
    return {
        "auc": 100 * metrics.micro_auc(labels, fused),
        "auc_low": 100 * low,
        "auc_high": 100 * high,
        "macro_auc": 100 * macro,
        "macro_videos": macro_videos,
        "ap": 100 * metrics.average_precision(labels, fused),
        "prevalence": 100 * float(labels.mean()),
        "eer": 100 * metrics.equal_error_rate(labels, fused),
        "delay": delay.frames,
        "delay_events": delay.events,
        "paper_auc": 100 * metrics.micro_auc(as_paper.labels, as_paper.scores),
        "contamination": 100 * contamination,
        "frames": len(labels),
        "videos": len(np.unique(videos)),
    }


def locate(scores: Scores, maps: Maps, protocol: Protocol, shots: int, seen: int = 0) -> dict[str, float]:
    """RBDC and TBDC in percent, on the frames that a protocol counts; a frame without a map takes its nearest one.

    What lies in frames that do not count is no ground truth. A track is counted by its regions in those that do.
    """
    mask = protocol.mask(scores.lengths, shots, seen)
    missing = np.isnan(maps.maps[:, 0, 0])
    indices = np.where(missing, np.nan, np.arange(len(mask)))
    nearest = per_video(indices, scores.lengths, fill_nearest).astype(np.int64)[mask]
    places = np.where(mask, np.cumsum(mask) - 1, -1)
    rbdc, tbdc = rbdc_tbdc(map_curves(maps.maps[nearest], maps.size, renumber(maps.tracks, places)))
    return {"rbdc": 100 * rbdc, "tbdc": 100 * tbdc}


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
                weights = record.facts["fusion"]
                yield record, partial(counted_frames, scores, shots=record.cell.shots, weights=weights, seen=seen)


def row(store: Store, record: Record, protocol: Protocol) -> dict[str, Any]:
    """One line of the tidy table; a cell that is not done has no numbers.

    Nor has one whose support set reaches into the frames that the protocol counts: it was run for another protocol.
    """
    cell = record.cell
    known: dict[str, Any] = {name: getattr(cell, name) for name in KEYS if name != "protocol"}
    known |= {"protocol": protocol.name, "status": record.status, "version": cell.version}
    if record.status == "done":
        scores = store.scores(cell)
        seen = support_span(record, scores)
        if reaches(record, seen, protocol):
            return known | {"status": "skipped"}
        known |= evaluate(scores, protocol, cell.shots, record.facts["fusion"], seen)
        known |= {name: record.facts[name] for name in COLUMNS if name in record.facts}
        known["reverted"] = 100 * reverted(record)
    return known


def reverted(record: Record) -> float:
    """Share of a cell's adaptations that were taken back; NaN where there were none."""
    came = record.facts.get("adaptations", [])
    return sum(each["reverted"] for each in came) / len(came) if came else float("nan")


def table(store: Store, records: Iterable[Record], protocol: Protocol) -> pd.DataFrame:
    """The tidy table of the current ones among these cells, sorted by their keys; without `LOCATED`."""
    rows = [row(store, record, protocol) for record in current(records) if belongs(record, protocol)]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(KEYS, ignore_index=True)


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
            where = locate(scores, maps, protocol, record.cell.shots, support_span(record, scores))
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


def diagnostics(records: Iterable[Record]) -> pd.DataFrame:
    """What methods watched when their training ended: a row per fit and target that it was scored on.

    A column per diagnostic, NaN where a method has none.
    """
    names = ("method", "source", "target", "seed", "budget")
    rows = {
        tuple(getattr(record.cell, name) for name in names): {name: getattr(record.cell, name) for name in names}
        | record.facts["diagnostics"]
        for record in current(records)
        if record.facts.get("diagnostics")
    }
    if not rows:
        return pd.DataFrame()
    tidy = pd.DataFrame(list(rows.values())).sort_values(list(names), ignore_index=True)
    return tidy[[*names, *sorted(set(tidy.columns) - set(names))]]  # in an order that does not tell when cells ran
