"""What is wrong with the field's protocol, in numbers that the labels of its test sets give away.

No frame is looked at. Where a finding needs scores, they are made up: a detector of a stated AUC whose scores hang
together as real ones do. On UCSD Ped2, of what labels leave unexplained in the scores of eight trained methods
(`results/methods.md`), three to four fifths of the variance is between videos, what varies within one is forgotten in
about 20 frames, and two trainings of a method correlate by 0.75 to 0.99, most of them by 0.95.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import norm

from crossvad.adapters.published import PREDICTION_HEAD
from crossvad.datasets.published.manifest import label_facts
from crossvad.evaluation.frames import Labels, Values
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.postprocessing import minmax, per_video
from crossvad.evaluation.statistics import pair_counts

CHECKPOINTS = 30
SHOTS = (1, 10)  # of the field's smallest and largest support set
GOOD = 0.85  # AUC of the made-up detector: the middle of what is published for these sets


@dataclass(frozen=True)
class Noise:
    """How a made-up detector's scores hang together; its defaults are the module docstring's."""

    between: float = 2 / 3  # share of the variance that is one value per video
    memory: float = 20.0  # frames after which what varies within a video has fallen to 1/e
    alike: float = 0.95  # correlation of the noise of two checkpoints


def made_up(
    labels: Sequence[Labels], auc: float, random: np.random.Generator, checkpoints: int = 1, noise: Noise = Noise()
) -> Values:
    """Scores (checkpoints, N) of equally good detectors of an expected AUC, over all videos' frames in a row.

    A score is normally distributed with variance 1, and abnormal frames' mean is higher by d = sqrt(2) z(auc), so that
    an abnormal frame scores above a normal one of another video with probability `auc`.
    """

    def drawn(count: int) -> Values:
        parts = []
        for each in labels:
            keep = np.exp(-1 / noise.memory)
            steps = random.normal(size=(count, len(each))) * np.sqrt(1 - keep**2)
            steps[:, 0] /= np.sqrt(1 - keep**2)  # so that it starts as varied as it goes on
            within = lfilter([1], [1, -keep], steps, axis=1)
            parts.append(np.sqrt(noise.between) * random.normal(size=(count, 1)) + np.sqrt(1 - noise.between) * within)
        return np.concatenate(parts, axis=1)

    shift = np.sqrt(2) * norm.ppf(auc)
    shared = np.sqrt(noise.alike) * drawn(1) + np.sqrt(1 - noise.alike) * drawn(checkpoints)
    return np.asarray(shift * np.concatenate(labels) + shared)


def padded_macro_auc(labels: Labels, scores: Values, videos: NDArray[np.int64]) -> float:
    """The macro AUC of some public code (AED-MAE, Jigsaw-VAD), which no table of ours offers.

    To every video are added a normal frame of score 0 and an abnormal one of score 1, the ends of the scale, so that
    none lacks a class. A video without normal frames then has one that any detector gets right.

    `labels`, `scores` in [0, 1] and `videos` are (N,) each.
    """
    names = np.unique(videos)
    low, high = np.zeros(len(names)), np.ones(len(names))
    wins = pair_counts(
        np.concatenate([labels, low.astype(np.uint8), high.astype(np.uint8)]),
        np.concatenate([scores, low, high]),
        np.concatenate([videos, names, names]),
    )
    return float(np.mean(np.diag(wins.wins) / (wins.abnormal * wins.normal)))


def ramp(lengths: NDArray[np.int64]) -> Values:
    """Each frame's index in its video, (N,)."""
    return np.concatenate([np.arange(length, dtype=float) for length in lengths])


@dataclass(frozen=True)
class Findings:
    """What one test set's labels give away. Shares and AUCs in percent."""

    videos: int
    frames: int
    prevalence: float
    all_abnormal: int  # videos
    contaminated: dict[int, int]  # shots -> test videos whose own head, as a support set, holds an abnormal frame
    support_abnormal: float  # share of the frames of those support sets, at the most shots, that are abnormal
    ramp: float  # AUC of the frame's index
    ramp_minmax: float  # the same, stretched per video
    padded_macro: tuple[float, float]  # of random scores: mean and standard deviation
    spread: tuple[float, float]  # middle 95 % of the AUCs that a detector of AUC `GOOD` gets on such videos
    best: float  # points that the best of `CHECKPOINTS` equally good checkpoints has over their mean
    best_of_chance: float  # AUC of the best of as many detectors that know nothing of each other or of anomalies


def findings(labels: Sequence[Labels], trials: int = 200, seed: int = 0) -> Findings:
    """Audit the labels of a test set, one array per video; `trials` made-up detectors, fewer where each needs 30."""
    random = np.random.default_rng(seed)
    lengths = np.array([len(each) for each in labels])
    joined, videos = np.concatenate(labels), np.repeat(np.arange(len(labels)), lengths)
    heads = {shots: shots + PREDICTION_HEAD for shots in SHOTS}
    facts = label_facts(list(labels), tuple(heads.values()))
    supports = np.concatenate([each[: max(heads.values())] for each in labels])
    index = ramp(lengths)
    padded = [padded_macro_auc(joined, random.random(len(joined)), videos) for _ in range(20)]
    few = max(1, trials // 10)
    good = [_aucs(joined, made_up(labels, GOOD, random, CHECKPOINTS)) for _ in range(few)]
    chance = [_aucs(joined, made_up(labels, 0.5, random, CHECKPOINTS, Noise(alike=0))) for _ in range(few)]
    return Findings(
        videos=len(labels),
        frames=facts.frames,
        prevalence=100 * facts.prevalence,
        all_abnormal=facts.all_abnormal,
        contaminated={shots: facts.starts_abnormal[head] for shots, head in heads.items()},
        support_abnormal=100 * float(supports.mean()),
        ramp=100 * micro_auc(joined, index),
        ramp_minmax=100 * micro_auc(joined, per_video(index, lengths, minmax)),
        padded_macro=(100 * float(np.mean(padded)), 100 * float(np.std(padded))),
        spread=_middle(_resampled(labels, trials, random)),
        best=100 * float(np.mean([each.max() - each.mean() for each in good])),
        best_of_chance=100 * float(np.mean([each.max() for each in chance])),
    )


def _aucs(labels: Labels, scores: Iterable[Values]) -> Values:
    return np.array([micro_auc(labels, each) for each in scores])


def _resampled(labels: Sequence[Labels], trials: int, random: np.random.Generator) -> Values:
    """AUCs of a detector of AUC `GOOD`, each on as many videos drawn from these, where both classes are there."""
    aucs = []
    for _ in range(trials):
        drawn = [labels[number] for number in random.integers(0, len(labels), len(labels))]
        aucs.append(micro_auc(np.concatenate(drawn), made_up(drawn, GOOD, random)[0]))
    return np.array(aucs)


def _middle(aucs: Values) -> tuple[float, float]:
    low, high = np.nanquantile(100 * aucs, [0.025, 0.975])
    return float(low), float(high)
