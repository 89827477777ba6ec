"""Means over cameras: the bootstrap against a loop, intervals by hand, what is detectable in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nct, t
from sklearn.metrics import roc_auc_score

from crossvad.evaluation.camera_statistics import (
    camera_aucs,
    camera_difference,
    camera_draws,
    detectable_difference,
    mean_interval,
)
from crossvad.evaluation.statistics import pair_counts

LENGTHS = ([9, 14, 5], [30, 1], [8] * 6, [20])


def cameras(seed=0, shift=1, lengths=LENGTHS):
    """Frames of cameras with so many videos: (labels, tied scores, owners) each, both classes among them."""
    labels_of, scores_of = np.random.default_rng(7), np.random.default_rng(seed)
    found = []
    for videos in lengths:
        owners = np.repeat(np.arange(len(videos)), videos)
        labels = labels_of.integers(0, 2, len(owners)).astype(np.uint8)
        labels[:2] = 0, 1
        found.append((labels, scores_of.integers(0, 9, len(owners)) + shift * labels.astype(int), owners))
    return found


def counts(fit):
    return [pair_counts(*camera) for camera in fit]


def naive_means(fits, resamples, seed):
    """Each resample step by step: draw a camera, draw its videos until both classes are there, ask scikit-learn."""
    random = np.random.default_rng(seed)
    slots = random.integers(len(fits[0]), size=(resamples, len(fits[0])))
    values = np.empty(slots.shape)
    for number in range(len(fits[0])):
        labels, _, owners = fits[0][number]
        places, videos = np.argwhere(slots == number), len(np.unique(owners))
        waiting, chosen = list(range(len(places))), {}
        while waiting:
            drawn = random.multinomial(videos, np.full(videos, 1 / videos), len(waiting))
            for place, times in zip(waiting, drawn, strict=True):
                chosen[place] = np.concatenate([np.tile(np.flatnonzero(owners == v), n) for v, n in enumerate(times)])
            waiting = [place for place in waiting if len(set(labels[chosen[place]])) < 2]
        for place, (row, column) in enumerate(places):
            aucs = [roc_auc_score(labels[chosen[place]], fit[number][1][chosen[place]]) for fit in fits]
            values[row, column] = np.mean(aucs)
    return values.mean(1)


def aucs_of(*fits, resamples=40, seed=3):
    return camera_aucs([counts(fit) for fit in fits], camera_draws(counts(fits[0]), resamples, seed))


@pytest.mark.parametrize("seeds", [1, 3])
def test_resamples_are_the_naive_ones(seeds):
    fits = [cameras(seed) for seed in range(seeds)]
    found = aucs_of(*fits)
    np.testing.assert_allclose(found.resampled, naive_means(fits, 40, 3), atol=1e-12)
    expected = [[roc_auc_score(*camera[:2]) for camera in fit] for fit in fits]
    np.testing.assert_allclose(found.measured, expected, atol=1e-12)
    np.testing.assert_allclose(found.by_camera, np.mean(expected, 0), atol=1e-12)


def test_a_camera_drawn_twice_has_its_videos_drawn_twice():
    draws = camera_draws(counts(cameras()), 200, 0)
    twice = np.flatnonzero((draws.cameras == 2).sum(1) == 2)
    starts = np.cumsum((draws.cameras == 2).sum(1)) - 2
    assert any((draws.videos[2][starts[row]] != draws.videos[2][starts[row] + 1]).any() for row in twice)
    assert all((times.sum(1) == len(videos)).all() for times, videos in zip(draws.videos, LENGTHS, strict=True))


def by_hand(resampled, freedom, *seeds):
    """Standard error and degrees of freedom: of resamples, and of means over the seeds of each side."""
    parts = [(np.var(resampled, ddof=1), freedom)]
    parts += [(np.var(means, ddof=1) / len(means), len(means) - 1) for means in seeds]
    total = sum(part for part, _ in parts)
    return np.sqrt(total), total**2 / sum(part**2 / each for part, each in parts)


@pytest.mark.parametrize("seeds", [1, 3])
def test_interval_of_a_mean_by_hand(seeds):
    found = aucs_of(*(cameras(seed) for seed in range(seeds)))
    mean = found.measured.mean()
    error, freedom = by_hand(found.resampled, 3, *([found.measured.mean(1)] if seeds > 1 else []))
    reach = t.ppf(0.975, freedom) * error / (mean * (1 - mean))
    logit = np.log(mean / (1 - mean))
    expected = [1 / (1 + np.exp(-end)) for end in (logit - reach, logit + reach)]
    assert mean_interval(found) == pytest.approx(tuple(expected), abs=1e-12)
    assert expected[0] < mean < expected[1]


def test_difference_by_hand():
    first, second = aucs_of(*(cameras(seed, 3) for seed in range(3))), aucs_of(*(cameras(seed) for seed in (5, 6)))
    gap = first.measured.mean() - second.measured.mean()
    resampled = first.resampled - second.resampled
    error, freedom = by_hand(resampled, 3, first.measured.mean(1), second.measured.mean(1))
    reach = t.ppf(0.975, freedom) * error
    found = camera_difference(first, second)
    assert (found.mean, found.low, found.high) == pytest.approx((gap, gap - reach, gap + reach), abs=1e-12)
    assert found.p == pytest.approx(2 * t.sf(gap / error, freedom))
    assert found.detectable == pytest.approx((t.ppf(0.975, freedom) + t.ppf(0.8, freedom)) * error)


def test_what_seeds_of_the_same_fits_share_cancels():
    first = [cameras(seed, shift) for seed, shift in enumerate((1, 2, 4))]
    second = [[(labels, scores + (np.arange(len(scores)) % 5 == 0), owners) for labels, scores, owners in fit]
              for fit in first]  # fmt: skip
    one, other = aucs_of(*first), aucs_of(*second)
    apart, same = camera_difference(one, other), camera_difference(one, other, same_fits=True)
    gaps = one.measured.mean(1) - other.measured.mean(1)
    error, freedom = by_hand(one.resampled - other.resampled, 3, gaps)
    assert same.high - same.mean == pytest.approx(t.ppf(0.975, freedom) * error)
    assert same.mean == apart.mean and same.detectable < apart.detectable


@given(st.floats(0.001, 0.3), st.floats(5, 40))
def test_what_is_detectable_is_found_in_so_many_cases(error, freedom):
    """Against the power of the t test, by the noncentral t distribution."""
    found = detectable_difference(error, freedom)
    assert found == pytest.approx((t.ppf(0.975, freedom) + t.ppf(0.8, freedom)) * error)
    reach = t.ppf(0.975, freedom)
    power = nct.sf(reach, freedom, found / error) + nct.cdf(-reach, freedom, found / error)
    assert power == pytest.approx(0.8, abs=0.006)


def test_one_camera_tells_nothing_of_others():
    (one, other) = (aucs_of(cameras(seed, lengths=LENGTHS[:1])) for seed in (0, 1))
    assert np.isnan(mean_interval(one)).all()
    gap = camera_difference(one, other)
    assert gap.mean == pytest.approx(one.measured.mean() - other.measured.mean())
    assert np.isnan([gap.low, gap.high, gap.p, gap.detectable]).all()


def test_no_spread():
    labels, _, owners = cameras(lengths=[[9]])[0]
    perfect, constant = ([(labels, values, owners)] * 4 for values in (labels.astype(float), np.ones(len(labels))))
    low, high = mean_interval(aucs_of(perfect))
    assert (low, high) == (pytest.approx(0.025 ** (1 / 4)), 1)  # cameras that four draws show none of in 2.5 %
    assert mean_interval(aucs_of(constant)) == pytest.approx((0.5, 0.5))
    gap = camera_difference(aucs_of(perfect), aucs_of(constant))
    lost = 1 - 0.025 ** (1 / 4)  # of cameras: all of these may turn the difference round
    assert (gap.mean, gap.low, gap.high, gap.p) == pytest.approx((0.5, 0.5 - lost, 1, 2 * 0.5**4))
    assert np.isnan(gap.detectable), "of no spread nothing is known of what would have been found"
    same = camera_difference(aucs_of(perfect), aucs_of(perfect))
    assert (same.low, same.high, same.p) == (0, 0, 1) and np.isnan(same.detectable)


def test_difference_turns_round_and_stays_possible():
    first, second = aucs_of(cameras(0, 9)), aucs_of(cameras(1, -9))
    there, back = camera_difference(first, second), camera_difference(second, first)
    assert (there.mean, there.low, there.high, there.p) == pytest.approx((-back.mean, -back.high, -back.low, back.p))
    two = LENGTHS[:2]
    gap = camera_difference(aucs_of(cameras(0, 2, two)), aucs_of(cameras(4, 0, two)))
    assert -1 <= gap.low <= gap.mean <= gap.high <= 1
