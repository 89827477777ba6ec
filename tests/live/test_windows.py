"""Clips of what streams by: consecutive frames alone, all of them once, and evenly chosen where time is short."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crossvad.datasets.clips import ClipSpec
from crossvad.live.pace import Pace
from crossvad.live.windows import Windows, chosen
from live_made import live_frame


@example([(1, 0), (2, 0), (1, 0), (5, 0)], [1] * 60, 1)
@given(
    st.lists(st.tuples(st.sampled_from([1, 1, 1, 1, 2, 5]), st.sampled_from([0, 0, 0, 0, 1])), max_size=60),
    st.lists(st.integers(1, 20), min_size=60, max_size=60),
    st.integers(1, 6),
)
def test_clips_are_all_that_lie_within_a_hole_and_the_next(steps, portions, length):
    number = connection = 0
    frames = []
    for places, again in steps:
        number, connection = number + places, connection + again
        frames.append(live_frame(number, connection))
    windows, found = Windows(ClipSpec(length, length - 1, (2, 2), 1)), []
    left = list(frames)
    for portion in portions:
        now, left = left[:portion], left[portion:]
        for run in windows.runs(now):
            found += [run.frames[start : start + length] for start in range(run.clips)]
    expected = [
        frames[start : start + length]
        for start in range(len(frames) - length + 1)
        if all(
            b.number == a.number + 1 and b.connection == a.connection
            for a, b in zip(frames[start:], frames[start + 1 : start + length], strict=False)
        )
    ]
    assert [[f.number for f in clip] for clip in found] == [[f.number for f in clip] for clip in expected]
    assert len(windows._kept) <= length  # what is held does not grow
    holes = sum(not b.follows(a) for a, b in itertools.pairwise(frames))
    assert windows.holes == holes


@given(st.integers(1, 500), st.integers(1, 40))
def test_chosen_clips_are_evenly_spread_and_the_last_is_among_them(clips, most):
    picks = chosen(clips, most)
    assert len(picks) == min(clips, most) and picks[-1] == clips - 1 and picks[0] >= 0
    steps = np.diff(picks)
    assert len(steps) == 0 or (steps.min() >= 1 and steps.max() - steps.min() <= 1)
    assert np.array_equal(chosen(clips, None), np.arange(clips))


@given(st.lists(st.floats(-0.2, 0.2), min_size=40, max_size=200), st.sampled_from([5.0, 25.0, 30.0]))
def test_late_frames_are_next_to_one_another_and_missing_ones_are_not(jitter, rate):
    pace = Pace(rate)
    # uneven by up to 0.1 of a step to either side, and every 30th frame is lost
    for number, shift in enumerate(jitter):
        if number % 30 == 27:
            continue
        step = pace.step((number + shift / 2) / rate)
        assert step.places == (2 if number % 30 == 28 else 1), number


def uneven(kind):
    """Time stamps of cameras that lose nothing."""
    if kind.startswith("jitter"):
        late = np.random.default_rng(0).normal(0, float(kind.split()[1]), 5000)
        return np.sort(np.arange(5000) / 25 + late)
    sensor, sent = 30, int(kind.split()[0])  # some of its frames are left out, evenly
    places = np.arange(5000)
    return places[np.floor((places + 1) * sent / sensor) > np.floor(places * sent / sensor)] / sensor


@pytest.mark.parametrize("kind", ["25 of 30", "24 of 30", "27 of 30", "20 of 30", "jitter 0.015", "jitter 0.02"])
def test_an_uneven_camera_gives_long_runs(kind):
    """Of the 14 frames that `apn --shots 10` adapts to, nearly everywhere."""
    pace = Pace(25.0)
    holes = [place for place, stamp in enumerate(uneven(kind)) if pace.step(stamp).places > 1]
    runs = np.diff([0, *holes, 5000])
    assert runs[runs >= 14].sum() > 0.9 * 5000


@pytest.mark.parametrize("kind", ["25 of 30", "24 of 30", "30 of 30"])
@pytest.mark.parametrize("lost", [2, 3])
def test_what_an_uneven_camera_loses_is_a_hole(kind, lost):
    stamps = uneven(kind)
    pace, gap = Pace(25.0), range(1000, 1000 + lost)
    places = [(number, pace.step(stamp).places) for number, stamp in enumerate(stamps[:2000]) if number not in gap]
    assert [number for number, place in places if place > 1 and number > 100] == [gap.stop]


def test_a_wrong_rate_is_forgotten_and_a_new_one_is_learned():
    pace, clock = Pace(1000.0), 0.0
    places = [pace.step(clock := clock + 0.04).places for _ in range(20)]
    assert set(places[4:]) == {1}
    places = [pace.step(clock := clock + 0.08).places for _ in range(60)]
    assert set(places[30:]) == {1} and places[0] == 2


def test_bursts_of_a_stream_without_stamps_are_no_holes():
    """Ten frames at once, or as far apart as looking at each takes, and none for 0.3 s; for seconds is one."""
    for between in (0.001, 0.01):
        pace = Pace(None, stamped=False)
        stamps = np.cumsum(([0.31] + [between] * 9) * 50)
        assert {pace.step(stamp).places for stamp in stamps} == {1}
        assert pace.step(stamps[-1] + 5).places > 1
    slow = Pace(None, stamped=False)
    assert {*[slow.step(stamp).places for stamp in np.arange(200) * 3.0][3:]} == {1}


def test_frames_that_waited_and_come_at_once_tell_no_pace():
    pace = Pace(None)
    steps = [0.001] * 30 + [0.2] * 30
    places = [pace.step(stamp).places for stamp in np.cumsum(steps)]
    assert [place for place, step in enumerate(places) if step > 1] == [30] and places[30] < 10


def test_a_stream_that_begins_anew_is_a_hole():
    pace = Pace(25.0)
    assert [pace.step(stamp).places for stamp in (5.0, 5.04, 0.0, 0.04, 60.0, 60.04)] == [1, 1, 2, 1, 2, 1]
    assert [pace.step(None).places for _ in range(3)] == [1, 1, 1]
