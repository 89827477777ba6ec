"""Video files: the codecs of the data sets, read from anywhere, frame by frame."""

import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import cache_root
from crossvad.datasets.readers.video_file import VideoFile
from miniatures import frames, numbers, repeat_video, write_video

LENGTH = 300
# H.264 with B-frames and rare key frames, as UCF-Crime's, and MPEG-4 with B-frames, where seeking goes astray.
KINDS = {"h264.mp4": {"g": "250", "bf": "3"}, "mpeg4.avi": {"g": "12", "bf": "2"}, "plain.avi": {"g": "12", "bf": "0"}}


@pytest.fixture(scope="module", params=KINDS)
def file(request, tmp_path_factory) -> VideoFile:
    path = tmp_path_factory.mktemp("video") / request.param
    return VideoFile(write_video(path, frames(LENGTH), **KINDS[request.param]))


def read(file: VideoFile, start: int, stop: int, size=None) -> list[int]:
    return numbers(np.concatenate([*file.blocks(size, 1, start, stop)]))


def test_every_frame_is_the_one_it_should_be(file):
    assert len(file) == LENGTH
    assert read(file, 0, LENGTH) == [*range(LENGTH)]
    assert read(file, 0, LENGTH, (24, 32)) == [*range(LENGTH)]


@settings(max_examples=15)
@given(spans=st.lists(st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 90)), min_size=1, max_size=5))
def test_any_part_in_any_order(file, spans):
    for start, count in spans:
        stop = min(start + count, LENGTH)
        assert read(file, start, stop) == [*range(start, stop)]


def test_many_threads_read_one_file(file):
    seen: dict[int, list[int]] = {}

    def work(start: int) -> None:
        seen[start] = read(file, start, start + 30)

    threads = [threading.Thread(target=work, args=(start,)) for start in (200, 0, 100, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {start: [*range(start, start + 30)] for start in (200, 0, 100, 50)}


def test_length_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", frames(20))
    assert len(VideoFile(path)) == 20
    notes = cache_root() / "lengths"
    assert (notes / VideoFile(path).stamp).read_text() == "20"
    monkeypatch.setattr("crossvad.datasets.readers.video_file.frames_in", None)  # a TypeError if it is called
    assert len(VideoFile(path)) == 20
    monkeypatch.undo()
    write_video(path, frames(30))
    os.utime(path, ns=(1, 1))
    assert len(VideoFile(path)) == 30


def test_a_file_replaced_while_it_is_open_is_opened_anew(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames(20))
    assert read(VideoFile(path), 0, 20) == [*range(20)]
    write_video(path, frames(20, first=500))
    os.utime(path, ns=(1, 1))
    assert read(VideoFile(path), 0, 20) == [*range(500, 520)]


def test_long_video_repeats_without_encoding(tmp_path):
    one = write_video(tmp_path / "one.mp4", frames(100), g="50")
    long = VideoFile(repeat_video(one, tmp_path / "long.mp4", 40))
    assert len(long) == 4000
    assert read(long, 2345, 2405) == [*range(45, 100), *range(5)]


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = write_video(tmp_path / f"a ü.{suffix}", frames(60))
    whole = path.read_bytes()
    for content in (b"", b"not a video" * 100, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"a ü.{suffix}: (is|cannot be)"):
            list(VideoFile(path).blocks(None, 3))


def test_a_recording_without_its_index_is_told_as_such(tmp_path):
    """A recorder that was cut off has written the frames, and not yet where they are."""
    path = write_video(tmp_path / "a.mp4", frames(60))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") - 4])
    with pytest.raises(InputError, match=r"a.mp4: has no index \(moov\).*cut off; copy it again, or mend it"):
        list(VideoFile(path).blocks(None, 3))
