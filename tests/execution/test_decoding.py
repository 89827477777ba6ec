"""Frames of a grid: opened, decoded once, and what cannot be read is named."""

from dataclasses import replace

import numpy as np
import pytest

from crossvad.datasets.base import Dataset, Scene, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from crossvad.datasets.readers.excerpts import excerpts, origin
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.execution.decoding import Decoder, Unreadable, count_frames, stop_at, training_videos
from crossvad.execution.progress import Reporter
from crossvad.planning.budgets import BUDGETS

SMOKE, QUIET = BUDGETS["smoke"], Reporter(quiet=True)


class Counting:
    """A source of numbered frames that counts how often it is decoded."""

    def __init__(self, name, length=6):
        self.identity = self.stamp = name
        self.length, self.decoded = length, 0

    def __len__(self):
        return self.length

    def blocks(self, size, channels, start=0, stop=None):
        self.decoded += 1
        numbers = np.arange(self.length, dtype=np.uint8)[:, None, None, None]
        yield np.broadcast_to(numbers, (self.length, *size, channels))


class Cut(Counting):
    """A source whose length is told, but that breaks off when it is decoded."""

    def blocks(self, size, channels, start=0, stop=None):
        raise InputError("dusk.avi", "ends too early", "replace it")
        yield


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


def test_a_decoded_video_is_read_from_disk_by_any_decoder_of_that_size(tmp_path):
    source, cache = Counting("noon"), FrameCache(tmp_path / "cache")
    video = Video("noon", source)
    for _ in range(2):
        assert Decoder(cache, SMOKE).fill([video, video], QUIET) == []
        assert Decoder(FrameCache(tmp_path / "cache"), SMOKE).frames(video)[2:4][:, 0, 0, 0].tolist() == [2, 3]
    assert source.decoded == 1
    larger = Decoder(cache, replace(SMOKE, size=SMOKE.size + 8))
    assert larger.missing([video]) == [video]
    assert larger.frames(video).shape[1:3] == larger.size == (SMOKE.size + 8,) * 2 and source.decoded == 2


def test_extra_inputs_come_beside_the_frames(tmp_path):
    decoder, video = Decoder(FrameCache(tmp_path / "cache"), SMOKE), Video("noon", Counting("noon"))
    footage = decoder.frames(video, ["difference"])
    steps = footage.extras["difference"][0:6]
    assert steps.shape == (6, SMOKE.channels, *decoder.size)
    np.testing.assert_allclose(steps[:, 0, 0, 0], [0, *[1 / 255] * 5], rtol=1e-5)
    with pytest.raises(InputError, match="extra input smell: is not known"):
        decoder.frames(video, ["smell"])


@pytest.mark.parametrize("jobs", [None, 1, 2])
def test_what_cannot_be_decoded_is_named_and_the_rest_is_decoded(tmp_path, jobs):
    dawn, dusk, noon = Video("dawn", Counting("dawn")), Video("dusk", Cut("dusk")), Video("noon", Counting("noon"))
    decoder = Decoder(FrameCache(tmp_path / "cache"), SMOKE)
    (failed,) = decoder.fill([dawn, dusk, noon, dusk], QUIET, jobs)
    assert failed.video is dusk and failed.error.problem == "ends too early"
    assert decoder.missing([dawn, dusk, noon]) == [dusk]


def test_all_videos_are_opened_and_the_broken_ones_named(south):
    good, bad = OwnFolder(south).videos("test")[0], Video("night", Broken())
    failed = count_frames([good, bad, good, bad], QUIET)
    assert [(each.video.name, each.error.problem) for each in failed] == [("night", "is no video")]
    with pytest.raises(InputError, match=r"night\.avi: is no video; replace it$"):
        stop_at(failed)
    with pytest.raises(InputError, match=r"replace it \(2 more videos cannot be read"):
        stop_at([Unreadable(bad, failed[0].error)] * 3)
    stop_at([])


def test_a_budget_trains_on_what_there_is_or_on_excerpts(south, camera):
    source = OwnFolder(south)
    videos = source.videos("train")
    assert training_videos(source, SMOKE) == videos
    long = OwnFolder(camera("long", train=300))
    few = training_videos(long, replace(SMOKE, source_frames=200))
    assert [(len(part), part.name.split("@")[0]) for part in few] == [(96, "monday"), (96, "tuesday")]
    whole = {video.name: video.read((8, 8), 1) for video in long.videos("train")}
    for part in few:
        name, start = part.name.split("@")
        assert np.array_equal(part.read((8, 8), 1), whole[name][int(start) :][:96])


class Reel(Dataset):
    """So many training videos of so many frames, which are never decoded."""

    def __init__(self, name, count, length):
        self.name = name
        self.reels = tuple(Video(str(number), Counting(f"{name} {number}", length)) for number in range(count))

    def scenes(self, split):
        return [Scene("one", self.reels)] if split == "train" else []

    def labels(self, video):
        raise AssertionError("a source needs none")


def test_hours_of_one_source_leave_the_others_that_it_is_joined_with_room():
    hours, minutes = Reel("hours", 1000, 900), Reel("minutes", 4, 250)
    budget = replace(SMOKE, source_frames=10_000)
    videos = training_videos(Joined([hours, minutes]), budget)
    assert [video for video in videos if origin(video.source) in {reel.source for reel in minutes.reels}] == [
        *minutes.reels
    ]
    kept = sum(map(len, videos)) - 1000
    assert 8_500 <= kept <= 9_000  # the rest of the budget, in excerpts of 96 frames
    assert training_videos(hours, budget) == excerpts(hours.videos("train"), 10_000)  # alone, it has all of it
