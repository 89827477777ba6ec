"""Which stored cells a question is about, before their scores are read"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Sized
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.evaluation.columns import KEYS as KEYS
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.names import joined, listed
from crossvad.planning.protocol import Protocol, SupportPolicy
from crossvad.store.scores import Scores
from crossvad.store.store import Record

Also = Literal["", "starts", "unadapted"]


def support_span(record: Record, scores: Scores) -> int:
    """How many frames at the head of each test video the cell's support set spans."""
    if not record.cell.policy.shows_test_video:
        return 0
    return len(scores.support_labels) // len(np.unique(scores.units))


def reaches(record: Record, seen: int, protocol: Protocol) -> bool:
    """Whether a cell's support set, `seen` frames of each test video, reaches into what a protocol counts."""
    return seen > protocol.first_frame(record.cell.shots, seen)


def belongs(record: Record, protocol: Protocol) -> bool:
    """Whether a stored cell may be read under a protocol: its support set must be one that the protocol allows."""
    if record.cell.shots > protocol.max_shots and protocol.common_mask:
        return False
    return record.cell.policy in (SupportPolicy.NONE, protocol.support) or protocol.common_mask


def current(records: Iterable[Record]) -> list[Record]:
    """The cells whose names mean what they meant when last used.

    A name stands for code, options or files that may change; a table that mixed a method's results with those of its
    earlier code would compare nothing. The older cells stay in the store, and count again if the change is taken back
    and a cell is run.
    """
    ordered = sorted(records, key=lambda record: record.finished)
    meaning: dict[tuple, str] = {}
    for record in ordered:
        meaning |= _meaning(record)
    return [record for record in ordered if _meaning(record).items() <= meaning.items()]


def _meaning(record: Record) -> dict[tuple, str]:
    """What each name in a cell stood for. A target stands for more files where training video is its support set."""
    cell = record.cell
    return {
        ("harness",): str(cell.harness_version),
        ("method", cell.method): cell.method_version,
        ("tuning", cell.tuning): cell.tuning_version,
        ("budget", cell.budget): cell.budget_digest,
        ("source", cell.source): cell.source_digest,
        ("target", cell.target, cell.policy == SupportPolicy.TRAIN_HEAD): cell.target_digest,
    }


def mixtures(tidy: pd.DataFrame) -> list[str]:
    """What makes rows of one table incomparable: several budgets, protocols, devices, versions or masks."""
    done = tidy[tidy["status"] == "done"]
    found = []
    for name in ("budget", "protocol", "device", "version"):
        values = [str(value) for value in done[name].dropna().unique()]
        if len(values) > 1:
            found.append(f"{name}s {', '.join(sorted(values))}")
    for target, rows in done.groupby("target"):
        counted = rows[["frames", "videos"]].drop_duplicates().sort_values("frames")
        if len(counted) > 1:
            masks = ", ".join(f"{int(frames)} frames of {int(videos)} videos" for frames, videos in counted.to_numpy())
            found.append(f"unequal masks on {target}: {masks}")
    return found


def select(records: Iterable[Record], conditions: Iterable[str], also: Also = "", protocol: str = "") -> list[Record]:
    """Select the current ones among some cells for which every condition holds, before any score is read.

    Args:
        records: stored cells.
        conditions: of the form KEY=VALUE[,VALUE]; one holds for a cell whose key has one of the values.
        also: which cells are selected beside those. "starts": cells that the selected ones start from at K = 0. Where
            a cell has no shots it has no steps, no support and, unless its tuning learns beforehand, no tuning;
            conditions on these keys are about the others. So is one on steps about those only whose steps are gradient
            steps, which those of an untrained method that adapts in a way of its own are not. "unadapted": all cells
            at K = 0, such as rivals.
        protocol: name of the protocol that the cells are to be read by, which conditions may then name.

    Raises:
        InputError: a condition is not written so, or there is no such key.
    """
    keys = [key for key in KEYS if key != "protocol" or protocol]
    wanted = [_parsed(condition, keys) for condition in conditions]

    def selected(record: Record) -> bool:
        if also == "unadapted" and not record.cell.shots:
            return True
        spared = _spared(record) if also == "starts" else ()
        return all(_value(record, key, protocol) in allowed or key in spared for key, allowed in wanted)

    return [record for record in current(records) if selected(record)]


