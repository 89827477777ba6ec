"""Scores over the frames of each test video, as ranks: what timelines are drawn of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from crossvad.evaluation.cell_evaluation import counted_frames_of_cells
from crossvad.evaluation.selection import published_evaluation, transductive
from crossvad.planning.protocol import Protocol
from crossvad.present.figures.layout import SCENES
from crossvad.store.store import Record, Store

KEYS = [*SCENES, "method", "tuning", "support", "shots", "steps", "budget", "seed"]
SMALL = 4  # moments of a curve


def tracks(store: Store, records: Iterable[Record], protocol: Protocol) -> pd.DataFrame:
    """Read the counted scores of every finished cell that the protocol may read, a row per cell and video.

    Columns: `KEYS`; protocol, its name; postprocessing, by the method's authors; transductive; video, its name;
    `frames`, `labels` and `scores`, (n,) each, of the frames that count. A score is given by its rank, in % of all
    counted frames of the cell: methods then share a scale that no outlier stretches, and which frame is above which,
    all that an AUC sees, stays as it is.
    """
    rows = []
    for record, read in counted_frames_of_cells(store, records, protocol):
        counted = read(protocol)
        scores = 100 * (rankdata(counted.scores) - 0.5) / len(counted.scores)
        keys = [getattr(record.cell, key) for key in KEYS]
        keys += [protocol.name, str(published_evaluation(record)), transductive(record)]
        for number, video in enumerate(store.scores(record.cell).videos):
            mine = counted.videos == number
            rows.append([*keys, str(video), counted.places[mine], counted.labels[mine], scores[mine]])
    columns = [*KEYS, "protocol", "postprocessing", "transductive", "video", "frames", "labels", "scores"]
    return pd.DataFrame(rows, columns=columns)


def spans(frames: NDArray[np.int64], labels: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Find where abnormal frames lie, as (first, last + 1), of consecutive frames and their labels, (n,) each."""
    edges = np.flatnonzero(np.diff(np.r_[0, labels, 0]))
    return [(int(frames[0] + first), int(frames[0] + end)) for first, end in edges.reshape(-1, 2)]


def moments(frames: NDArray[np.int64], labels: NDArray[np.uint8], scores: NDArray[np.float64]) -> list[int]:
    """Choose up to `SMALL` frames to show of a curve, (n,) each: its peak in each of as many equal parts, ascending.

    Where these are all normal or all abnormal, the highest frame of the other kind takes the place of one.
    """
    parts = np.array_split(np.arange(len(frames)), SMALL)
    peaks = [int(part[scores[part].argmax()]) for part in parts if len(part)]
    for kind in np.unique(labels):
        if not (labels[peaks] == kind).any():
            highest = int(np.where(labels == kind, scores, -np.inf).argmax())
            number = next(number for number, part in enumerate(parts) if highest in part)
            peaks[number] = highest
    return [int(frames[peak]) for peak in peaks]
