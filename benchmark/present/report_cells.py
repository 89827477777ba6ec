"""What the report's page of one cell shows: its numbers, its scores over time, its worst moments, and what made it."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from crossvad.evaluation.comparison import ENTRY
from crossvad.planning.spelling import command
from crossvad.store.store import Record

WORST, APART = 3, 15  # moments shown of a cell, of each kind; frames between two of one video, at least
LEVELS = 255  # that a rank is rounded to in the page: finer than a screen shows
METRICS = ["macro_auc", "ap", "eer", "delay", "paper_auc", "prevalence", "contamination", "reverted"]
COSTS = ["parameters", "train_seconds", "adapt_seconds", "fps"]

Page = dict[str, Any]  # what goes into the page, in the types of JSON


def cell_page(line: Page, record: Record, tracks: pd.DataFrame | None) -> Page:
    """Gather what one cell's page shows.

    Args:
        line: the cell's tidy row.
        record: what is stored of it.
        tracks: its scores, a row per video, as `tracks.tracks` gives them; None where it has none.
    """
    numbers = {name: number(line[name]) for name in ["auc", "auc_low", "auc_high", *METRICS, *COSTS]}
    made = {name: value for name, value in asdict(record.cell).items() if name not in (*ENTRY, "seed")}
    made |= {"finished": record.finished, "sha256 of scores": record.digest, **_in_json(record.facts)}
    about = {"seed": line["seed"], "status": line["status"], "reason": record.reason, "made": made}
    about |= {"command": command([record.cell])}
    return numbers | _scores(tracks) | about


def _scores(tracks: pd.DataFrame | None) -> Page:
    """Gather a cell's scores as ranks, a byte each, which frames these are of, and its worst moments."""
    if tracks is None or not len(tracks):
        return {"ranks": "", "first": 0, "counts": [], "alarms": [], "misses": []}
    ranks = np.round(np.concatenate([*tracks["scores"]]) * LEVELS / 100).astype(np.uint8)
    return {
        "ranks": base64.b64encode(ranks.tobytes()).decode(),
        "first": int(min(frames[0] for frames in tracks["frames"] if len(frames))),
        "counts": [len(frames) for frames in tracks["frames"]],
        "alarms": worst(tracks, 0),
        "misses": worst(tracks, 1),
    }


def worst(tracks: pd.DataFrame, label: int) -> list[list[Any]]:
    """Find the moments a cell is most wrong at: normal frames (label 0) that rank highest, or abnormal ones (1) lowest.

    Args:
        tracks: of one cell, a row per video, as `tracks.tracks` gives them.
        label: of the frames looked at.

    Returns:
        At most `WORST` of [video, frame, rank in %], worst first, `APART` frames or more from one another in a video.
    """
    moments = [
        (float(score if label else -score), number, int(frame))
        for number, line in enumerate(tracks.to_dict("records"))
        for frame, score, truth in zip(line["frames"], line["scores"], line["labels"], strict=True)
        if truth == label
    ]
    names = [str(video) for video in tracks["video"]]
    kept: list[tuple[float, int, int]] = []
    for score, number, frame in sorted(moments):
        if len(kept) < WORST and all(number != other or abs(frame - taken) >= APART for _, other, taken in kept):
            kept.append((score, number, frame))
    return [[names[number], frame, round(abs(score), 1)] for score, number, frame in kept]


def _in_json(value: Any) -> Any:
    """Facts as JSON has them: it knows no number that is not finite, and a page with one shows nothing at all."""
    if isinstance(value, dict):
        return {name: _in_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_json(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def number(value: Any) -> float | None:
    """Write a number as JSON has it, to 4 decimals: it knows no NaN."""
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