def _parsed(condition: str, keys: Sequence[str]) -> tuple[str, list[str]]:
    """Split KEY=VALUE[,VALUE] into the key and its values."""
    key, equals, values = condition.partition("=")
    if not equals or key not in keys:
        raise InputError(f"--where {condition}", "cannot be read", f"write KEY=VALUE with a key of {', '.join(keys)}")
    names = listed(values)
    return key, [*names, *map(joined, names)] if key == "source" else names


def _value(record: Record, key: str, protocol: str) -> str:
    """Read one of `KEYS` of a cell as it is typed."""
    return protocol if key == "protocol" else str(getattr(record.cell, key))


def _spared(record: Record) -> tuple[str, ...]:
    """List the keys that mean nothing to a cell, so that a condition on them is about others."""
    unadapted = ("shots", "support", "steps") if not record.cell.shots else ()
    return unadapted + (("tuning", "steps") if record.cell.tuning == NO_TUNING else ())


def varying_keys(rows: pd.DataFrame, keys: Sequence[str], always: Collection[str] = ()) -> list[str]:
    """List those of some keys whose values differ between rows, and those to be listed `always`, in their order."""
    return [key for key in keys if key in always or rows[key].nunique() > 1]


def refuse_empty(rows_or_records: Sized, results: Path, what: str) -> None:
    """Refuse to go on with nothing: no cell of a results folder was asked for.

    Args:
        rows_or_records: what was selected.
        results: the folder it was selected from.
        what: what there is none of: cell, finished cell, fit.

    Raises:
        InputError: nothing was selected.
    """
    if not len(rows_or_records):
        raise InputError(results, f"holds no such {what}", "run some with bench run, or loosen --where")


def refuse_mixtures(
    rows: pd.DataFrame, key: str, within: Sequence[str] = (), suggested: str = "{last}", what: str = "this figure"
) -> None:
    """Refuse rows that would be shown, or averaged, as one although they differ in a key.

    Args:
        rows: tidy rows.
        key: what must have one value.
        within: keys of the groups in each of which it must have one; none: all rows are one group.
        suggested: which value to keep instead, where {first} and {last} stand for those of the sorted ones.
        what: what would mix them.

    Raises:
        InputError: the key has several values; says which.
    """
    for _, group in rows.groupby(list(within), sort=False) if within else [("", rows)]:
        values = sorted(group[key].unique())
        if len(values) > 1:
            mixed = f"would mix {key.rstrip('s')}s {', '.join(map(str, values))}"
            fix = suggested.format(first=values[0], last=values[-1])
            raise InputError(what, mixed, f"add --where {key}={fix}")


# What tells two rows of a table apart, beyond what the user put in rows and columns. Seeds are averaged over, openly.
DISTINGUISHING = [key for key in KEYS if key not in ("protocol", "seed")]


def spread_unadapted(rows: pd.DataFrame) -> pd.DataFrame:
    """Let every tuning's line begin with what it starts from.

    At 0 shots a method is the same under all tunings that learn nothing beforehand, and is run and stored once, as
    tuning `none`. Here that row is repeated for each tuning of the method that has rows with shots but none without.
    """
    others = [key for key in KEYS if key not in ("support", "tuning", "shots", "steps")]
    bare = rows[(rows["tuning"] == NO_TUNING) & (rows["shots"] == 0)]
    tuned = rows[rows["tuning"] != NO_TUNING]
    starts = tuned[tuned["shots"] == 0]
    lacking = tuned[~tuned.set_index([*others, "tuning"]).index.isin(starts.set_index([*others, "tuning"]).index)]
    lacking = lacking[[*others, "tuning"]].drop_duplicates()
    copies = bare.drop(columns="tuning").merge(lacking, on=others)
    spread = bare.set_index(others).index.isin(lacking.set_index(others).index)
    kept = rows.drop(index=bare.index[spread])
    spread_rows = pd.concat([kept, copies[rows.columns]], ignore_index=True)
    place = {method: number for number, method in enumerate(dict.fromkeys(rows["method"]))}
    order = pd.DataFrame({"method": spread_rows["method"].map(place), "shots": spread_rows["shots"]})
    return spread_rows.loc[order.sort_values(["method", "shots"], kind="stable").index].reset_index(drop=True)
