"""Frames of a grid: opened, decoded once, and what cannot be read is named."""

import numpy as np
import pytest

from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.decoding import Decoder, Unreadable, count_frames, stop_at, training_videos
from crossvad.execution.progress import Reporter
from crossvad.planning.budgets import BUDGETS

SMOKE, QUIET = BUDGETS["smoke"], Reporter(quiet=True)


class Broken:
    """A source that cannot be opened."""

    def __len__(self):
        raise InputError("night.avi", "is no video", "replace it")


def test_a_video_is_decoded_once_at_the_budgets_size(south, tmp_path):
    videos, decoder = OwnFolder(south).videos("test"), Decoder(FrameCache(tmp_path / "cache"), SMOKE)
    assert decoder.missing([*videos, videos[0]]) == videos
    assert decoder.fill(videos, QUIET) == [] and decoder.missing(videos) == []
    frames = decoder.frames(videos[0])
    assert np.array_equal(frames[0 : len(frames)], videos[0].read(decoder.size, SMOKE.channels))
    assert decoder.bytes(videos[0]) == frames[0 : len(frames)].nbytes


def test_all_videos_are_opened_and_the_broken_ones_named(south):
    good, bad = OwnFolder(south).videos("test")[0], Video("night", Broken())
    failed = count_frames([good, bad, good], QUIET)
    assert [(each.video.name, each.error.problem) for each in failed] == [("night", "is no video")]
    with pytest.raises(InputError, match=r"night\.avi: is no video; replace it$"):
        stop_at(failed)
    with pytest.raises(InputError, match=r"replace it \(2 more videos cannot be read"):
        stop_at([Unreadable(bad, failed[0].error)] * 3)
    stop_at([])


def test_a_budget_trains_on_what_there_is_or_on_excerpts(south):
    from dataclasses import replace

    source = OwnFolder(south)
    videos = source.videos("train")
    assert training_videos(source, SMOKE) == videos
    few = training_videos(source, replace(SMOKE, source_frames=20))
    assert 0 < sum(map(len, few)) < sum(map(len, videos))
