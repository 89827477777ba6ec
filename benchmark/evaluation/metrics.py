"""Metrics: pure functions of labels (1 = abnormal) and scores (higher = more abnormal), and what tables say of them.

Each function refuses scores that are not finite, is in [0, 1], and is NaN where only one class is there. A metric that
tables, captions, reports and `--metric` offer is an entry of `METRICS`, and stands nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.published.manifest import labels_to_spans
from crossvad.evaluation.frames import CountedFrames, Labels, Values, refuse_unfinite
from crossvad.evaluation.localisation import Curves, rbdc_tbdc
from crossvad.evaluation.statistics import bootstrap_auc, enough_videos
from crossvad.planning.protocol import PAPER, Protocol

Numbers = dict[str, float]  # columns of a tidy row
# To be raised with every change of code that changes a cell's numbers: those computed before are then computed anew.
VERSION = 2
WHOLE = ("frames", "videos", "macro_videos", "delay_events")  # numbers that count something
FALSE_ALARMS = 0.1  # share of normal frames that may raise an alarm where a threshold has to be chosen


def micro_auc(labels: Labels, scores: Values) -> float:
    """Area under the ROC curve of all frames pooled, (N,) each.

    Raises:
        InputError: a score is not finite.
    """
    from sklearn.metrics import roc_auc_score  # here, as tables of what is cached go without

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
    from sklearn.metrics import average_precision_score  # here, as tables of what is cached go without

    return float(average_precision_score(labels, scores)) if _usable(labels, scores) else float("nan")


def equal_error_rate(labels: Labels, scores: Values) -> float:
    """Where the false positive rate equals the miss rate, on the line between ROC points.

    Raises:
        InputError: a score is not finite.
    """
    from sklearn.metrics import roc_curve  # here, as tables of what is cached go without

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


def _usable(labels: Labels, scores: Values) -> bool:
    refuse_unfinite(scores)
    return _both_classes(labels)


def _both_classes(labels: Labels) -> bool:
    return 0 < int(labels.sum()) < len(labels)


@dataclass(frozen=True)
class Metric:
    """One number of a cell, as tables, captions and reports know it.

    It is a function of counted frames or, where it is of maps, of detection curves, which returns its column of the
    tidy row and those named `beside` it. Metrics that share a function share one call. What a cell cost is neither: it
    was measured when the cell was run.
    """

    name: str
    of_frames: Callable[[CountedFrames], Numbers] | None = None
    of_maps: Callable[[Curves], Numbers] | None = None  # of cells that kept maps, and only when asked for: seconds each
    unit: str = "%"
    higher_is_better: bool = True
    rules: Protocol | None = None  # that it reads scores by, whatever protocol the table has
    interval: tuple[str, ...] = ()  # the metrics that are the ends of its 95 % interval
    beside: tuple[str, ...] = ()  # further columns that it fills
    note: str = ""  # what a caption says of it, where {column:.1f} becomes a column's values by target
    label: str = ""  # as a reader expects it; empty: its name

    @property
    def title(self) -> str:
        """What a reader is told it is."""
        return self.label or self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns of the tidy row."""
        return (self.name, *self.beside)


def _auc(frames: CountedFrames) -> Numbers:
    low = high = float("nan")
    counts = [np.bincount(frames.videos[frames.labels == label]).astype(float) for label in (1, 0)]
    if enough_videos(*counts):
        low, high = bootstrap_auc(frames.labels, frames.scores, frames.videos)
    return {"auc": 100 * micro_auc(frames.labels, frames.scores), "auc_low": 100 * low, "auc_high": 100 * high}


def _macro_auc(frames: CountedFrames) -> Numbers:
    auc, videos = macro_auc(frames.labels, frames.scores, frames.videos)
    return {"macro_auc": 100 * auc, "macro_videos": videos}


def _average_precision(frames: CountedFrames) -> Numbers:
    ap = average_precision(frames.labels, frames.scores)
    return {"ap": 100 * ap, "prevalence": 100 * float(frames.labels.mean())}


def _share(name: str, metric: Callable[[Labels, Values], float], frames: CountedFrames) -> Numbers:
    return {name: 100 * metric(frames.labels, frames.scores)}


def _delay(frames: CountedFrames) -> Numbers:
    delay = detection_delay(frames.labels, frames.scores, frames.videos)
    return {"delay": delay.frames, "delay_events": delay.events}


def _rbdc_tbdc(curves: Curves) -> Numbers:
    rbdc, tbdc = rbdc_tbdc(curves)
    return {"rbdc": 100 * rbdc, "tbdc": 100 * tbdc}


LOCATED_NOTE = (
    "RBDC, TBDC: regions and tracks found, area up to one false region per frame (Ramachandra and Jones 2020); "
    "tracks as annotated, or derived from pixel masks"
)
COST_NOTE = (
    "seconds: as measured when cells were run, whatever else was going on there, without decoding and without the "
    "search of a rate"
)
FPS_NOTE = (
    "frames/s: of the model alone, by `bench profile` where it measured the method, else as seconds were measured"
)
DELAY_NOTE = (
    f"delay: mean frames from an anomaly's onset to the alarm, with {100 * FALSE_ALARMS:.0f} % false alarms among "
    "normal frames; anomalies whose onset is seen: {delay_events:.0f}"
)
# In the order of a tidy row's columns.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auc", _auc, interval=("auc_low", "auc_high"), label="AUC"),
        Metric("auc_low", _auc, label="AUC, low"),
        Metric("auc_high", _auc, label="AUC, high"),
        Metric(
            "macro_auc",
            _macro_auc,
            beside=("macro_videos",),
            note="macro AUC: of videos with both classes, {macro_videos:.0f}",
            label="macro AUC",
        ),
        Metric(
            "ap",
            _average_precision,
            beside=("prevalence",),
            note="AP: to be compared at equal shares of abnormal frames only, {prevalence:.1f} %",
            label="AP",
        ),
        Metric("eer", partial(_share, "eer", equal_error_rate), higher_is_better=False, label="EER"),
        Metric("rbdc", of_maps=_rbdc_tbdc, note=LOCATED_NOTE, label="RBDC"),
        Metric("tbdc", of_maps=_rbdc_tbdc, note=LOCATED_NOTE, label="TBDC"),
        Metric("delay", _delay, unit="frames", higher_is_better=False, beside=("delay_events",), note=DELAY_NOTE),
        Metric("paper_auc", partial(_share, "paper_auc", micro_auc), rules=PAPER, label="paper AUC"),
        Metric("train_seconds", unit="s", higher_is_better=False, note=COST_NOTE, label="fit, s"),
        Metric("prepare_seconds", unit="s", higher_is_better=False, note=COST_NOTE, label="prepare, s"),
        Metric("adapt_seconds", unit="s", higher_is_better=False, note=COST_NOTE, label="adapt, s"),
        Metric("fps", unit="frames/s", note=FPS_NOTE, label="frames/s"),
    )
}
