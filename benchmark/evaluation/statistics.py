"""Intervals, differences and ranks. Frames of one video resemble each other, so what is resampled is videos.

Intervals are bootstrap-t on the logit scale: the estimate, plus and minus the standard error over resamples of videos
times Student's t for as many degrees of freedom as there are videos, less one. The usual percentile interval is too
narrow where videos are few or the AUC is high. How often in 1000 simulated test sets the truth lies within, in %:

    AUC                    65                  80                  93                  98
    videos of        percentile  this    percentile  this    percentile  this    percentile  this
    Ped2 (12)            91.0    95.9        87.2    95.9        78.4    97.1        64.0    95.6
    Avenue (21)          90.8    94.6        88.3    93.4        84.3    93.3        76.9    93.5
    Ped1 (36)            94.0    95.8        93.5    96.2        90.5    95.7        86.9    94.1

Simulated: labels of as many videos, drawn from the set's, and scores as `audit.made_up` makes them.

Where it holds: up to an AUC of 93, also with heavy tails (Student's t of 3 degrees of freedom) and ties, in 91
to 97 % of 300 sets each, ± 1.5. At 98 it held the truth in 89 to 91 % of them on Avenue's and Ped1's videos, whatever
the tails, and in 83 to 93 % on Ped2's; else the truth lay below it: a video that a good detector fails on is in none
of so few. The paired difference held its truth in 92 to 100 %. `tests/intervals/coverage.py` prints all this. Tried
and not taken: Student's t for the degrees of freedom that the kurtosis of the videos' influences leaves (92 to 98 %,
but wider by a fifth at 93 and up to twice at 98); on the logit scale BCa and clustered DeLong (Obuchowski 1997) hold
less, the jackknife as much, and the studentised bootstrap is far wider on 12 videos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossvad.evaluation.frames import Labels, Values, refuse_unfinite

Owners = NDArray[np.int64]
Part = tuple[float, float]  # of a variance, and its degrees of freedom
RESAMPLES, LEVEL = 1000, 0.95
TRUSTED = 0.95  # AUC above which, or so near to 0, intervals hold the truth less often than `LEVEL`: see `HELD`
HELD = "83 to 93"  # times in 100 there
ROUNDING = 1e-9  # AUCs that differ by less are the same


@dataclass(frozen=True)
class PairCounts:
    """Wins of abnormal frames over normal ones, by pair of videos.

    The AUC of any resample of videos is a ratio of weighted sums of these, so that a bootstrap sorts scores only once.
    """

    wins: Values  # (V, V): over abnormal frames of video i and normal ones of video j, sum of [i's > j's], ties half
    abnormal: Values  # (V,) frames per video
    normal: Values  # (V,)

    @property
    def auc(self) -> float:
        """The micro AUC; NaN where only one class is there."""
        pairs = self.abnormal.sum() * self.normal.sum()
        return float(self.wins.sum() / pairs) if pairs else float("nan")

    def resampled(self, counts: Values) -> Values:
        """AUC of each resample, (R,), from how often it draws each video, (R, V); NaN where it lacks a class."""
        pairs = (counts @ self.abnormal) * (counts @ self.normal)
        won = ((counts @ self.wins) * counts).sum(1)
        return np.divide(won, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


def pair_counts(labels: Labels, scores: Values, videos: Owners) -> PairCounts:
    """Count the wins; `labels`, `scores` and `videos` are (N,) each, the latter numbers each frame's video.

    Raises:
        InputError: a score is not finite.
    """
    refuse_unfinite(scores)
    names = np.unique(videos)
    abnormal = [scores[(videos == name) & (labels == 1)] for name in names]
    normal = [np.sort(scores[(videos == name) & (labels == 0)]) for name in names]
    joined, owner = np.concatenate(abnormal), np.repeat(np.arange(len(names)), [len(a) for a in abnormal])
    wins = np.zeros((len(names), len(names)))
    for j, values in enumerate(normal):
        below = (np.searchsorted(values, joined, "left") + np.searchsorted(values, joined, "right")) / 2
        wins[:, j] = np.bincount(owner, below, len(names))
    return PairCounts(wins, np.array([len(a) for a in abnormal], float), np.array([len(n) for n in normal], float))


def draws(videos: int, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """How often each of `videos` videos is drawn in each bootstrap resample: (resamples, videos)."""
    return np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), resamples).astype(float)


def bootstrap_auc(
    labels: Labels, scores: Values, videos: Owners, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> tuple[float, float]:
    """Interval of the micro AUC of videos such as these; NaN for fewer than two videos or only one class.

    `labels`, `scores` and `videos` are (N,) each. The same seed gives the same interval. The logit is that of an AUC
    kept half a pair of frames away from 0 and 1.

    Raises:
        InputError: a score is not finite.
    """
    return bootstrap_interval(pair_counts(labels, scores, videos), resamples, level, seed)


def bootstrap_interval(
    wins: PairCounts, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> tuple[float, float]:
    """The same of frames that are counted already."""
    from scipy.stats import t  # here, as tables of what is cached go without

    count, pairs = len(wins.abnormal), wins.abnormal.sum() * wins.normal.sum()
    if count < 2 or not pairs:
        return float("nan"), float("nan")

    def logit(auc: Values) -> Values:
        kept = np.clip(auc, 0.5 / pairs, 1 - 0.5 / pairs)
        return np.asarray(np.log(kept / (1 - kept)))

    resampled = wins.resampled(draws(count, resamples, seed))
    logits = logit(resampled[~np.isnan(resampled)])
    if np.ptp(logits) == 0:
        return without_spread(wins.auc, count, level)
    reach = t.ppf((1 + level) / 2, count - 1) * np.std(logits, ddof=1)
    low, high = 1 / (1 + np.exp(-(logit(np.array(wins.auc)) + np.array([-reach, reach]))))
    return float(low), float(high)


def without_spread(auc: float, videos: int, level: float) -> tuple[float, float]:
    """Interval where every resample reads the same.

    Of a detector that makes no error, or nothing but errors, it goes as far from there as the share of other videos
    can be of which so many draws show none in (1 - level) / 2 of all cases. Constant scores read 1/2 on any videos.
    """
    lost = unseen(videos, level)
    return (1 - lost, 1.0) if auc == 1 else (0.0, lost) if auc == 0 else (auc, auc)


def unseen(draws: int, level: float = LEVEL) -> float:
    """The largest share of a population that so many draws show none of in (1 - level) / 2 of all cases, in (0, 1)."""
    return float(1 - ((1 - level) / 2) ** (1 / draws))


def gap_without_spread(gaps: ArrayLike, draws: int, level: float = LEVEL) -> tuple[Values, Values]:
    """What is known of differences that every one of some draws, videos or cameras, shows alike.

    The share of others that so many draws show none of may turn the difference round, so that the interval goes twice
    that share of it to either side; p is that of the sign test. Both leave out no difference from six draws on. Where
    there is no difference either, the scores are the same: nothing to tell apart.

    Args:
        gaps: the differences, of any shape.
        draws: how many there were.
        level: of the interval.

    Returns:
        How far the interval goes to either side, and p, two-sided, both of that shape.
    """
    size = np.abs(np.asarray(gaps, float))
    return 2 * unseen(draws, level) * size, np.where(size < ROUNDING, 1.0, 2.0 ** (1 - draws))


def variance(values: ArrayLike) -> Values:
    """Variance over the last axis, of n - 1; exactly 0 where all values are the same but for rounding."""
    rows = np.asarray(values, float)
    return np.where(np.ptp(rows, -1) < ROUNDING, 0.0, np.var(rows, -1, ddof=1))


@dataclass(frozen=True)
class Difference:
    """How much higher one method's AUC is than another's on the same videos, from -1 to 1."""

    mean: float
    low: float
    high: float
    p: float  # two-sided, of no difference


def paired_difference(
    first: Sequence[PairCounts],
    second: Sequence[PairCounts],
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
    same_fits: bool = False,
) -> Difference:
    """AUC of the first method less that of the second, each a mean over its seeds, on the same videos and labels.

    Both are read on the same resamples of videos, so that what is hard for both cancels. To the variance over videos
    is added that of a mean over seeds, where there are several (degrees of freedom by Welch and Satterthwaite): a
    difference then holds for methods trained anew, not for these fits alone. A difference that all resamples show
    alike is as sure as so few videos can make it: `gap_without_spread`.

    With `same_fits`, seeds of both, in the same order, are of the same fits, so that what they share cancels too.

    Of few videos or two seeds Student's t reaches beyond what a difference can be. The interval ends there, which takes
    no truth out of it; the p value, which knows no end, stays as it is.
    """
    from scipy.stats import t  # here, as tables of what is cached go without

    counts = draws(len(first[0].abnormal), resamples, seed)
    gaps = np.mean([wins.resampled(counts) for wins in first], 0) - np.mean([w.resampled(counts) for w in second], 0)
    mean = float(np.mean([wins.auc for wins in first]) - np.mean([wins.auc for wins in second]))
    known = gaps[~np.isnan(gaps)]
    of_videos = (float(variance(known)), counts.shape[1] - 1)
    aucs = [np.array([w.auc for w in wins]) for wins in (first, second)]
    error, freedom = standard_error([of_videos, *(of_seeds(aucs[0] - aucs[1]) if same_fits else of_seeds(*aucs))])
    if error == 0:
        reach, p = gap_without_spread(mean, counts.shape[1], level)
    else:
        reach, p = t.ppf((1 + level) / 2, freedom) * error, 2 * t.sf(abs(mean) / error, freedom)
    return Difference(mean, *possible(mean - float(reach), mean + float(reach)), float(p))


def of_seeds(*means: Sequence[float] | Values) -> list[Part]:
    """What each mean over seeds, (S,) each, adds to a variance; one seed says nothing of it, and adds nothing."""
    return [(float(variance(each)) / len(each), len(each) - 1) for each in means if len(each) > 1]


def standard_error(parts: Sequence[Part]) -> tuple[float, float]:
    """Standard error of the sum of these parts, and its degrees of freedom (Welch and Satterthwaite)."""
    whole = sum(part for part, _ in parts)
    return float(np.sqrt(whole)), whole**2 / sum(part**2 / each for part, each in parts) if whole else 1.0


def possible(low: float, high: float, most: float = 1.0) -> tuple[float, float]:
    """An interval of a difference of AUCs, of which the best has `most`, cut where no two of them differ by more."""
    return float(np.maximum(low, -most)), float(np.minimum(high, most))  # NaN stays NaN


def enough_videos(abnormal: Values, normal: Values) -> bool:
    """Whether resamples of videos can tell how an AUC varies, from each video's counts of frames, (V,) each.

    With a single video of a class, every resample has the same frames of that class, or none.
    """
    return bool(min((abnormal > 0).sum(), (normal > 0).sum()) >= 2)


def holm(p: Values) -> Values:
    """P values (n,) adjusted so that the chance of any false claim among them stays at the level (Holm 1979)."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def ahead_level(rows: int) -> float:
    """Level of the one-sided tests that say which of some rows are ahead of which: 0.05 over the number of other rows.

    Any given row, if none is better in truth, is then called worse than another in 5 of 100 cases at most.
    So those that are not called worse hold the best in 95 of 100: Gupta's subset selection (Technometrics, 1965), by
    Bonferroni's bound.
    """
    return (1 - LEVEL) / max(rows - 1, 1)


def average_ranks(values: Values) -> Values:
    """Mean rank of each method, (methods,), over data sets: 1 is the highest of `values` (data sets, methods).

    Methods that tie on a data set share the mean of their ranks there.
    """
    from scipy.stats import rankdata  # here, as tables of what is cached go without

    return np.asarray(rankdata(-values, axis=1)).mean(0)


def critical_difference(methods: int, datasets: int, level: float = LEVEL) -> float:
    """By how much two average ranks must differ for a claim: Nemenyi's test (Demšar, JMLR 2006, Section 3.2.2)."""
    from scipy.stats import studentized_range  # here, as tables of what is cached go without

    q = studentized_range.ppf(level, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * datasets)))


def critical_groups(ranks: Values, difference: float) -> list[list[int]]:
    """The largest sets of methods no two of which differ by more than the critical difference, best first.

    `ranks` are average ranks, (methods,). A method unlike all others is a group of its own.
    """
    order = np.argsort(ranks, kind="stable")
    groups: list[list[int]] = []
    for place, first in enumerate(order):
        group = [int(other) for other in order[place:] if ranks[other] - ranks[first] <= difference]
        if not groups or not set(group) <= set(groups[-1]):
            groups.append(group)
    return groups
