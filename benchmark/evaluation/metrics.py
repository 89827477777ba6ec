"""Frame-level metrics. Pure functions of labels (1 = abnormal) and scores (higher = more abnormal); in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from crossvad.datasets.base import InputError

Labels = NDArray[np.uint8]
Values = NDArray[np.float64]


def micro_auc(labels: Labels, scores: Values) -> float:
    """Area under the ROC curve of all frames pooled, (N,) each; NaN where only one class is there.

    Raises:
        InputError: a score is not finite.
    """
    if not np.isfinite(scores).all():
        raise InputError("scores", f"{int((~np.isfinite(scores)).sum())} are not finite", "mend the method")
    return float(roc_auc_score(labels, scores)) if _both_classes(labels) else float("nan")


def macro_auc(labels: Labels, scores: Values, videos: NDArray[np.int64]) -> tuple[float, int]:
    """Mean of the AUCs of the videos that have both classes, and how many they are; `videos` (N,) numbers frames'."""
    members = [videos == video for video in np.unique(videos)]
    aucs = [micro_auc(labels[own], scores[own]) for own in members if _both_classes(labels[own])]
    return (float(np.mean(aucs)) if aucs else float("nan")), len(aucs)


def average_precision(labels: Labels, scores: Values) -> float:
    """Average precision, abnormal being the positive class. Compare only at the same prevalence."""
    return float(average_precision_score(labels, scores)) if _both_classes(labels) else float("nan")


def equal_error_rate(labels: Labels, scores: Values) -> float:
    """Where the false positive rate equals the miss rate, on the line between ROC points."""
    if not _both_classes(labels):
        return float("nan")
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    gap = false_positive - (1 - true_positive)  # rises from -1 to 1 along the curve
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(false_positive[after - 1] + share * (false_positive[after] - false_positive[after - 1]))


def _both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)
