"""Intervals. Frames of one video resemble each other, so what is resampled is videos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossvad.evaluation.metrics import Labels, Values


def pair_wins(labels: Labels, scores: Values, videos: NDArray[np.int64]) -> tuple[Values, Values, Values]:
    """Wins of abnormal frames over normal ones, by pair of videos.

    The AUC of any resample of videos is a ratio of weighted sums of these, so that a bootstrap sorts scores only once.

    Returns:
        (V, V) the sum, over abnormal frames of video i and normal frames of video j, of [score i > score j], ties half;
        (V,) abnormal frames per video; (V,) normal frames per video.
    """
    names = np.unique(videos)
    abnormal = [scores[(videos == name) & (labels == 1)] for name in names]
    normal = [np.sort(scores[(videos == name) & (labels == 0)]) for name in names]
    joined, owner = np.concatenate(abnormal), np.repeat(np.arange(len(names)), [len(a) for a in abnormal])
    wins = np.zeros((len(names), len(names)))
    for j, values in enumerate(normal):
        below = (np.searchsorted(values, joined, "left") + np.searchsorted(values, joined, "right")) / 2
        wins[:, j] = np.bincount(owner, below, len(names))
    return wins, np.array([len(a) for a in abnormal], float), np.array([len(n) for n in normal], float)


def bootstrap_auc(
    labels: Labels, scores: Values, videos: NDArray[np.int64], resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the micro AUC over resampled videos; NaN where no resample has both classes.

    `labels`, `scores` and `videos` are (N,) each; the latter numbers each frame's video.
    """
    wins, abnormal, normal = pair_wins(labels, scores, videos)
    count = len(abnormal)
    counts = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples).astype(float)
    pairs = (counts @ abnormal) * (counts @ normal)
    won = np.einsum("ri,ij,rj->r", counts, wins, counts, optimize=True)
    aucs = won[pairs > 0] / pairs[pairs > 0]
    if not len(aucs):
        return float("nan"), float("nan")
    low, high = np.quantile(aucs, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
