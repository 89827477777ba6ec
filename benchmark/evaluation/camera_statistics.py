"""Means over cameras, and their differences: of cameras, not of frames, is what a claim about unseen ones is a sample.

Every camera counts once, whatever its length. Resamples draw cameras with replacement and, each time that one is
drawn, its videos with replacement, until both classes are among them; what is compared is read on the same resamples.
To their variance, with as many degrees of freedom as there are cameras, less one, is added that of a mean over seeds,
each a mean over all cameras, as a fit is shared by them (degrees of freedom by Welch and Satterthwaite). Intervals
reach Student's t times the standard error to either side, that of a mean on the logit scale.

How often in 300 simulated sets of cameras the truth lies within, in % (± 1; `tests/intervals/camera_coverage.py`), of a
difference and of a mean; of the difference where seeds are drawn with replacement like cameras, and by that bootstrap's
percentiles. Spreads are the standard deviations, in those of a score's noise, of how far abnormal frames stand out:
from camera to camera, between detectors on a camera, from seed to seed.

    cameras (videos)     AUC   spreads         seeds   difference   mean   seeds drawn   percentile
    10 (6 each)          75    0.4 0.3             1         96.3   97.0          96.3         92.3
                         75    0.4 0.3 0.15        3         97.3   97.3          97.0         92.7
                         75    0.4 0.3 0.6         3         94.7   93.3          91.3         87.7
                         90    0   0.05 0.05       3         99.0   98.3          99.3         98.7
    ShanghaiTech's 12    75    0.4 0.3             1         96.3   97.3          96.3         93.7
    (1 to 34)            75    0.4 0.3 0.6         3         96.3   94.3          87.0         81.0
                         90    0.4 0.3 0.15        3         98.0   96.3          97.0         94.3
                         90    0.4 0.3 0.6         3         96.3   93.0          90.3         83.7

In all 36 lines that the script prints, fifteen cameras among them, it is 94 to 100 of differences and 93 to 100 of
means. Seeds are not drawn, as that holds less: three of them show too little of their own spread. Where cameras are
alike the interval is wider than it need be, as what varies within a camera is drawn twice: once with the camera, once
with its videos. A true difference as large as the median detectable one was found in 76 to 92 of 100 sets; in 63 to 66
on ShanghaiTech's cameras where these are alike at an AUC of 90; and in 42 to 65 where seeds differ most (spread 0.6),
as three of them tell little of how much they do.

Cameras of several data sets are drawn together: all are taken for draws of one population, in which data sets have the
shares that they happen to have here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crossvad.evaluation.frames import Values
from crossvad.evaluation.statistics import (
    LEVEL,
    RESAMPLES,
    Difference,
    Owners,
    PairCounts,
    gap_without_spread,
    of_seeds,
    possible,
    standard_error,
    variance,
    without_spread,
)

POWER = 0.8  # share of comparisons in which the least detectable difference would have been found
Cameras = Sequence[PairCounts]  # of one fit, by camera


@dataclass(frozen=True)
class CameraDraws:
    """What each resample draws: C cameras, and of each, every time anew, its videos."""

    cameras: Owners  # (R, C): which camera is drawn at each of C places
    videos: Sequence[Values]  # of each camera, how often each of its V videos is drawn at each of its places: (n, V)


@dataclass(frozen=True)
class CameraAucs:
    """AUC of one method on C cameras."""

    measured: Values  # (S, C): by seed and camera
    resampled: Values  # (R,): mean over seeds and cameras in each resample

    @property
    def by_camera(self) -> Values:
        """Mean over seeds, (C,)."""
        return np.asarray(self.measured.mean(0))

    @property
    def by_seed(self) -> Values:
        """Mean over cameras, (S,)."""
        return np.asarray(self.measured.mean(1))


@dataclass(frozen=True)
class CameraDifference(Difference):
    """How much higher one method's mean over cameras is than another's, and what could have been told apart."""

    detectable: float  # true difference that is found in a share `POWER` of such comparisons; NaN: nothing is known


def camera_draws(cameras: Cameras, resamples: int = RESAMPLES, seed: int = 0) -> CameraDraws:
    """Draw cameras, and videos of each; which frames these have is all that is read of them.

    Every camera must have both classes.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(len(cameras), size=(resamples, len(cameras)))
    places = np.bincount(drawn.ravel(), minlength=len(cameras))
    return CameraDraws(drawn, [_videos(camera, int(n), random) for camera, n in zip(cameras, places, strict=True)])


