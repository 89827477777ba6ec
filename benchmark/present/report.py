"""The report: stored cells as one web page that needs no network. This file gathers what the page shows."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment
from numpy.typing import NDArray
from PIL import Image

from crossvad import __version__
from crossvad.datasets.base import Frames
from crossvad.datasets.errors import Problem
from crossvad.evaluation.comparison import ENTRY, ITSELF, counted, differences
from crossvad.evaluation.selection import current
from crossvad.evaluation.tidy import table
from crossvad.execution.progress import Reporter
from crossvad.planning.protocol import Protocol
from crossvad.present import captions, tables
from crossvad.present.figures.tracks import spans, tracks
from crossvad.present.thumbnails import Thumbnails
from crossvad.store.store import Record, Store

STILLS, ACROSS, QUALITY = 36, 6, 55  # pictures of a video at most; in a row of its sheet; of the JPEG
WORST, APART = 3, 15  # moments shown of a cell, of each kind; frames between two of one video, at least
METRICS = ["macro_auc", "ap", "eer", "delay", "paper_auc", "prevalence", "contamination", "reverted"]
COSTS = ["parameters", "train_seconds", "adapt_seconds", "fps"]
LEVELS = 255  # that a rank is rounded to in the page: finer than a screen shows

Page = dict[str, Any]  # what goes into the page, in the types of JSON


def gather(
    store: Store,
    records: Iterable[Record],
    rules: Protocol,
    problems: list[Problem],
    stills: Thumbnails,
    reporter: Reporter,
) -> Page:
    """All that the page shows of these cells, read by a protocol; metrics in %, times in seconds.

    Args:
        store: where their scores lie.
        records: of the cells; those that are not current are left out.
        rules: by which scores are read.
        problems: what `bench verify` found.
        stills: frames of test videos, where they are at hand.
        reporter: told how far it is.

    Raises:
        InputError: stored scores are missing or were changed.
    """
    records = current(records)
    with reporter.task("Read scores") as update:
        update(0, 3, "metrics")
        tidy = table(store, records, rules)
        update(1, 3, "gains")
        gains = _gains(store, records, rules)
        update(2, 3, "timelines")
        rows = tracks(store, records, rules)
        update(3, 3, "")
    keys = {_identity(vars(record.cell)): record for record in records}
    lines: list[dict[str, Any]] = [
        {str(name): value for name, value in line.items()} | {"key": keys[_identity(line)].cell.key}
        for line in tidy.to_dict("records")
    ]
    scored = {key: part for key, part in rows.groupby([*ENTRY, "seed"], sort=False)} if len(rows) else {}
    cells = {line["key"]: _cell(line, keys[_identity(line)], scored.get(_identity(line))) for line in lines}
    shown = [line for line in lines if cells[line["key"]]["ranks"]]
    return {
        "version": __version__,
        "protocol": rules.name,
        "captions": {budget: captions.caption(part, "auc", *METRICS[:5]) for budget, part in tidy.groupby("budget")},
        "entries": _entries(lines, gains),
        "cells": cells,
        "targets": _targets(store, [keys[_identity(line)] for line in shown], stills, reporter),
        "problems": [vars(problem) for problem in problems],
        "controls": list(tables.CONTROLS),
    }


def render(page: Page) -> str:
    """The page as one HTML file. Every name in it is data to its script, which writes texts and never markup."""
    here = files("crossvad.present") / "templates"
    parts = {name: (here / f"report.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    template = Environment(autoescape=True).from_string(parts["html"])
    return template.render(style=parts["css"], script=parts["js"], page=page)


def _identity(keys: Mapping[Any, Any]) -> tuple[Any, ...]:
    """What tells one cell from all others in a table of current ones."""
    return tuple(keys[name] for name in [*ENTRY, "seed"])


def _gains(store: Store, records: list[Record], rules: Protocol) -> dict[tuple[Any, ...], dict[str, float]]:
    """What adapting gains over K = 0, in points, by entry; none where each K counts other frames."""
    if not rules.common_mask or not any(record.cell.shots for record in records if record.status == "done"):
        return {}
    found = differences(counted(store, records, rules), ITSELF)
    wanted = found[found["shots"] > 0]
    return {
        tuple(line[name] for name in ENTRY): {name: line[name] for name in ("difference", "low", "high")}
        for line in wanted.to_dict("records")
    }


def _entries(lines: list[dict[str, Any]], gains: dict[tuple[Any, ...], dict[str, float]]) -> list[Page]:
    """A line per entry: means over its seeds, and nothing where a seed is missing."""
    entries = []
    for key, group in pd.DataFrame(lines).groupby(ENTRY, sort=False):
        one = len(group) == 1
        facts = {name: _number(group[name].mean(skipna=False)) for name in ["auc", *METRICS, *COSTS]}
        gain = gains.get(key, {})
        entries.append(
            dict(zip(ENTRY, key, strict=True))
            | facts
            | {"spread": None if one else _number(group["auc"].std())}
            | {name: _number(group[name].iloc[0]) if one else None for name in ("auc_low", "auc_high")}
            | {"gain": _number(gain.get("difference")), "gain_low": _number(gain.get("low"))}
            | {"gain_high": _number(gain.get("high")), "seeds": len(group), "cells": list(group["key"])}
            | {"status": ", ".join(sorted(set(group["status"])))}
        )
    return entries


def _cell(line: dict[str, Any], record: Record, rows: pd.DataFrame | None) -> Page:
    """What a cell's own page shows: its numbers, its scores as ranks, its worst moments, and what made it."""
    numbers = {name: _number(line[name]) for name in ["auc", "auc_low", "auc_high", *METRICS, *COSTS]}
    made = {name: value for name, value in vars(record.cell).items() if name not in (*ENTRY, "seed")}
    made |= {"finished": record.finished, "sha256 of scores": record.digest, **record.facts}
    shown: Page = {"ranks": "", "first": 0, "alarms": [], "misses": []}
    if rows is not None and len(rows):
        joined = np.concatenate([*rows["scores"]])
        shown["ranks"] = base64.b64encode(np.round(joined * LEVELS / 100).astype(np.uint8).tobytes()).decode()
        shown["first"] = int(min(frames[0] for frames in rows["frames"] if len(frames)))
        shown["alarms"], shown["misses"] = worst(rows, 0), worst(rows, 1)
    return numbers | shown | {"seed": line["seed"], "status": line["status"], "reason": record.reason, "made": made}


