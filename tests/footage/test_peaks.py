"""The most suspicious moments."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, permutations, tuples

from crossvad.footage import peaks


def test_peaks_are_apart_and_eligible():
    scores = np.zeros(50)
    scores[[3, 10, 12, 30, 49]] = 9, 5, 6, 4, 7
    moments = peaks.top(scores, slice(5, 50), 5, 3)
    assert [(moment.rank, moment.frame) for moment in moments] == [(1, 49), (2, 12), (3, 30)]
    assert [moment.frame for moment in peaks.top(scores, slice(5, 49), 1, 2)] == [12, 10]


def test_a_rising_slope_is_one_peak():
    assert [moment.frame for moment in peaks.top(np.arange(20.0), slice(0, 20), 2, 5)] == [19]


def peaks_by_hand(scores, begin, end, apart, count):
    """Local maxima of the eligible frames, the highest first, each dropped that is too close to one that was kept."""
    kept = []
    for frame in sorted(range(begin, end), key=lambda frame: -scores[frame]):
        neighbours = [other for other in (frame - 1, frame + 1) if begin <= other < end]
        is_peak = all(scores[frame] > scores[other] for other in neighbours)
        if is_peak and all(abs(frame - other) >= apart for other in kept):
            kept.append(frame)
    return kept[:count]


@given(
    scores=integers(1, 40).flatmap(lambda length: permutations(range(length))),
    bounds=tuples(integers(0, 40), integers(0, 40)),
    apart=integers(1, 12),
    count=integers(1, 6),
)
def test_peaks_are_those_found_by_hand(scores, bounds, apart, count):
    begin, end, _ = slice(*sorted(bounds)).indices(len(scores))
    moments = peaks.top(np.array(scores, float), slice(*sorted(bounds)), apart, count)
    assert [moment.frame for moment in moments] == peaks_by_hand(scores, begin, end, apart, count)
    assert [moment.rank for moment in moments] == [*range(1, len(moments) + 1)]
    assert all(moment.score == scores[moment.frame] for moment in moments)


def test_a_plateau_is_one_peak_in_its_middle():
    assert [moment.frame for moment in peaks.top(np.array([0.0, 1, 1, 1, 0]), slice(None), 1, 5)] == [2]


@pytest.mark.parametrize(("frame", "text"), [(0, "00:00"), (1499, "00:59"), (1500, "01:00"), (1501, "61:01")])
def test_a_clock_counts_whole_seconds(frame, text):
    times = np.append(np.arange(1501) / 25, 3661.9)
    assert peaks.clock(frame, times) == text and peaks.clock(frame, None) == "–"


def test_a_table_has_a_row_per_frame():
    scores, cues = np.array([3.0, 1, 2, 5]), {"prediction": np.array([np.nan, 1, 2, 5])}
    table = peaks.table(scores, cues, 2, np.array([0, 0.25, 0.5, 2]))
    assert [*table] == ["frame", "seconds", "score", "prediction", "support"]
    assert table["seconds"].tolist() == [0, 0.25, 0.5, 2] and table["support"].tolist() == [1, 1, 0, 0]
    assert peaks.table(scores, cues, 0, None)["seconds"].isna().all()


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


@given(lists(integers(-9, 9), max_size=40), integers(0, 9))
def test_where_scores_are_equal_every_summit_is_taken_or_has_one_as_high_beside_it(scores, apart):
    moments = peaks.top(np.array(scores, float), slice(None), apart, 99)
    taken, candidates = [moment.frame for moment in moments], summits(scores, 0, len(scores))
    assert {*taken} <= {*candidates} and [scores[frame] for frame in taken] == sorted(
        (scores[frame] for frame in taken), reverse=True
    )
    assert all(right - left >= apart for left, right in zip(sorted(taken), sorted(taken)[1:], strict=False))
    for frame in {*candidates} - {*taken}:
        assert any(abs(frame - other) < apart and scores[other] >= scores[frame] for other in taken)
