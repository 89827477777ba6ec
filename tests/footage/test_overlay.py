"""Frames under the map of the method that scored them."""

import sys

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers
from PIL import Image

import miniatures
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.clips import consecutive
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.execution.scoring import Fitted
from crossvad.footage.overlay import (
    COVER,
    HEAT,
    PICTURES,
    STRIP,
    WIDEST,
    film,
    film_size,
    heated,
    mapped,
    pictures,
    player,
    save_still,
    strip,
)
from crossvad.footage.streaming import stream_scores
from crossvad.footage.trained_method import TrainedMethod
from crossvad.planning.registry import get_method
from footage_made import CPU, SMOKE, Blocks, silent
from miniatures import TURNED, frames, numbers, turn_video, write_images, write_video

LEVEL = np.ones((4, 4), np.float32)


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize("name", ["framepred", "memae", "random"])
def test_every_frame_comes_once_with_its_own_map(block, name, make_grid):
    adapter = get_method(name).build(SMOKE).eval()
    grid = make_grid(name, shots=[0])
    source = Blocks(30, block)
    method = TrainedMethod(Fitted("", adapter, NoTuning(), {}, {}), NoTuning(), grid.cells()[0], SMOKE, CPU)
    streamed = stream_scores(Video("yard", source), method, silent)
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


@pytest.mark.parametrize(
    ("errors", "low", "high"), [(None, 0.0, 1.0), (LEVEL, 0.5, 0.5), (LEVEL, 2.0, 2.0), (LEVEL, np.nan, 2.0)]
)
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


def test_scores_that_are_all_the_same_are_a_flat_line():
    curve = strip(np.full(5, 3.0), 0, 64)[..., 0] > 200  # more columns than frames
    assert np.flatnonzero(curve.any(1)).tolist() == [STRIP - 4] and curve.any(0).all()


def test_a_still_is_its_frame_but_for_jpeg(tmp_path):
    picture = np.repeat(miniatures.frame(1234)[..., None], 3, -1)
    save_still(picture, tmp_path / "still.jpg")
    with Image.open(tmp_path / "still.jpg") as still:
        assert still.format == "JPEG" and np.abs(np.asarray(still, float) - picture).mean() < 3
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"still\.jpg: cannot be written"):
        save_still(picture, tmp_path / "file" / "still.jpg")


def test_a_film_shows_each_frame_above_where_the_curve_is(tmp_path):
    scores, path = np.linspace(0, 1, 12), tmp_path / "film.mp4"
    with film(path, scores, 4, np.arange(12) / 10, (48, 64)) as show:
        for picture in frames(12):
            show(np.repeat(picture[..., None], 3, -1))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 10
        shown = np.stack([each.to_ndarray(format="rgb24") for each in container.decode(video=0)])
    assert shown.shape == (12, 48 + STRIP, 64, 3) and numbers(shown[:, :48]) == [*range(12)]
    bottom = shown[:, -24:-8, :, 2].mean(1)  # below the text; neither curve nor shade is as blue as the white cursor
    assert np.abs(bottom.argmax(1) - np.arange(12) * 64 / 12).max() <= 1.5


def test_a_film_takes_as_long_as_its_video(tmp_path):
    times = np.array([0, 0.2, 0.4, 0.6, 0.64, 0.64, 0.6402])  # the last three at once
    with film(tmp_path / "film.mp4", np.zeros(7), 0, times, (48, 64)) as show:
        for picture in frames(7):
            show(np.repeat(picture[..., None], 3, -1))
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert [each.time for each in container.decode(video=0)] == pytest.approx(times, abs=2e-3)


def test_a_film_that_breaks_off_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the earlier one")
    with pytest.raises(ZeroDivisionError), film(path, np.zeros(100), 0, None, (48, 64)) as show:
        for _ in range(99):  # more than an encoder keeps to itself
            show(np.zeros((48, 64, 3), np.uint8))
        raise ZeroDivisionError
    assert path.read_bytes() == b"the earlier one" and [*tmp_path.iterdir()] == [path]


def test_without_pyav_there_is_no_player(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match="needs PyAV, which is not installed"):
        player()


class Longer(VideoFile):
    """A file that is said to have two frames more than can be decoded."""

    def __len__(self):
        return super().__len__() + 2


def test_pictures_are_every_frame_a_few_at_a_time(tmp_path):
    folder = FrameFolder(write_images(tmp_path / "a", frames(21), "png"))
    blocks = [*pictures(folder, (48, 64), av)]
    assert numbers(np.concatenate(blocks)) == [*range(21)] and max(map(len, blocks)) <= PICTURES
    path = write_video(tmp_path / "a.mp4", frames(21))
    assert numbers(np.concatenate([*pictures(VideoFile(path), (48, 64), av)])) == [*range(21)]
    assert numbers(np.concatenate([*pictures(Longer(path), (24, 32), av)])) == [*range(21), 20, 20]


@pytest.mark.parametrize("turned", TURNED)
def test_pictures_of_a_film_stand_upright_as_what_is_scored_does(tmp_path, turned):
    source = VideoFile(turn_video(write_video(tmp_path / "a.mp4", frames(5)), turned))
    scored = np.concatenate([*source.blocks(None, 3)]).astype(int)
    shown = np.concatenate([*pictures(source, scored.shape[1:3], av)])
    assert np.abs(shown - scored).mean() < 3 and scored.std() > 10


def test_a_file_that_pyav_cannot_read_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames(5))
    source = VideoFile(path)
    assert len(source) == 5
    path.write_bytes(b"no video")
    with pytest.raises(InputError, match=r"a\.mp4: cannot be read by PyAV"):
        next(pictures(source, (48, 64), av))
