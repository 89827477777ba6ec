"""Videos of one's own."""

import re
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniatures
from conftest import paint, write_frames
from crossvad.datasets.base import Video
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.footage.own_footage import OwnFootage, check_length, frame_times, mean_rate
from footage_made import LENGTH, Blocks
from miniatures import frames


def test_own_footage_is_one_scene_a_video(film):
    own = OwnFootage([film])
    assert [scene.name for scene in own.scenes("test")] == ["yard"] and own.scenes("train") == []
    assert not own.labels("yard").any() and len(own.labels("yard")) == LENGTH


def test_footage_that_is_not_there_or_shares_a_name_is_refused(film, tmp_path):
    with pytest.raises(InputError, match=r"gate\.mp4: is not there"):
        OwnFootage([tmp_path / "gate.mp4"])
    (tmp_path / "yard.mp4").touch()
    with pytest.raises(InputError, match="has the same name as"):
        OwnFootage([film, tmp_path / "yard.mp4"])


@pytest.mark.parametrize(
    ("length", "shots", "problem"),
    [
        (4, 0, "has 4 frames, but one clip takes 5"),
        (5, 0, None),
        (7, 3, "which leaves none to score; choose at most --shots 2"),
        (7, 2, None),
    ],
)
def test_a_clip_to_score_must_follow_the_support_set(film, length, shots, problem):
    video, clip = Video("yard", Blocks(length, 3)), ClipSpec(5, 4, (32, 32), 1)
    if problem is None:
        check_length(video, film, clip, shots)
        return
    with pytest.raises(InputError, match=problem):
        check_length(video, film, clip, shots)


def test_a_video_is_named_for_its_file_or_folder(tmp_path, monkeypatch):
    write_frames(tmp_path / "night.2", paint(3, 1))
    (tmp_path / "gate.old.mp4").touch()
    monkeypatch.chdir(tmp_path / "night.2")
    own = OwnFootage([tmp_path / "gate.old.mp4", Path()])  # opens neither
    assert [video.name for video in own.videos("test")] == ["gate.old", "night.2"]
    assert len(own.labels("night.2")) == 3


@pytest.mark.parametrize("rate", [10, 30])
def test_a_file_tells_when_its_frames_are_shown_and_a_folder_does_not(tmp_path, film, rate):
    path = tmp_path / "gate.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = frames(1).shape[1:]
        for picture in frames(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    folder, file = OwnFootage([film, path]).videos("test")
    assert frame_times(folder) is None and mean_rate(None) is None and mean_rate(np.zeros(1)) is None
    times = frame_times(file)
    assert times == pytest.approx(np.arange(20) / rate) and mean_rate(times) == pytest.approx(rate)
    path.write_bytes(b"no video")
    with pytest.raises(InputError, match=r"gate\.mp4: cannot be decoded"):
        frame_times(OwnFootage([path]).videos("test")[0])


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mp4", "mpeg4"), ("a.mkv", "libx264")])
def test_frames_that_are_not_evenly_apart_keep_their_times(tmp_path, name, codec):
    """As by night, when a camera takes fewer: five a second, and then 25."""
    times = np.concatenate([np.arange(30) / 5, 6 + np.arange(60) / 25])
    path = miniatures.write_video(tmp_path / name, frames(90), codec, times)
    (video,) = OwnFootage([path]).videos("test")
    assert frame_times(video) == pytest.approx(times, abs=1e-3)


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 30))
def test_a_clip_must_be_left_after_the_support_set(length, count, shots):
    """Clips counted one by one: some must be there, and more than the shots take."""
    clips = [start for start in range(length) if start + count <= length]
    video, spec = Video("yard", Blocks(length, 8)), ClipSpec(count, count - 1, (4, 4), 1)
    if clips[shots:]:
        check_length(video, "yard", spec, shots)
        return
    with pytest.raises(InputError) as refused:
        check_length(video, "yard", spec, shots)
    if not clips:
        assert f"one clip takes {count}" in refused.value.problem
        return
    (most,) = map(int, re.findall(r"at most --shots (\d+)", refused.value.fix))
    check_length(video, "yard", spec, most)
    with pytest.raises(InputError):
        check_length(video, "yard", spec, most + 1)
