import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.stats import bootstrap_auc, pair_wins


def videos_of(lengths, seed=0):
    """Labels, tied scores and owners of the frames of such videos; the first is normal, the last abnormal."""
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    labels = random.integers(0, 2, len(owners)).astype(np.uint8)
    labels[owners == 0], labels[owners == len(lengths) - 1] = 0, 1
    return labels, random.integers(0, 9, len(owners)) + labels, owners


def naive_bootstrap(labels, scores, owners, resamples, level, seed):
    """Draw the same videos, put their frames end to end, and ask scikit-learn."""
    names = np.unique(owners)
    draws = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    aucs = []
    for draw in draws:
        frames = np.concatenate([np.tile(np.flatnonzero(owners == n), c) for n, c in zip(names, draw, strict=True)])
        if 0 < labels[frames].sum() < len(frames):
            aucs.append(roc_auc_score(labels[frames], scores[frames]))
    return tuple(np.quantile(aucs, [(1 - level) / 2, (1 + level) / 2]))


def test_pair_wins_by_hand():
    labels = np.array([1, 0, 1, 0, 0], np.uint8)
    wins, abnormal, normal = pair_wins(labels, np.array([2.0, 1.0, 1.0, 2.0, 0.0]), np.array([7, 7, 3, 3, 3]))
    # Video 3 comes first: its abnormal 1 beats one of its own normal frames, 2 and 0, and ties with video 7's 1.
    assert wins.tolist() == [[1, 0.5], [1.5, 1]]
    assert abnormal.tolist() == [1, 1] and normal.tolist() == [2, 1]


def test_pair_wins_add_up_to_the_auc():
    labels, scores, owners = videos_of([9, 14, 5, 11])
    wins, abnormal, normal = pair_wins(labels, scores, owners)
    assert wins.sum() / (abnormal.sum() * normal.sum()) == pytest.approx(micro_auc(labels, scores), abs=1e-12)


@pytest.mark.parametrize(("lengths", "level"), [([9, 14, 5, 11], 0.95), ([30, 1], 0.8), ([3] * 12, 0.5)])
def test_interval_is_the_naive_one(lengths, level):
    case = videos_of(lengths)
    found = bootstrap_auc(*case, resamples=80, level=level, seed=4)
    assert found == pytest.approx(naive_bootstrap(*case, 80, level, 4), abs=1e-12)


def test_same_seed_same_interval():
    case = videos_of(range(4, 24))
    assert bootstrap_auc(*case) == bootstrap_auc(*case)
    assert bootstrap_auc(*case, seed=0) != bootstrap_auc(*case, seed=1)


def test_interval_holds_the_estimate_and_widens_with_the_level():
    labels, scores, owners = videos_of([20] * 10)
    low, high = bootstrap_auc(labels, scores, owners)
    narrow = bootstrap_auc(labels, scores, owners, level=0.5)
    assert low < narrow[0] < micro_auc(labels, scores) < narrow[1] < high


def test_one_video_has_no_spread():
    labels, scores = np.array([0, 1, 0, 1], np.uint8), np.array([0.0, 1.0, 2.0, 3.0])
    assert bootstrap_auc(labels, scores, np.zeros(4, int)) == (0.75, 0.75)


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_interval(only):
    assert np.isnan(bootstrap_auc(np.full(6, only, np.uint8), np.arange(6.0), np.array([0, 0, 1, 1, 2, 2]))).all()
