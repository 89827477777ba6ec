"""Which rows and targets make a board of cameras: what one submission holds takes none of them from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from crossvad.evaluation.camera_cells import base_name, usable
from crossvad.evaluation.cameras import ENTRY, Key, entry_name
from crossvad.leaderboard.blocks import largest_block
from crossvad.leaderboard.gathering import Gathered
from crossvad.planning.catalogue import BASELINES
from crossvad.store.store import Record

WAY = [name for name in ENTRY if name not in ("source", "budget")]  # what a row is, on its board


def largest_part(gathered: Gathered, cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Choose the rows and targets of a board, of which none is missing and all compare.

    Targets are those that count on the site, and make the largest block with the rows that have them all, of two
    cameras or more; rows that no table goes without are not counted for that. Where folders differ in the support of a
    target, or in the part of a data set that is the target, the first one's stands.

    Args:
        gathered: the cells.
        cells: rows of `camera_cells.counted_by_camera` of one budget and source.

    Returns:
        Those of the cells that compare, and facts: what is left out.
    """
    counting, facts = usable(cells)
    own = ~counting["target"].isin(gathered.counting_targets)
    twin = ~own & (counting["target"] != counting["target"].map(_first_parts(gathered.records)))
    for out, why in ((own, "whose labels are one sender's own"), (twin, "another part of a target that is counted")):
        if out.any():
            facts.append(f"left out: {', '.join(sorted(counting.loc[out, 'target'].unique()))}, {why}")
    counting = counting[~(own | twin)]
    every = _ways(counting)
    counting = counting[_like_the_first(gathered.records, counting)]
    has = {way: _of_one_seed(rows) for way, rows in counting.groupby(WAY, sort=False)}
    learned = {way: targets for way, targets in has.items() if way[0] not in BASELINES}
    cameras = {str(target): set(names) for target, names in counting.groupby("target")["camera"]}
    _, targets = largest_block(learned or has, lambda some: len(set().union(*(cameras[each] for each in some))) > 1)
    if not targets:
        return counting[:0], [*facts, "no row has two cameras that count"]
    if without := sorted(set(cameras) - targets):
        facts.append(f"left out: {', '.join(without)}, which not all of these rows have")
    ways = {way for way, own_targets in has.items() if targets <= own_targets}
    if lacking := sorted({_named(cells, way, ways) for way in every - ways}):
        facts.append(
            f"left out, as they lack a target, or the others' support there, or a seed on all: {', '.join(lacking)}"
        )
    inside = counting["target"].isin(targets) & pd.MultiIndex.from_frame(counting[WAY]).isin(list(ways))
    return counting[inside], facts


def _ways(cells: pd.DataFrame) -> set[Key]:
    return set(cells[WAY].itertuples(index=False, name=None))


def _firsts(records: Iterable[Record], of: Callable[[Record], Key], what: Callable[[Record], str]) -> dict[Key, str]:
    """What the first of some cells, in the order of their folders, says of each thing that they are of."""
    found: dict[Key, str] = {}
    for record in records:
        found.setdefault(of(record), what(record))
    return found


def _first_parts(records: Iterable[Record]) -> dict[str, str]:
    """Of each target the first one of the same cameras."""
    records = list(records)
    first = _firsts(records, lambda record: (base_name(record.cell.target),), lambda record: record.cell.target)
    return {record.cell.target: first[base_name(record.cell.target),] for record in records}


def _like_the_first(records: Iterable[Record], cells: pd.DataFrame) -> pd.Series:
    """Which cells have the support of the first that adapted to their target; all that did not adapt."""
    adapted = [record for record in records if record.cell.shots]
    where = ("budget", "source", "target")
    first = _firsts(
        adapted, lambda record: tuple(getattr(record.cell, key) for key in where), lambda record: record.cell.support
    )
    wanted = [first.get(key) for key in cells[list(where)].itertuples(index=False, name=None)]
    return (cells["shots"] == 0) | (cells["support"] == pd.Series(wanted, cells.index, dtype=object))


def _of_one_seed(rows: pd.DataFrame) -> set[str]:
    """The targets of the seed that a row has on most of them: a fit is shared by all."""
    by_seed = [set(own["target"]) for _, own in rows.groupby("seed")]
    return max(by_seed, key=len)


def _named(cells: pd.DataFrame, way: Key, ways: set[Key]) -> str:
    """A row that is left out: by its method where all of that are."""
    entry = dict(zip(WAY, way, strict=True)) | {"source": cells["source"].iloc[0], "budget": cells["budget"].iloc[0]}
    return entry_name(tuple(entry[name] for name in ENTRY)) if way[0] in {each[0] for each in ways} else str(way[0])
