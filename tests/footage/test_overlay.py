"""Frames under the map of the method that scored them."""

import numpy as np
import pytest
import torch

from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.clips import consecutive
from crossvad.execution.scoring import Fitted
from crossvad.footage.overlay import mapped
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
    seen = stream_scores(Video("yard", source), fitted, NoTuning(), grid.cells()[0], SMOKE, CPU, silent)
    pairs = [*mapped(source.blocks(None, 3), seen, CPU)]
    assert len(pairs) == 30
    for number, (frame, _) in enumerate(pairs):
        assert np.array_equal(frame[..., 0], source.frame(number))
    whole = np.concatenate([*source.blocks(None, 1)])
    with torch.no_grad():
        maps = adapter.maps(torch.cat([*consecutive(whole, adapter.clip, 8, CPU)]))
    if maps is None:
        assert all(own is None for _, own in pairs)
        return
    begin = adapter.clip.scored
    given = [number for number, (_, own) in enumerate(pairs) if own is not None]
    assert given == [*range(begin, begin + len(maps))]
    np.testing.assert_allclose([pairs[number][1] for number in given], maps, rtol=1e-2, atol=1e-2)
