"""The most suspicious moments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossvad.footage import peaks

heights = st.lists(st.integers(-9, 9), max_size=40)


def summits(scores, begin, end):
    """Frames in the middle of what is above its neighbours, one by one; beyond the ends all is lower."""
    frames = []
    for left in range(begin, end):
        for right in range(left, end):
            level = [*scores[left : right + 1]] == [scores[left]] * (right + 1 - left)
            rises = left == begin or scores[left - 1] < scores[left]
            falls = right == end - 1 or scores[right + 1] < scores[right]
            if level and rises and falls:
                frames.append((left + right) // 2)
    return frames


@given(st.permutations(range(30)), st.integers(0, 30), st.integers(0, 30), st.integers(0, 9), st.integers(0, 8))
def test_the_highest_come_first_and_push_out_their_neighbours(scores, begin, end, apart, count):
    """No two scores are equal, so that there is but one answer."""
    taken = []
    for frame in sorted(summits(scores, begin, end), key=lambda frame: -scores[frame]):
        if all(abs(frame - other) >= apart for other in taken):
            taken.append(frame)
    moments = peaks.top(np.array(scores, float), slice(begin, end), apart, count)
    assert [moment.frame for moment in moments] == taken[:count]
    assert [moment.rank for moment in moments] == [*range(1, len(moments) + 1)]
    assert [moment.score for moment in moments] == [scores[moment.frame] for moment in moments]


@given(heights, st.integers(0, 9))
def test_where_scores_are_equal_every_summit_is_taken_or_has_one_as_high_beside_it(scores, apart):
    moments = peaks.top(np.array(scores, float), slice(None), apart, 99)
    taken, candidates = [moment.frame for moment in moments], summits(scores, 0, len(scores))
    assert {*taken} <= {*candidates} and [scores[frame] for frame in taken] == sorted(
        (scores[frame] for frame in taken), reverse=True
    )
    assert all(right - left >= apart for left, right in zip(sorted(taken), sorted(taken)[1:], strict=False))
    for frame in {*candidates} - {*taken}:
        assert any(abs(frame - other) < apart and scores[other] >= scores[frame] for other in taken)


def test_peaks_are_apart_and_eligible():
    scores = np.zeros(50)
    scores[[3, 10, 12, 30, 49]] = 9, 5, 6, 4, 7
    found = peaks.top(scores, slice(5, 50), 5, 3)
    assert [(moment.rank, moment.frame) for moment in found] == [(1, 49), (2, 12), (3, 30)]
    assert [moment.frame for moment in peaks.top(scores, slice(5, 49), 1, 2)] == [12, 10]


def test_a_rising_slope_is_one_peak():
    assert [moment.frame for moment in peaks.top(np.arange(20.0), slice(0, 20), 2, 5)] == [19]


@pytest.mark.parametrize(
    ("frame", "rate", "time"),
    [(0, 25.0, "00:00"), (74, 25.0, "00:02"), (75, 25.0, "00:03"), (3725 * 10, 10.0, "62:05"), (75, None, "–")],
)
def test_a_time_is_in_whole_minutes_and_seconds(frame, rate, time):
    assert peaks.clock(frame, rate) == time


def test_a_table_has_a_row_per_frame():
    scores, cue = np.array([0.5, 2.0, 1.0]), np.array([np.nan, 7.0, 8.0])
    table = peaks.table(scores, {"prediction": cue}, 2, 4.0)
    assert table.drop(columns="prediction").to_dict("list") == {
        "frame": [0, 1, 2],
        "seconds": [0.0, 0.25, 0.5],
        "score": [0.5, 2.0, 1.0],
        "support": [1, 1, 0],
    }
    np.testing.assert_array_equal(table["prediction"], cue)
    assert peaks.table(scores, {}, 0, None)["seconds"].isna().all()
