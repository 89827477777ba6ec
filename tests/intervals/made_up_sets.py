"""Made-up test sets of which the truth is known: videos with published labels, and scores of a detector of known AUC.

A score is the video's own value, plus what wanders within the video, plus a shift where the frame is abnormal. Tails:
all of a video's noise is divided by the root of a chi square over its degrees of freedom, so that scores follow
Student's t, and it is whole videos that stand out. Ties: scores are rounded to multiples of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter

from crossvad.datasets.published import manifest
from crossvad.evaluation.frames import Labels, Values
from crossvad.evaluation.label_audit import Noise
from crossvad.evaluation.statistics import Owners, PairCounts, pair_counts

POPULATION, SOME = 20_000, 4_000  # videos that the truth is read on, and those of them that the shift is sought on
FRAMES = 60  # of a mean video: labels are thinned to so many, which changes intervals little, as neighbours are alike


@dataclass(frozen=True)
class Setting:
    """One kind of test set."""

    dataset: str  # whose label tracks and number of videos
    auc: float  # of the detector, on ever more such videos
    tails: float = float("inf")  # degrees of freedom of Student's t: 3 is heavy, infinity is the normal distribution
    step: float = 0.0  # scores are rounded to multiples of so many of their standard deviations; 0: no ties
    noise: Noise = field(default_factory=Noise)


class TestSets:
    """Draws test sets of one setting."""

    __test__ = False  # no tests, for all its name

    def __init__(self, setting: Setting, seed: int = 0) -> None:
        """Find by bisection the shift of abnormal frames that gives about the AUC asked for, and read the truth."""
        self.setting, self.random = setting, np.random.default_rng([seed, 1])
        tracks = manifest.load(setting.dataset, "frames").all_labels()
        self.every = max(1, round(float(np.mean([len(track) for track in tracks])) / FRAMES))
        self.pool = [track[:: self.every] for track in tracks]
        labels = self.labels(POPULATION)
        joined, noise = np.concatenate(labels), self.noise(labels)
        few = sum(len(track) for track in labels[:SOME])
        low, high = 0.0, 60.0
        for _ in range(20):
            self.shift = (low + high) / 2
            low, high = (self.shift, high) if self._auc(joined[:few], noise[:few]) < setting.auc else (low, self.shift)
        self.truth = self._auc(joined, noise)

    def _auc(self, joined: Labels, noise: Values) -> float:
        normal = np.sort(self.scores(np.zeros(1), noise[joined == 0]))
        abnormal = self.scores(np.ones(1), noise[joined == 1])
        below = np.searchsorted(normal, abnormal, "left") + np.searchsorted(normal, abnormal, "right")
        return float(below.mean() / 2 / len(normal))

    def labels(self, count: int) -> list[Labels]:
        """Label tracks of so many videos, drawn from the pool."""
        return [self.pool[number] for number in self.random.integers(0, len(self.pool), count)]

    def noise(self, labels: Sequence[Labels]) -> Values:
        """The part of scores that knows nothing of labels, of all frames in a row."""
        kind, count = self.setting.noise, len(labels)
        lengths = np.array([len(track) for track in labels])
        keep = np.exp(-self.every / kind.memory)  # from one frame that is left to the next
        steps = self.random.normal(size=(count, lengths.max())) * np.sqrt(1 - keep**2)
        steps[:, 0] /= np.sqrt(1 - keep**2)
        within = lfilter([1], [1, -keep], steps, axis=1)
        values = np.sqrt(kind.between) * self.random.normal(size=(count, 1)) + np.sqrt(1 - kind.between) * within
        if np.isfinite(self.setting.tails):
            values /= np.sqrt(self.random.chisquare(self.setting.tails, (count, 1)) / self.setting.tails)
        return values[np.arange(lengths.max()) < lengths[:, None]]

    def scores(self, joined: Labels, noise: Values) -> Values:
        """Scores of these frames."""
        scores = self.shift * joined + noise
        return np.round(scores / self.setting.step) * self.setting.step if self.setting.step else scores

    def of_both_classes(self, videos: int) -> tuple[list[Labels], Labels, Owners]:
        """Labels of so many videos, both classes among them: by video, of all frames, and each frame's video."""
        while True:
            labels = self.labels(videos)
            joined = np.concatenate(labels)
            if 0 < joined.sum() < len(joined):
                break
        owners = np.repeat(np.arange(videos), [len(track) for track in labels])
        return labels, joined, owners

    def draw(self, videos: int, detectors: int = 1, alike: float = 0.0) -> list[PairCounts]:
        """A test set of so many videos, both classes among them, as several equally good detectors see it.

        `alike` is the share of the variance of their noise that they have in common.
        """
        labels, joined, owners = self.of_both_classes(videos)
        shared = self.noise(labels) if alike else 0.0
        each = [np.sqrt(alike) * shared + np.sqrt(1 - alike) * self.noise(labels) for _ in range(detectors)]
        return [pair_counts(joined, self.scores(joined, noise), owners) for noise in each]