def worst(rows: pd.DataFrame, label: int) -> list[list[Any]]:
    """The moments a cell is most wrong at: normal frames (label 0) that rank highest, or abnormal ones (1) lowest.

    Args:
        rows: of one cell, a row per video, as `timelines.tracks` gives them.
        label: of the frames looked at.

    Returns:
        At most `WORST` of [video, frame, rank in %], worst first, `APART` frames or more from one another in a video.
    """
    moments = [
        (float(score if label else -score), number, int(frame))
        for number, line in enumerate(rows.to_dict("records"))
        for frame, score, truth in zip(line["frames"], line["scores"], line["labels"], strict=True)
        if truth == label
    ]
    names = [str(video) for video in rows["video"]]
    kept: list[tuple[float, int, int]] = []
    for score, number, frame in sorted(moments):
        if len(kept) < WORST and all(number != other or abs(frame - place) >= APART for _, other, place in kept):
            kept.append((score, number, frame))
    return [[names[number], frame, round(abs(score), 1)] for score, number, frame in kept]


def _targets(store: Store, records: list[Record], stills: Thumbnails, reporter: Reporter) -> Page:
    """The test videos of each target, in the order of its cells' scores: length, abnormal spans, pictures."""
    first = {record.cell.target: record for record in reversed(records)}
    found: Page = {}
    with reporter.task("Pictures of test videos") as update:
        for number, (target, record) in enumerate(first.items()):
            update(number, len(first), target)
            scores = store.scores(record.cell)
            labels = np.split(scores.labels, np.cumsum(scores.lengths)[:-1])
            found[target] = [
                {"name": video, "length": len(own), "spans": spans(np.arange(len(own)), own)}
                | {"stills": _sheet(stills, target, video, len(own))}
                for video, own in zip(scores.videos, labels, strict=True)
            ]
    return found


def _sheet(stills: Thumbnails, target: str, video: str, length: int) -> Page | None:
    """Evenly spread frames of a video side by side in one picture; None where they are not at hand."""
    step = math.ceil(length / STILLS)
    frames = stills.frames(target, video, range(0, length, step))
    if not frames:
        return None
    high, wide = frames[0].shape[:2]
    return {"step": step, "width": wide, "height": high, "across": ACROSS, "count": len(frames), "src": _jpeg(frames)}


def _jpeg(frames: list[Frames]) -> str:
    """Frames (h, w, 3) as a sheet, `ACROSS` in a row, at a data: address."""
    high, wide, _ = frames[0].shape
    sheet: NDArray[np.uint8] = np.zeros((math.ceil(len(frames) / ACROSS) * high, ACROSS * wide, 3), np.uint8)
    for place, frame in enumerate(frames):
        down, right = divmod(place, ACROSS)
        sheet[down * high :][:high, right * wide :][:, :wide] = frame
    written = io.BytesIO()
    Image.fromarray(sheet).save(written, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode()


def _number(value: Any) -> float | None:
    """A number as JSON has it, to 4 decimals: it knows no NaN."""
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
