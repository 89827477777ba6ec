"""Frames under the map of the method that scored them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers

from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.clips import consecutive
from crossvad.execution.scoring import Fitted
from crossvad.footage.overlay import COVER, HEAT, STRIP, WIDEST, film_size, heated, mapped, strip
from crossvad.footage.streaming import stream_scores
from crossvad.planning.registry import get_method
from footage_made import CPU, SMOKE, Blocks, silent


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("name", ["framepred", "memae", "random"])
def test_every_frame_comes_once_with_its_own_map(block, name, make_grid):
    adapter = get_method(name).build(SMOKE).eval()
    grid = make_grid(name, shots=[0])
    source = Blocks(30, block)
    fitted = Fitted("", adapter, NoTuning(), {}, {})
    streamed = stream_scores(Video("yard", source), fitted, NoTuning(), grid.cells()[0], SMOKE, CPU, silent)
    pairs = [*mapped(source.blocks(None, 3), streamed, CPU)]
    assert len(pairs) == 30
    for number, (frame, _) in enumerate(pairs):
        assert np.array_equal(frame[..., 0], source.frame(number))
    whole = np.concatenate([*source.blocks(None, 1)])
    with torch.no_grad():
        maps = adapter.maps(torch.cat([*consecutive(whole, adapter.clip, 8, CPU)]))
    if maps is None:
        assert all(errors is None for _, errors in pairs)
        return
    begin = adapter.clip.scored
    given = [number for number, (_, errors) in enumerate(pairs) if errors is not None]
    assert given == [*range(begin, begin + len(maps))]
    np.testing.assert_allclose([pairs[number][1] for number in given], maps, rtol=1e-2, atol=1e-2)


def test_heat_begins_above_one_level_and_is_full_at_another():
    frame, ramp = np.full((8, 8, 3), 100, np.uint8), np.repeat(np.linspace(0, 4, 8, dtype=np.float32)[None], 8, 0)
    under = heated(frame, ramp, 1.0, 3.0)
    assert np.array_equal(under[:, :2], frame[:, :2])
    hottest = (100 * (1 - COVER) + HEAT[-1] * COVER).astype(np.uint8)
    assert np.abs(under[:, 6:].astype(int) - hottest).max() <= 1
    hidden = np.abs(under.astype(int) - 100).sum(axis=(0, 2))
    assert (np.diff(hidden[:3]) >= 0).all() and hidden[3] > 0


@pytest.mark.parametrize(("errors", "low", "high"), [(None, 0.0, 1.0), (np.ones((4, 4), np.float32), 2.0, 2.0)])
def test_without_a_map_or_a_range_a_frame_stays_as_it_is(errors, low, high):
    frame = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert np.array_equal(heated(frame, errors, low, high), frame)


@given(height=integers(1, 3000), width=integers(1, 5000))
def test_a_film_is_even_no_wider_than_its_video_and_in_its_shape(height, width):
    tall, wide = film_size(height, width)
    assert tall % 2 == wide % 2 == 0 and 2 <= wide <= max(2, min(WIDEST, width))
    assert abs(tall - height * min(WIDEST, width) / width) <= 2


def test_a_strip_s_columns_are_as_high_as_the_highest_of_their_frames():
    """A single high frame among thousands shows; the support set's span is lighter."""
    scores = np.zeros(4000)
    scores[3001] = 1
    picture = strip(scores, 1000, 100).astype(int)
    bright = picture[..., 0] > 150
    highest = np.array([np.flatnonzero(column)[0] for column in bright.T])
    assert picture.shape == (STRIP, 100, 3) and highest.argmin() == 75
    assert set(highest[[*range(70), *range(80, 100)]]) == {STRIP - 4} and highest[75] == 22
    assert (picture[0, :25] == 52).all() and (picture[0, 26:70] == 18).all()
