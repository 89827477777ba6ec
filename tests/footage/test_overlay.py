"""Frames under the map of the method that scored them."""

import sys

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.base import Video
from crossvad.datasets.clips import consecutive
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.execution.scoring import Fitted
from crossvad.footage import overlay
from crossvad.footage.overlay import film, film_size, heated, mapped, pictures, player, save_still, strip
from crossvad.footage.streaming import stream_scores
from crossvad.planning.registry import get_method
from footage_made import CPU, SMOKE, Blocks, silent
from miniatures import frame, frames, numbers, write_images, write_video


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
    for number, (picture, _) in enumerate(pairs):
        assert np.array_equal(picture[..., 0], source.frame(number))
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


def test_heat_hides_what_is_above_the_level_and_nothing_below():
    picture = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    errors = np.repeat([[0.5, 1.0, 3.0, 9.0]], 2, 0).astype(np.float32)
    shown = heated(picture, errors, 1.0, 3.0)
    assert np.array_equal(shown[:, :15], picture[:, :15])  # at and below the lower level, away from the slope
    yellow = np.array([255.0, 255.0, 0.0])  # where the map "autumn" ends
    np.testing.assert_allclose(shown[:, 26:], 0.25 * picture[:, 26:] + 0.75 * yellow, atol=1.01)
    for unheated in (
        heated(picture, None, 1.0, 3.0),
        heated(picture, errors, 3.0, 3.0),
        heated(picture, errors, np.nan, 3),
    ):
        assert np.array_equal(unheated, picture)


@given(st.integers(2, 4000), st.integers(2, 4000))
def test_a_film_is_even_and_narrow_and_keeps_the_shape(height, width):
    high, wide = film_size(height, width)
    assert high % 2 == wide % 2 == 0 and high >= 2 and 2 <= wide <= overlay.WIDEST
    assert wide == min(overlay.WIDEST, width - width % 2)
    ideal = height * min(overlay.WIDEST, width) / width
    assert abs(high - ideal) <= 1.5 or high == 2 > ideal


@given(st.integers(0, 299), st.integers(0, 100))
def test_a_column_of_the_curve_is_the_highest_of_its_frames(spike, support):
    """Three frames a column, so that none is drawn where another is."""
    scores = np.zeros(300)
    scores[spike] = 1.0
    drawn = strip(scores, 3 * support, 100).astype(int)
    assert drawn.shape == (overlay.STRIP, 100, 3)
    curve = drawn[..., 0] > 200
    highest = curve.any(1).argmax()
    assert np.flatnonzero(curve[highest]).tolist() == [spike // 3]
    assert highest == overlay.STRIP - 4 - (overlay.STRIP - 26) and curve.any(0).all()
    lighter = drawn[0, :, 0] > 40
    assert np.flatnonzero(lighter).tolist() == ([*range(min(support + 1, 100))] if support else [])


def test_scores_that_are_all_the_same_are_a_flat_line():
    curve = strip(np.full(5, 3.0), 0, 64)[..., 0] > 200  # more columns than frames
    assert np.flatnonzero(curve.any(1)).tolist() == [overlay.STRIP - 4] and curve.any(0).all()


def test_a_still_is_its_frame_but_for_jpeg(tmp_path):
    picture = np.repeat(frame(1234)[..., None], 3, -1)
    save_still(picture, tmp_path / "still.jpg")
    with Image.open(tmp_path / "still.jpg") as still:
        assert still.format == "JPEG" and np.abs(np.asarray(still, float) - picture).mean() < 3
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"still\.jpg: cannot be written"):
        save_still(picture, tmp_path / "file" / "still.jpg")


def test_a_film_shows_each_frame_above_where_the_curve_is(tmp_path):
    scores, path = np.linspace(0, 1, 12), tmp_path / "film.mp4"
    with film(path, scores, 4, 10.0, (48, 64)) as show:
        for picture in frames(12):
            show(np.repeat(picture[..., None], 3, -1))
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 10
        shown = np.stack([each.to_ndarray(format="rgb24") for each in container.decode(video=0)])
    assert shown.shape == (12, 48 + overlay.STRIP, 64, 3) and numbers(shown[:, :48]) == [*range(12)]
    bottom = shown[:, -24:-8, :, 2].mean(1)  # below the text; neither curve nor shade is as blue as the white cursor
    assert np.abs(bottom.argmax(1) - np.arange(12) * 64 / 12).max() <= 1.5


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
    assert numbers(np.concatenate(blocks)) == [*range(21)] and max(map(len, blocks)) <= overlay.PICTURES
    path = write_video(tmp_path / "a.mp4", frames(21))
    assert numbers(np.concatenate([*pictures(VideoFile(path), (48, 64), av)])) == [*range(21)]
    assert numbers(np.concatenate([*pictures(Longer(path), (24, 32), av)])) == [*range(21), 20, 20]


def test_a_file_that_pyav_cannot_read_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames(5))
    source = VideoFile(path)
    assert len(source) == 5
    path.write_bytes(b"no video")
    with pytest.raises(InputError, match=r"a\.mp4: cannot be read by PyAV"):
        next(pictures(source, (48, 64), av))
