"""Every two entries of one test set compared on the same resamples of its videos: which of them may be the best."""

from __future__ import annotations

from dataclasses import dataclass
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
    """Compare every two entries as `statistics.paired_difference` compares two of other fits.

    What entries of one method share, adapted and not, is not taken out: these differ more surely than is said here.

    Args:
        cells: rows of `comparison.counted` on one test set, none of them `incomparable`.
    """
    from scipy.stats import t  # here, as tables of what is cached go without

    groups = [(key, list(group["wins"])) for key, group in cells.groupby(ENTRY, sort=False)]
    counts = draws(len(cells["wins"].iloc[0].abnormal))
    resampled = np.array([np.mean([wins.resampled(counts) for wins in seeds], 0) for _, seeds in groups])
    resampled = resampled[:, ~np.isnan(resampled[0])]  # which videos a resample draws says whether it lacks a class
    auc = np.array([np.mean([wins.auc for wins in seeds]) for _, seeds in groups])
    seeds = np.array([len(each) for _, each in groups])
    of_seeds = np.array([_variance_of_mean([wins.auc for wins in each]) for _, each in groups])
    of_videos = np.array([variance(resampled - own) for own in resampled])
    parts = [(of_videos, counts.shape[1] - 1)]
    parts += [(of_seeds[index], np.maximum(seeds - 1, 1)[index]) for index in (np.s_[:, None], np.s_[None, :])]
    whole = np.asarray(sum(part for part, _ in parts))
    sure = whole == 0
    safe = np.where(sure, 1, whole)
    freedom = np.where(sure, 1, safe**2 / np.where(sure, 1, sum(part**2 / each for part, each in parts)))
    gaps = np.abs(auc[:, None] - auc[None, :])
    reach_of_sure, p_of_sure = gap_without_spread(gaps, counts.shape[1])
    reach = np.where(sure, reach_of_sure, t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(safe))
    p = np.where(sure, p_of_sure, 2 * t.sf(gaps / np.sqrt(safe), freedom))
    return Pairs([key for key, _ in groups], 100 * reach, p)


def _variance_of_mean(values: list[float]) -> float:
    """Variance of a mean over seeds; 0 of one seed, which says nothing of it."""
    return float(variance(values)) / len(values) if len(values) > 1 else 0.0
