"""The most suspicious moments."""

import numpy as np

from crossvad.footage import peaks


def test_peaks_are_apart_and_eligible():
    scores = np.zeros(50)
    scores[[3, 10, 12, 30, 49]] = 9, 5, 6, 4, 7
    found = peaks.top(scores, slice(5, 50), 5, 3)
    assert [(moment.rank, moment.frame) for moment in found] == [(1, 49), (2, 12), (3, 30)]
    assert [moment.frame for moment in peaks.top(scores, slice(5, 49), 1, 2)] == [12, 10]


def test_a_rising_slope_is_one_peak():
    assert [moment.frame for moment in peaks.top(np.arange(20.0), slice(0, 20), 2, 5)] == [19]
