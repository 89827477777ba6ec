"""Frame-level metrics. Pure functions of labels (1 = abnormal) and scores (higher = more abnormal); in [0, 1].

Each refuses scores that are not finite, and is NaN where only one class is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from crossvad.datasets.errors import InputError
from crossvad.datasets.published.manifest import labels_to_spans

Labels = NDArray[np.uint8]
Values = NDArray[np.float64]
# To be raised with every change of code that changes a cell's numbers: those computed before are then computed anew.
VERSION = 1
FALSE_ALARMS = 0.1  # share of normal frames that may raise an alarm where a threshold has to be chosen


def micro_auc(labels: Labels, scores: Values) -> float:
    """Area under the ROC curve of all frames pooled, (N,) each.

    Raises:
        InputError: a score is not finite.
    """
    return float(roc_auc_score(labels, scores)) if _usable(labels, scores) else float("nan")


def macro_auc(labels: Labels, scores: Values, videos: NDArray[np.int64]) -> tuple[float, int]:
    """Mean of the AUCs of the videos that have both classes, and how many they are; `videos` (N,) numbers frames'.

    Raises:
        InputError: a score is not finite.
    """
    refuse_unfinite(scores)
    members = [videos == video for video in np.unique(videos)]
    aucs = [micro_auc(labels[own], scores[own]) for own in members if _both_classes(labels[own])]
    return (float(np.mean(aucs)) if aucs else float("nan")), len(aucs)


def average_precision(labels: Labels, scores: Values) -> float:
    """Average precision, abnormal being the positive class. Compare only at the same prevalence.

    Raises:
        InputError: a score is not finite.
    """
    return float(average_precision_score(labels, scores)) if _usable(labels, scores) else float("nan")


def equal_error_rate(labels: Labels, scores: Values) -> float:
    """Where the false positive rate equals the miss rate, on the line between ROC points.

    Raises:
        InputError: a score is not finite.
    """
    if not _usable(labels, scores):
        return float("nan")
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    gap = false_positive - (1 - true_positive)  # rises from -1 to 1 along the curve
    after = int(np.argmax(gap >= 0))
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(false_positive[after - 1] + share * (false_positive[after] - false_positive[after - 1]))


@dataclass(frozen=True)
class Delay:
    """How long anomalies last before an alarm, at one share of false alarms."""

    frames: float  # mean over the events, from onset to alarm; an event that ends unseen counts whole; NaN without any
    detected: float  # share of the events during which there is an alarm, 0 to 1
    events: int  # whose onset is seen


def detection_delay(
    labels: Labels, scores: Values, videos: NDArray[np.int64], false_alarms: float = FALSE_ALARMS
) -> Delay:
    """How soon a detector says so, which no AUC rewards.

    An alarm is a score above the lowest threshold at which no more than `false_alarms` of all normal frames are above
    it. An event is a run of abnormal frames that begins after a normal one: where a video is abnormal from its first
    counted frame on, when the anomaly came is not known. `labels`, `scores` and `videos` are (N,) each, a video's
    frames together and in order.

    Raises:
        InputError: a score is not finite.
    """
    if not _usable(labels, scores):
        return Delay(float("nan"), float("nan"), 0)
    normal = np.sort(scores[labels == 0])[::-1]
    allowed = int(false_alarms * len(normal) + 1e-9)  # 0.1 * 30 is a little less than 3
    alarms = scores > normal[allowed] if allowed < len(normal) else np.ones(len(scores), bool)
    delays: list[int] = []
    heard = 0
    for video in np.unique(videos):
        own = np.flatnonzero(videos == video)
        for start, stop in labels_to_spans(labels[own]):
            if start > 0:
                first = np.flatnonzero(alarms[own[start:stop]])
                heard += bool(len(first))
                delays.append(int(first[0]) if len(first) else stop - start)
    if not delays:
        return Delay(float("nan"), float("nan"), 0)
    return Delay(float(np.mean(delays)), heard / len(delays), len(delays))


def refuse_unfinite(scores: Values) -> None:
    """Refuse NaN and infinite scores, (N,).

    Raises:
        InputError: there are some; says how many, and which comes first.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        problem = f"{len(bad)} of {len(scores)} are not finite, first {scores[bad[0]]} at frame {bad[0]}"
        raise InputError("scores", problem, "mend the method")


def _usable(labels: Labels, scores: Values) -> bool:
    refuse_unfinite(scores)
    return _both_classes(labels)


def _both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)
