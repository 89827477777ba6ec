"""Claims: paired differences of methods on the same test videos, and ranks over data sets, from stored scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option
from crossvad.evaluation.cell_evaluation import counted_frames_of_cells
from crossvad.evaluation.columns import PLACE
from crossvad.evaluation.frames import CountedFrames
from crossvad.evaluation.selection import KEYS, published_evaluation, transductive, untrained
from crossvad.evaluation.statistics import (
    LEVEL,
    Difference,
    PairCounts,
    average_ranks,
    critical_difference,
    critical_groups,
    enough_videos,
    holm,
    pair_counts,
    paired_difference,
)
from crossvad.planning.archives import published_videos
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.names import did_you_mean
from crossvad.planning.protocol import Protocol, SupportPolicy
from crossvad.store.store import Record, Store

NO_DIFFERENCE = Difference(*4 * [float("nan")])
ITSELF = "itself"  # compare each method with what it was before it adapted
ENTRY = [key for key in KEYS if key not in ("seed", "protocol")]  # what one line is of; its seeds are averaged over
FACTS = ["reverted", "transductive", "untrained", "postprocessing", PLACE, "frames", "videos", "of_videos"]
WHO = [key for key in ENTRY if key not in ("source", "target")]


def counted(store: Store, records: Iterable[Record], protocol: Protocol) -> pd.DataFrame:
    """A row per finished cell that the protocol may read: its keys, its `PairCounts`, and what frames they count."""
    rows = []
    for record, read in counted_frames_of_cells(store, records, protocol):
        frames = read(protocol)
        rows.append(
            facts_of(store, record, frames) | {"wins": pair_counts(frames.labels, frames.scores, frames.videos)}
        )
    return pd.DataFrame(rows, columns=[*ENTRY, "seed", "cell", "wins", *FACTS])


def facts_of(store: Store, record: Record, frames: CountedFrames) -> dict[str, Any]:
    """A finished cell's keys and key, and its `FACTS`: what a comparison must know of it beside its scores."""
    row: dict[str, Any] = {key: getattr(record.cell, key) for key in [*ENTRY, "seed"]}
    row |= {"cell": record.cell.key, "reverted": record.reverted, PLACE: store.place_of(record.cell)}
    row |= {"postprocessing": str(published_evaluation(record)), "transductive": transductive(record)}
    row["untrained"] = untrained(record)
    row["frames"] = (len(frames.labels), frames.labels.tobytes(), frames.videos.tobytes())
    return row | {"videos": len(np.unique(frames.videos)), "of_videos": published_videos(record.cell.target)}


