"""One cell's metrics: the frames that a protocol counts of it, and what each metric makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option
from crossvad.evaluation.frames import CountedFrames
from crossvad.evaluation.localisation import map_curves, renumber
from crossvad.evaluation.meanings import by_age
from crossvad.evaluation.metrics import METRICS, Numbers
from crossvad.evaluation.postprocessing import fill_nearest, final, per_video
from crossvad.evaluation.scored_cell import ScoredCell, scored_cell
from crossvad.evaluation.selection import belongs
from crossvad.evaluation.stuck_cues import stuck_cues
from crossvad.planning.protocol import Protocol
from crossvad.store.scores import Maps
from crossvad.store.store import Record, Store


def counted_frames(cell: ScoredCell, protocol: Protocol) -> CountedFrames:
    """Count the frames of one cell by a protocol.

    Raises:
        InputError: there are none, or a score is not finite.
    """
    scores = cell.scores
    fused, mask = final(cell, protocol)
    if not mask.any():
        first = protocol.of(cell.published).first_frame(cell.shots, cell.seen)
        problem = f"has no test frame after frame {first}"
        raise InputError("the target", problem, "use longer videos")
    videos = np.repeat(np.arange(len(scores.videos)), scores.lengths)
    places = np.concatenate([np.arange(length) for length in scores.lengths])
    return CountedFrames(scores.labels[mask], fused, videos[mask], places[mask])


def evaluate(cell: ScoredCell, protocol: Protocol) -> Numbers:
    """Compute the metrics of one cell's frames, each in its unit, under a protocol or rules of its own, and counts.

    Raises:
        InputError: no frame counts, or a score is not finite.
    """
    counted = counted_frames(cell, protocol)
    shown = cell.scores.support_labels
    contamination = float(shown.mean()) if len(shown) else float("nan")
    stuck = max(stuck_cues(cell.scores, cell.weights).values(), default=0.0)
    numbers: Numbers = {"contamination": 100 * contamination, "stuck": 100 * stuck}
    numbers |= {"frames": len(counted.labels), "videos": len(np.unique(counted.videos))}
    for compute, rules in dict.fromkeys((metric.of_frames, metric.rules) for metric in METRICS.values()):
        if compute:
            numbers |= compute(counted_frames(cell, rules) if rules else counted)
    return numbers


def locate(cell: ScoredCell, maps: Maps, protocol: Protocol) -> dict[str, float]:
    """Compute the metrics of maps on the frames that a protocol counts; a frame without a map takes its nearest one.

    What lies in frames that do not count is no ground truth. A track is counted by its regions in those that do.

    Raises:
        InputError: scores and maps are of other frames.
    """
    lengths = cell.scores.lengths
    mask = protocol.of(cell.published).mask(lengths, cell.shots, cell.seen)
    if len(maps.maps) != len(mask):
        problem = f"are of {len(maps.maps)} frames, scores of {len(mask)}"
        raise InputError("maps", problem, "run the cell again with " + option("maps", True))
    missing = np.isnan(maps.maps[:, 0, 0])
    indices = np.where(missing, np.nan, np.arange(len(mask)))
    nearest = per_video(indices, lengths, fill_nearest).astype(np.int64)[mask]
    places = np.where(mask, np.cumsum(mask) - 1, -1)
    curves = map_curves(maps.maps[nearest], maps.size, renumber(maps.tracks, places))
    numbers: Numbers = {}
    for compute in dict.fromkeys(metric.of_maps for metric in METRICS.values()):
        numbers |= compute(curves) if compute else {}
    return numbers


def counted_frames_of_cells(
    store: Store, records: Iterable[Record], protocol: Protocol
) -> Iterator[tuple[Record, Callable[[Protocol], CountedFrames]]]:
    """The finished ones among these cells that a protocol may read, the oldest first.

    With each, what reads it: by that protocol, or by one that counts the same frames.
    """
    for record in by_age(records):
        if record.status == "done" and belongs(record, protocol):
            cell = scored_cell(store, record)
            if not cell.reaches_into(protocol):
                yield record, partial(counted_frames, cell)


def cell_metrics(store: Store, record: Record, protocol: Protocol) -> dict[str, float]:
    """Evaluate a finished cell from its stored scores.

    There are no metrics where its support set reaches into the frames that the protocol counts: it was run for another.
    """
    cell = scored_cell(store, record)
    return {} if cell.reaches_into(protocol) else evaluate(cell, protocol)
