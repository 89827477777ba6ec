"""Every two entries of one test set compared on the same resamples of its videos: which of them may be the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from crossvad.evaluation.comparison import ENTRY
from crossvad.evaluation.frames import Values
from crossvad.evaluation.statistics import LEVEL, draws, enough_videos, gap_without_spread, variance


@dataclass(frozen=True)
class Pairs:
    """Differences of AUC between every two of n entries."""

    entries: list[tuple[Any, ...]]  # their keys, `ENTRY`
    reach: Values  # (n, n): how far the 95 % interval of a difference goes to either side, in points
    p: Values  # (n, n): two-sided, of no difference


def incomparable(cells: pd.DataFrame) -> str:
    """Say why rows of `comparison.counted` on one test set cannot be told apart; nothing where they can."""
    if cells["frames"].nunique() > 1:
        return "rows count different frames"
    wins = cells["wins"].iloc[0]
    if len(wins.abnormal) < 2:
        return "of one video nothing can be told"
    if np.isnan(wins.auc):
        return "frames of one kind alone are there, normal or abnormal"
    if not enough_videos(wins.abnormal, wins.normal):
        return "abnormal or normal frames are in less than two videos"
    return ""


def pairs(cells: pd.DataFrame) -> Pairs:
    """Compare every two entries as `statistics.paired_difference` does; those of one method and the same seeds by fit.

    Args:
        cells: rows of `comparison.counted` on one test set, none of them `incomparable`.
    """
    from scipy.stats import t  # here, as tables of what is cached go without

    entries = [(key, group.sort_values("seed")) for key, group in cells.groupby(ENTRY, sort=False)]
    groups = [list(group["wins"]) for _, group in entries]
    counts = draws(len(cells["wins"].iloc[0].abnormal))
    resampled = np.array([np.mean([wins.resampled(counts) for wins in seeds], 0) for seeds in groups])
    resampled = resampled[:, ~np.isnan(resampled[0])]  # which videos a resample draws says whether it lacks a class
    aucs = [np.array([wins.auc for wins in seeds]) for seeds in groups]
    auc, seeds = np.array([each.mean() for each in aucs]), np.array([len(each) for each in aucs])
    first = np.repeat(np.array([_variance_of_mean(each) for each in aucs])[:, None], len(aucs), axis=1)
    second = first.T.copy()
    for one, other in _of_same_fits([group for _, group in entries]):
        first[one, other], second[one, other] = _variance_of_mean(aucs[one] - aucs[other]), 0
    of_videos = np.array([variance(resampled - own) for own in resampled])
    parts = [(of_videos, counts.shape[1] - 1)]
    parts += [(first, np.maximum(seeds - 1, 1)[:, None]), (second, np.maximum(seeds - 1, 1)[None, :])]
    whole = np.asarray(sum(part for part, _ in parts))
    sure = whole == 0
    safe = np.where(sure, 1, whole)
    freedom = np.where(sure, 1, safe**2 / np.where(sure, 1, sum(part**2 / each for part, each in parts)))
    gaps = np.abs(auc[:, None] - auc[None, :])
    reach_of_sure, p_of_sure = gap_without_spread(gaps, counts.shape[1])
    reach = np.where(sure, reach_of_sure, t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(safe))
    p = np.where(sure, p_of_sure, 2 * t.sf(gaps / np.sqrt(safe), freedom))
    return Pairs([key for key, _ in entries], 100 * reach, p)


def _of_same_fits(groups: Sequence[pd.DataFrame]) -> Iterator[tuple[int, int]]:
    """Which two entries are of one method, adapted and not, and of the same seeds: their fits share what these do."""
    fits: dict[Any, list[int]] = {}
    for place, group in enumerate(groups):
        if not group["untrained"].all():
            fits.setdefault((group["method"].iloc[0], *group["seed"]), []).append(place)
    for places in fits.values():
        yield from permutations(places, 2)


def _variance_of_mean(values: Values) -> float:
    """Variance of a mean over seeds; 0 of one seed, which says nothing of it."""
    return float(variance(values)) / len(values) if len(values) > 1 else 0.0