def differences(cells: pd.DataFrame, against: str, among: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each entry's AUC less that of a rival on the same source, target and budget, paired by video.

    The rival is a method before it adapts, by its name, or `itself`: the entry's own method before it adapts, of the
    seeds that both have. It is looked for `among` more cells, if given, as those of interest may leave it out. P values
    are adjusted over all rows of the table (Holm).

    Returns:
        A row per entry: its keys, seeds, reverted (share of adaptations that were taken back, in %), postprocessing (by
        the method's authors), videos (those scored, of_videos published), auc, start (the rival's, of all its seeds),
        difference, low, high (in points of AUC), p, place, one_fit (see `of_one_fit`), fewer (whether seeds were left
        out, as only one side has them) and p_holm. No interval and no p where there are too few videos, and no
        difference to `itself` where no seed is on both sides.

    Raises:
        InputError: no entry has such a rival, or one counts other frames than its rival.
    """
    rows = []
    groups = dict(list((cells if among is None else among).groupby(ENTRY, sort=False)))
    for key, group in cells.groupby(ENTRY, sort=False):
        entry = dict(zip(ENTRY, key, strict=True))
        found = next((groups[rival] for rival in _rivals(entry, against) if rival in groups and rival != key), None)
        if found is None:
            continue
        if set(group["frames"]) != set(found["frames"]):
            what = f"and {against} on {entry['target']} count different frames"
            raise InputError(
                f"{entry['method']}, K = {entry['shots']}", what, "compare by a protocol with one mask: fair"
            )
        start, seeds, others = _mean_auc(found), {*group["seed"]}, {*found["seed"]}
        same_fits = bool(found["method"].iloc[0] == entry["method"] and not found["untrained"].all())
        if same_fits and seeds & others:  # adapted or not: what a fit has of its seed is no gain
            group, found = (some[some["seed"].isin(seeds & others)].sort_values("seed") for some in (group, found))
        apart = same_fits and not seeds & others
        gap = NO_DIFFERENCE if apart else _gap(list(group["wins"]), list(found["wins"]), same_fits)
        points = {"auc": _mean_auc(group), "start": start, "difference": gap.mean, "low": gap.low, "high": gap.high}
        facts: dict[str, Any] = {"seeds": len(group), "reverted": 100 * group["reverted"].mean()}
        facts |= {"fewer": same_fits and seeds != others}
        facts |= {name: group[name].iloc[0] for name in ("transductive", "postprocessing", "videos", "of_videos")}
        facts |= {PLACE: ", ".join(sorted({*group[PLACE], *found[PLACE]})), "one_fit": of_one_fit(group, found)}
        rows.append(entry | facts | {k: 100 * v for k, v in points.items()} | {"p": gap.p})
    if not rows:
        raise no_rival(against, cells if among is None else among)
    table = pd.DataFrame(rows).assign(p_holm=np.nan)
    known = table["p"].notna()
    table.loc[known, "p_holm"] = holm(table.loc[known, "p"].to_numpy())
    return table


def of_one_fit(*entries: pd.DataFrame) -> str | None:
    """Name the methods among some entries, rows of `counted` each, of which one training was seen.

    None: there are none. How far another training of theirs would be from it nothing says: no interval and no p value
    holds that spread.
    """
    once = [rows for rows in entries if rows["seed"].nunique() == 1 and not rows["untrained"].any()]
    return ", ".join(dict.fromkeys(str(rows["method"].iloc[0]) for rows in once)) or None


def fits_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Of each entry of `counted` its source, the number of its seeds, and `one_fit`: what `captions.one_fit` reads."""
    entries = [rows for _, rows in cells.groupby(ENTRY, sort=False)]
    facts = {"source": [rows["source"].iloc[0] for rows in entries], "seeds": [len(rows) for rows in entries]}
    return pd.DataFrame(facts | {"one_fit": [of_one_fit(rows) for rows in entries]})


def no_rival(against: str, among: pd.DataFrame) -> InputError:
    """The error for a rival that no row may be compared with: says which name of these rows comes close."""
    close = did_you_mean(against, {ITSELF, *among["method"]} - {against})
    known = against == ITSELF or against in set(among["method"])
    fix = "run it on the same sources and targets"
    return InputError(option("against", against), "is in none of these cells unadapted", fix if known else close + fix)


def _mean_auc(cells: pd.DataFrame) -> float:
    return float(np.mean([wins.auc for wins in cells["wins"]]))


def _gap(first: list[PairCounts], second: list[PairCounts], same_fits: bool) -> Difference:
    """The paired difference; without interval and p value where videos are too few to say."""
    if enough_videos(first[0].abnormal, first[0].normal):
        return paired_difference(first, second, same_fits=same_fits)
    mean = np.mean([wins.auc for wins in first]) - np.mean([wins.auc for wins in second])
    return replace(NO_DIFFERENCE, mean=float(mean))


def better_or_worse(tidy: pd.DataFrame, found: pd.DataFrame) -> pd.Series:
    """For each tidy row whether its entry is better (1) or worse (-1) than its rival by more than chance, or not (0).

    Args:
        tidy: rows with the keys `ENTRY`.
        found: `differences`, of which those with an adjusted p below 1 - `LEVEL` count.
    """
    sign = np.sign(found["difference"]).where(found["p_holm"] < 1 - LEVEL, 0)
    known = pd.Series(sign.to_numpy(), index=pd.MultiIndex.from_frame(found[ENTRY]))
    at = pd.MultiIndex.from_frame(tidy[ENTRY])
    return pd.Series(known.reindex(at).fillna(0).to_numpy(), index=tidy.index).astype(int)


def rival(against: str) -> str:
    """What a reader is told that entries were compared with."""
    return "the same method at K = 0" if against == ITSELF else f"{against} at K = 0"


def _rivals(entry: dict[str, Any], against: str) -> list[tuple[Any, ...]]:
    """Keys of what to compare an entry with, the first that is there."""
    return [tuple(start[name] for name in ENTRY) for start in starts(entry, against)]


def starts(entry: dict[str, Any], against: str) -> list[dict[str, Any]]:
    """What an entry may be compared with, the best first: as it is, but of another method or of `itself`, at K = 0."""
    method = entry["method"] if against == ITSELF else against
    bare = entry | {"method": method, "tuning": NO_TUNING, "support": SupportPolicy.NONE.value, "shots": 0, "steps": 0}
    # A tuning that learns on the source has a start of its own.
    return [bare | {"tuning": entry["tuning"]}, bare] if against == ITSELF else [bare]


def ranks(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[list[str]], float]:
    """Average ranks of methods over the targets of the source/target pairs that all of them were run on.

    Returns:
        A row per entry: what it is (`WHO`), its mean rank (1 is best) and the numbers of targets and pairs; the groups
        that Nemenyi's test cannot tell apart, by method names, best first; and the critical difference.
    """
    auc = cells.assign(auc=[wins.auc for wins in cells["wins"]])
    table = auc.groupby([*WHO, "source", "target"])["auc"].mean().unstack(["source", "target"]).dropna(axis=1)
    targets = by_target(table)
    if targets.shape[1] < 2 or len(table) < 2:
        return pd.DataFrame(columns=[*WHO, "rank", "targets", "pairs"]), [], float("nan")
    mean = average_ranks(targets.to_numpy().T)
    difference = critical_difference(len(table), targets.shape[1], LEVEL)
    labels = [", ".join(map(str, key)) for key in table.index]
    groups = [[labels[place] for place in group] for group in critical_groups(mean, difference)]
    found = table.index.to_frame(index=False).assign(rank=mean, targets=targets.shape[1], pairs=table.shape[1])
    return found.sort_values("rank", ignore_index=True), groups, difference


def by_target(aucs: pd.DataFrame) -> pd.DataFrame:
    """Mean over the sources of each target, of a table with the column levels source and target.

    A target is one data set, whatever a method was trained on: what is easy for one on it stays so from source to
    source, and an untrained one reads the very same. A test that counts its pairs one by one claims far too much.
    """
    return aucs.T.groupby(level="target").mean().T
