"""Rows of a tidy table: what tells them apart, and what makes them incomparable"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from crossvad.evaluation.columns import KEYS, PLACE
from crossvad.planning.catalogue import NO_TUNING

# What tells two rows of a table apart, beyond what the user put in rows and columns. Seeds are averaged over, openly.
DISTINGUISHING = [key for key in KEYS if key not in ("protocol", "seed")]


def varying_keys(rows: pd.DataFrame, keys: Sequence[str], always: Collection[str] = ()) -> list[str]:
    """List those of some keys whose values differ between rows, and those to be listed `always`, in their order."""
    return [key for key in keys if key in always or rows[key].nunique() > 1]


def committed_among_own(rows: pd.DataFrame) -> pd.Series:
    """Tell which of some rows are of committed cells, where others are of one's own; none, where all are of one place.

    Rows have a column `PLACE`: one of `PLACES`, or both, comma-separated, where a row is made of several cells.
    """
    places = rows[PLACE].fillna("").astype(str)
    mixed = len({place for text in places.unique() for place in text.split(", ")}) > 1
    return places.str.startswith("reference") & mixed


def mixtures(tidy: pd.DataFrame) -> list[str]:
    """What makes rows of one table incomparable: several budgets, protocols, devices or masks.

    Not several releases of ours: what scores depend on has versions of its own, of which the newest alone are read.
    """
    done = tidy.loc[tidy["status"] == "done", ["budget", "protocol", "device", "target", "frames", "videos"]]
    found = []
    for name in ("budget", "protocol", "device"):
        values = [str(value) for value in done[name].dropna().unique()]
        if len(values) > 1:
            found.append(f"{name}s {', '.join(sorted(values))}")
    for target, counted in done[["target", "frames", "videos"]].drop_duplicates().groupby("target"):
        if len(counted) > 1:
            counts = counted[["frames", "videos"]].sort_values("frames").to_numpy()
            masks = ", ".join(f"{int(frames)} frames of {int(videos)} videos" for frames, videos in counts)
            found.append(f"unequal masks on {target}: {masks}")
    return found


def spread_unadapted(rows: pd.DataFrame) -> pd.DataFrame:
    """Let every tuning's line begin with what it starts from.

    At 0 shots a method is the same under all tunings that learn nothing beforehand, and is run and stored once, as
    tuning `none`. Here that row is repeated for each tuning of the method that has rows with shots but none without.
    """
    others = [key for key in KEYS if key not in ("support", "tuning", "shots", "steps")]
    entry = rows.groupby(others, dropna=False, sort=False).ngroup()
    tuned = rows["tuning"] != NO_TUNING
    bare, started = ~tuned & (rows["shots"] == 0), tuned & (rows["shots"] == 0)
    lines = pd.DataFrame({"entry": entry, "tuning": rows["tuning"]})
    starts = pd.MultiIndex.from_frame(lines[started].drop_duplicates())
    wanting = lines[tuned].drop_duplicates()
    wanting = wanting[~pd.MultiIndex.from_frame(wanting).isin(starts)]
    copies = rows[bare].drop(columns="tuning").assign(entry=entry[bare]).merge(wanting, on="entry")
    kept = rows[~(bare & entry.isin(wanting["entry"]))]
    spread_rows = pd.concat([kept, copies[rows.columns]], ignore_index=True)
    place = {method: number for number, method in enumerate(dict.fromkeys(rows["method"]))}
    order = pd.DataFrame({"method": spread_rows["method"].map(place), "shots": spread_rows["shots"]})
    return spread_rows.loc[order.sort_values(["method", "shots"], kind="stable").index].reset_index(drop=True)
