"""The alarm line allows no more than it says, and says no more than its seconds bear."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.live.line import NoDenser, SecondsSeen, check_rate, least_rate, seconds_for, set_line


@pytest.mark.parametrize("seconds", [9, 60])
@pytest.mark.parametrize("share", [None, 0.1, 0.5])
@pytest.mark.parametrize("draw", [np.random.Generator.normal, np.random.Generator.standard_cauchy])
def test_seconds_to_come_pass_the_line_as_rarely_as_it_says(seconds, share, draw):
    """Many cameras, each with a line of its own and a second that comes: whatever scores are distributed by."""
    random, rate = np.random.default_rng(0), None if share is None else 3600 * share
    lines = [set_line(draw(random, size=seconds), rate) for _ in range(20_000)]
    passed = np.mean([draw(random) > line.level for line in lines])
    promised = lines[0].rate / 3600
    allowed = 1 if share is None else np.floor(share * (seconds + 1))
    assert promised == pytest.approx(allowed / (seconds + 1))
    assert passed == pytest.approx(promised, abs=4 * np.sqrt(promised / 20_000))


def test_the_least_rate_is_that_of_the_highest_second():
    line = set_line([3.0, 1.0, 2.0], None)
    assert (line.level, line.rate, line.seconds, line.above) == (3.0, 900.0, 3, 0)
    assert set_line([3.0, 1.0, 2.0], 2000).level == 2.0 and set_line([3.0, 1.0, 2.0], 1e9).level == 1.0
    assert "line 3.00, set on 3 s taken for normal, 0 of them above it" in line.told and "900 false alarms" in line.told


@given(st.floats(0.1, 3600), st.integers(1, 100_000))
def test_a_rate_that_seconds_do_not_bear_is_refused_and_what_it_takes_is_said(rate, seconds):
    assume(abs(rate - least_rate(seconds)) > 1e-6)
    if rate > least_rate(seconds):
        check_rate(rate, seconds)
        return
    with pytest.raises(InputError) as refused:
        set_line([0.0] * seconds, rate)
    look, fewest = re.search(r"--look (\d+)s, or --false-alarms (\d+)", refused.value.fix).groups()
    assert int(look) == seconds_for(rate)
    check_rate(rate, int(look))
    check_rate(float(fewest), seconds)
    if int(look) > 1:
        with pytest.raises(InputError):
            check_rate(rate, int(look) - 1)


def test_seconds_count_that_are_whole():
    seen, first = SecondsSeen(), [(0.2, 5), (0.9, 7), (1.1, 1), (1.3, 3), (2.5, 2), (3.0, 9)]
    for connection, scores in enumerate([first, [(3.6, 8), (4.0, 0), (5.0, 0)]]):
        for at, score in scores:
            seen.add(connection, at, score)
    assert seen.highest == [3, 2, 0] and seen.density == 4 / 3


def test_scraps_of_seconds_are_no_seconds():
    """A camera that breaks off after each frame, or after each second and a half."""
    seen = SecondsSeen()
    for connection in range(61):
        for at in (0.04, 0.9, 1.04, 1.5)[: 4 if connection % 2 else 1]:
            seen.add(connection, at, 1.0)
    assert seen.highest == []


def test_a_second_that_a_gap_cuts_short_is_no_second():
    """A camera that stalls 6 s in every ten, in the middle of a second; and one with a frame in two seconds."""
    seen = SecondsSeen()
    for at in np.arange(0, 120, 1 / 25):
        if at % 10 < 3.5:
            seen.add(1, float(at), 0.0)
    assert seen.density == 25 and len(seen.highest) == 24, "two of each four: not the first, and not the last"
    rare = SecondsSeen()
    for at in range(0, 60, 2):
        rare.add(1, at, 0.0)
    assert len(rare.highest) == 28


@pytest.mark.parametrize(("share", "told"), [(0.999, "99 %"), (0.3, "30 %"), (0.001, "1 %"), (1.0, None)])
def test_a_line_tells_of_frames_that_were_not_scored(share, told):
    line = set_line([1.0, 2.0], None, share).told
    assert f"; {told} of the frames were scored" in line if told else "scored" not in line


@pytest.mark.parametrize("look", [[25], [12], [6], [2], [1], [2, 25], [7, 8]])
@pytest.mark.parametrize("allowed", [1, 3])
def test_scoring_that_becomes_faster_breaks_no_promise(look, allowed):
    """Frames are scored as fast as a machine can while it looks, by turns, and could all be scored afterwards."""
    random, seconds, cameras, hour = np.random.default_rng(0), 12, 4000, 3600
    passed = 0
    for _ in range(cameras):
        seen = SecondsSeen()
        for second in range(seconds + 2):
            count = look[second % len(look)]
            for place, score in enumerate(random.normal(size=count)):
                seen.add(1, second + place / count, score)
        line = set_line(seen.highest, hour * allowed / (seconds + 1))
        spared = NoDenser(seen.density)
        chosen = [spared.allows(1, place / 25) for place in range(random.integers(1, 4), 100)][-25:]
        passed += sum(chosen) > 0 and random.normal(size=sum(chosen)).max() > line.level
    assert line.seconds == seconds and line.rate == pytest.approx(hour * allowed / (seconds + 1))
    promised = allowed / (seconds + 1)
    assert passed / cameras < promised + 3 * np.sqrt(promised * (1 - promised) / cameras)
    if min(look) == max(look):
        assert passed / cameras > promised - 3 * np.sqrt(promised * (1 - promised) / cameras)


@given(st.floats(0.2, 40), st.sampled_from([5, 12, 25, 30]), st.floats(0, 0.9))
def test_frames_are_left_out_evenly_and_no_more_than_need_be(density, rate, phase):
    spared, seconds = NoDenser(density), 40
    times = (phase + np.arange(rate * seconds)) / rate
    chosen = times[[spared.allows(1, float(at)) for at in times]]
    assert abs(len(chosen) - min(density, rate) * seconds) <= 1.5
    assert np.diff(chosen).max() <= 1 / min(density, rate) + 1 / rate + 1e-6


@pytest.mark.parametrize("rate", [5, 12.5, 24, 25, 30 / 1.001])
def test_no_frame_is_left_out_where_all_were_scored(rate):
    """Though seconds hold a frame more or fewer, and frames come late."""
    times = (np.arange(5000) + np.random.default_rng(0).uniform(-0.4, 0.4, 5000)) / rate + 1
    seen = SecondsSeen()
    for at in times[: int(60 * rate)]:
        seen.add(1, float(at), 0.0)
    spared = NoDenser(seen.density)
    left = sum(not spared.allows(1, float(at)) for at in times)
    assert left <= 0.002 * len(times)
