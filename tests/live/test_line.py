"""The alarm line allows no more than it says, and says no more than its seconds bear."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.live.line import SecondsSeen, check_rate, least_rate, seconds_for, set_line


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


def test_a_second_counts_once_it_is_over_and_not_across_connections():
    seen = SecondsSeen()
    for connection, at, score in [(1, 0.2, 5), (1, 0.9, 7), (1, 1.1, 1), (1, 3.5, 2), (2, 3.6, 9), (2, 4.0, 0)]:
        seen.add(connection, at, score)
    assert seen.highest == [7, 1, 2, 9]