def _videos(camera: PairCounts, times: int, random: np.random.Generator) -> Values:
    """How often each of a camera's videos is drawn, so many times: (times, V); again where a class is lacking."""
    videos = len(camera.abnormal)
    counts = np.zeros((times, videos))
    lacking = np.arange(times)
    while len(lacking):
        counts[lacking] = random.multinomial(videos, np.full(videos, 1 / videos), len(lacking))
        lacking = np.flatnonzero((counts @ camera.abnormal == 0) | (counts @ camera.normal == 0))
    return counts


def camera_aucs(seeds: Sequence[Cameras], draws: CameraDraws) -> CameraAucs:
    """AUCs of a method's seeds, each on the same cameras and frames, as measured and in each resample."""
    values = np.empty(draws.cameras.shape)
    for number, (camera, counts) in enumerate(zip(zip(*seeds, strict=True), draws.videos, strict=True)):
        mean = PairCounts(  # an AUC is linear in wins, so a mean over seeds is that of their mean
            np.mean([wins.wins for wins in camera], 0), camera[0].abnormal, camera[0].normal
        )
        values[draws.cameras == number] = mean.resampled(counts)
    return CameraAucs(np.array([[wins.auc for wins in cameras] for cameras in seeds]), values.mean(1))


def mean_interval(aucs: CameraAucs, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean over cameras such as these, of a method trained anew; NaN of a single camera."""
    cameras, mean = aucs.measured.shape[1], float(aucs.measured.mean())
    if cameras < 2:
        return float("nan"), float("nan")
    slope = mean * (1 - mean)  # of the inverse of the logit
    if slope == 0:
        return without_spread(mean, cameras, level)
    error, freedom = standard_error([(float(variance(aucs.resampled)), cameras - 1), *of_seeds(aucs.by_seed)])
    logit, reach = np.log(mean / (1 - mean)), _t(freedom, (1 + level) / 2) * error / slope
    low, high = 1 / (1 + np.exp(-(logit + np.array([-reach, reach]))))
    return float(low), float(high)


def camera_difference(
    first: CameraAucs, second: CameraAucs, same_fits: bool = False, level: float = LEVEL
) -> CameraDifference:
    """Mean over cameras of the first method's AUC less the second's, both on the same resamples.

    Args:
        first: on the same cameras as the second.
        second: the rival.
        same_fits: seeds of both, in the same order, are of the same fits, so that what they share cancels.
        level: of the interval.

    Returns:
        The difference; of a single camera without interval, p value and what is detectable. Without the latter, too,
        where all cameras show the same difference: see `gap_without_spread`.
    """
    mean, cameras = float(first.measured.mean() - second.measured.mean()), first.measured.shape[1]
    if cameras < 2:
        return CameraDifference(mean, *[float("nan")] * 4)
    parts = [(float(variance(first.resampled - second.resampled)), cameras - 1)]
    parts += of_seeds(first.by_seed - second.by_seed) if same_fits else of_seeds(first.by_seed, second.by_seed)
    error, freedom = standard_error(parts)
    if error == 0:
        reach, p = gap_without_spread(mean, cameras, level)
        return CameraDifference(mean, *possible(mean - float(reach), mean + float(reach)), float(p), float("nan"))
    from scipy.stats import t  # here, as tables of what is cached go without

    ends, p = _t(freedom, (1 + level) / 2) * error, 2 * t.sf(abs(mean) / error, freedom)
    found = detectable_difference(error, freedom, level)
    return CameraDifference(mean, *possible(mean - ends, mean + ends), float(p), found)


def detectable_difference(error: float, freedom: float, level: float = LEVEL, power: float = POWER) -> float:
    """Least true difference that a two-sided test at 1 - `level` finds in a share `power` of all cases.

    Args:
        error: standard error of the difference.
        freedom: its degrees of freedom.
        level: of the interval that must leave zero out.
        power: share of cases.
    """
    return (_t(freedom, (1 + level) / 2) + _t(freedom, power)) * error


def _t(freedom: float, share: float) -> float:
    from scipy.stats import t  # here, as tables of what is cached go without

    return float(t.ppf(share, freedom))
