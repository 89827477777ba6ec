"""The simulation that intervals are judged by: its truth is true, and its tails and ties are there."""

import numpy as np
import pytest
from scipy.stats import kurtosis
from sklearn.metrics import roc_auc_score

from intervals.made_up_sets import Setting, TestSets


@pytest.mark.parametrize(("tails", "step"), [(np.inf, 0.0), (3.0, 0.5)])
def test_the_truth_is_what_ever_more_videos_read(tails, step):
    sets = TestSets(Setting("ped1", 0.9, tails, step))
    assert sets.truth == pytest.approx(0.9, abs=0.02)
    labels = sets.labels(3000)
    joined, noise = np.concatenate(labels), sets.noise(labels)
    scores = sets.scores(joined, noise)
    assert roc_auc_score(joined, scores) == pytest.approx(sets.truth, abs=0.02)
    assert (kurtosis(noise) > 2) == (tails == 3), "Student's t of 3 degrees of freedom has no kurtosis at all"
    assert (len(np.unique(scores)) < 200) == (step > 0)


def test_detectors_see_the_same_videos():
    first, second = TestSets(Setting("ped2", 0.8)).draw(12, 2, alike=0.8)
    assert first.abnormal.tolist() == second.abnormal.tolist() and len(first.normal) == 12
    assert first.auc != second.auc
