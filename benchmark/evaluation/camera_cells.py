"""The cells of a comparison over cameras: each of their cameras counted by itself, and which of those count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.words import number_of
from crossvad.evaluation import comparison
from crossvad.evaluation.camera_names import cameras_of_targets, copy_of
from crossvad.evaluation.cell_evaluation import counted_frames_of_cells
from crossvad.evaluation.comparison import FACTS, facts_of
from crossvad.evaluation.frames import CountedFrames
from crossvad.evaluation.statistics import PairCounts, pair_counts
from crossvad.planning.catalogue import DRAWN
from crossvad.planning.names import listed, split_options
from crossvad.planning.protocol import Protocol
from crossvad.store.store import Record, Store

NAMED = 4  # cameras or entries that a fact names, at most


def counted_by_camera(store: Store, records: Iterable[Record], protocol: Protocol) -> pd.DataFrame:
    """Count the finished cells that the protocol may read, each of its cameras by itself.

    Returns:
        A row per cell and camera: keys and facts as of `comparison.counted`, all of the whole cell; `camera`, its name,
        or "" where the store does not tell the target's cameras apart; `wins`, its `PairCounts`, in which one class or
        all frames may be lacking.
    """
    records = list(records)
    known = cameras_of_targets(store, records)
    rows = []
    for record, read in counted_frames_of_cells(store, records, protocol):
        frames = read(protocol)
        facts = facts_of(store, record, frames)
        names = known.get(copy_of(record), [])
        owners = np.array(names)[frames.videos] if names else np.full(len(frames.labels), "")
        for camera in dict.fromkeys(names or [""]):
            rows.append(facts | {"camera": camera, "wins": _wins(frames, owners == camera)})
    return pd.DataFrame(rows, columns=[*comparison.ENTRY, "seed", "cell", "camera", "wins", *FACTS])


def _wins(frames: CountedFrames, own: Any) -> PairCounts:
    if not own.any():
        return PairCounts(np.zeros((0, 0)), np.zeros(0), np.zeros(0))
    return pair_counts(frames.labels[own], frames.scores[own], frames.videos[own])


def usable(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep the rows of cameras with an AUC that their method was not trained on; says what is left out."""
    unknown = cells["camera"] == ""
    trained = pd.Series([_trained_on(*row) for row in cells[["source", "target"]].to_numpy()], cells.index, dtype=bool)
    trained &= ~cells["untrained"].astype(bool) & ~unknown
    blind = pd.Series([bool(np.isnan(wins.auc)) for wins in cells["wins"]], cells.index, dtype=bool) & ~unknown
    facts = []
    if unknown.any():
        of = ", ".join(cells.loc[unknown, "target"].unique())
        facts.append(f"left out: {of}, adapted to by video, of which no cell tells the cameras apart (run K = 0)")
    if trained.any():
        seen = cells.loc[trained, "target"].unique()
        facts.append(f"left out: {', '.join(seen)} for methods that were trained there")
    if blind.any():
        names = sorted(cells.loc[blind, "camera"].unique())
        facts.append(f"left out: {number_of(len(names), 'camera')} without frames of both classes ({some(names)})")
    return cells[~(unknown | trained | blind)], facts


def _trained_on(source: str, target: str) -> bool:
    """Whether a target is among the data sets of a source, whatever part of it."""
    return base_name(target) in [base_name(part) for part in listed(source, "+")]


def base_name(name: str) -> str:
    """The cameras that a data set is of: its name, whatever its part or labels; of another seed they may be others."""
    try:
        base, options = split_options(name)
    except InputError:  # a folder may be called anything
        return name
    seed = options.get("seed", "").lstrip("0")  # 0, where none is said
    return f"{base}[seed={seed}]" if base == DRAWN and seed else base


def beside(cells: pd.DataFrame, source: str) -> pd.DataFrame:
    """The cells of a source, and those of untrained methods, which are the same for all: one of each."""
    own = cells["source"] == source
    rows = cells[own | cells["untrained"].astype(bool)].assign(own=own, source=source)
    rows = rows.sort_values("own", ascending=False, kind="stable").drop(columns="own")
    rows = rows.drop_duplicates([*comparison.ENTRY, "seed", "camera"])
    return rows.sort_values(comparison.ENTRY, kind="stable")


def some(names: Iterable[str]) -> str:
    """List some names, and how many more there are."""
    names = list(names)
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])
