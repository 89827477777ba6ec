"""Video files: the codecs of the data sets, read from anywhere, frame by frame."""

import io
import os
import struct
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers import entries, video_file
from crossvad.datasets.readers.entries import enterable
from crossvad.datasets.readers.file_identity import cache_root
from crossvad.datasets.readers.frame_folder import find_videos
from crossvad.datasets.readers.video_file import VideoFile
from miniatures import cut_video, frames, numbers, repeat_video, write_video

LENGTH = 300
# H.264 with B-frames and rare key frames, as UCF-Crime's; and where seeking goes astray: MPEG-4 with B-frames, groups
# of pictures that are open, as x265 has them, and key frames that are whole only some frames on.
KINDS = {
    "h264.mp4": {"g": "250", "bf": "3"},
    "mpeg4.avi": {"g": "12", "bf": "2"},
    "plain.avi": {"g": "12", "bf": "0"},
    "open.mp4": {"g": "24", "x264-params": "open-gop=1:bframes=3:b-adapt=0:scenecut=0"},
    "h265.mp4": {"codec": "libx265", "g": "24", "x265-params": "log-level=none"},
    "mpeg4.mp4": {"codec": "mpeg4", "g": "12", "bf": "2"},
    "refresh.mp4": {"x264-params": "intra-refresh=1:keyint=30:bframes=0"},
}


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


def test_what_can_be_entered_anywhere_is_not_read_through(tmp_path):
    closed = "log-level=none:open-gop=0"
    exact = {
        "h264.mp4": KINDS["h264.mp4"],
        "h264.mov": {"codec": "libx264", "g": "24", "bf": "3"},
        "plain.mp4": {"codec": "mpeg4", "g": "12", "bf": "0"},
        "each.mov": {"codec": "mpeg4", "g": "1"},
        "h265.mp4": {"codec": "libx265", "g": "24", "x265-params": closed},
    }
    for name, options in exact.items():
        path = write_video(tmp_path / name, frames(60), **options)
        assert enterable(path), name
        assert read(VideoFile(path), 41, 60) == [*range(41, 60)]


def test_an_index_that_makes_no_sense_is_not_gone_by(tmp_path):
    path = write_video(tmp_path / "a.mp4", frames(60), **KINDS["h264.mp4"])
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for number in (0, 2, 1 << 24):  # of frames, in the table of their lengths
        at = whole.index(b"stsz") + 12
        path.write_bytes(whole[:at] + number.to_bytes(4, "big") + whole[at + 4 :])
        assert not enterable(path)
    for length in (0, 1):  # of the index: to the end of the file, or told elsewhere
        at = whole.index(b"moov")
        path.write_bytes(whole[: at - 4] + length.to_bytes(4, "big") + whole[at:])
        assert not enterable(path)
    for _ in range(300):
        data = np.frombuffer(whole, np.uint8).copy()
        data[random.integers(whole.index(b"moov"), len(data), 3)] = random.integers(0, 256, 3)
        path.write_bytes(data.tobytes())
        enterable(path)  # raises nothing, whatever it finds
    path.write_bytes(whole)
    assert enterable(path)


def test_what_is_not_downloaded_yet_is_not_gone_through(tmp_path):
    """Its room on the disk is taken, and full of zeros."""
    path = write_video(tmp_path / "a.mp4", frames(60), **KINDS["h264.mp4"])
    whole, missing = path.read_bytes(), bytes(2**24)
    at, index = whole.index(b"mdat") - 4, whole.index(b"moov") - 4
    size = struct.pack(">I", index - at + len(missing))
    path.write_bytes(whole[:at] + size + b"mdat" + bytes(index - at - 8) + missing + whole[index:])
    assert not enterable(path)

    class Counted(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return super().read(size)

    assert list(entries._heads(file := Counted(missing), 0, len(missing), 3)) == [] and file.reads == 1


@pytest.mark.parametrize("each", [1, 2**31])
def test_more_frames_than_a_file_holds_take_no_memory(tmp_path, each):
    path = write_video(tmp_path / "a.mp4", frames(60), **KINDS["h264.mp4"])
    whole = path.read_bytes()
    at = whole.index(b"stsz") + 8
    path.write_bytes(whole[:at] + struct.pack(">II", each, 2**25) + whole[at + 8 :])
    tracemalloc.start()
    assert not enterable(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@pytest.mark.parametrize("count", [2, 30])
@pytest.mark.parametrize("kind", ["h264.mp4", "plain.avi"])
def test_a_film_cut_without_encoding_it_anew_begins_where_it_was_cut(tmp_path, kind, count):
    """Its file still has what was cut off, back to the last key frame, and hides it."""
    whole = write_video(tmp_path / kind, frames(100), **KINDS[kind])
    file = VideoFile(cut_video(whole, tmp_path / "cut.mp4", count))
    assert len(file) == 100 - count == len(file.times)
    assert read(file, 0, len(file)) == [*range(count, 100)]
    assert read(file, 50, 60) == [*range(50 + count, 60 + count)] and read(file, 3, 4) == [3 + count]
    assert file.times[:2] == pytest.approx([0, 0.04])
    assert file.times[-1] == pytest.approx((99 - count) / 25)


def test_a_note_of_another_version_is_not_gone_by(tmp_path, monkeypatch):
    """One counted hidden frames, too, which nobody can read."""
    whole = write_video(tmp_path / "a.mp4", frames(60), **KINDS["h264.mp4"])
    file = VideoFile(cut_video(whole, tmp_path / "cut.mp4", 20))
    notes = cache_root() / "lengths"
    notes.mkdir(parents=True, exist_ok=True)
    for name in (file.stamp, f"{file.stamp}-1"):
        (notes / name).write_text("60")
    assert read(file, 0, 60) == [*range(20, 60)] and len(file.times) == 40
    monkeypatch.setattr(video_file, "VERSION", video_file.VERSION + 1)
    monkeypatch.setattr(video_file, "frames_in", lambda path: 7)
    assert len(VideoFile(file.path)) == 7


def test_large_frames_come_in_small_blocks(tmp_path, monkeypatch):
    """64 frames of 4K video take 1.6 GB, in each of the threads that check a data set."""
    file = VideoFile(write_video(tmp_path / "a.mp4", frames(60)))
    monkeypatch.setattr(video_file, "BYTES", 10 * 48 * 64 * 3)
    blocks = [*file.blocks(None, 1, 5, 48)]
    assert [len(block) for block in blocks] == [10, 10, 10, 10, 3]
    assert numbers(np.concatenate(blocks)) == [*range(5, 48)]
    assert [len(block) for block in file.blocks((24, 32), 1)] == [40, 20]


def test_a_colon_in_a_name_is_no_protocol(tmp_path, monkeypatch):
    """A camera that names its videos 2024-05-01T12:00:00, in the folder that one is in."""
    write_video(tmp_path / "2024-05-01T12:00:00.mp4", frames(20))
    monkeypatch.chdir(tmp_path)
    (video,) = find_videos(Path())
    assert read(video.source, 3, 6) == [3, 4, 5]


def test_what_lies_beyond_the_end_is_left_out(tmp_path):
    file = VideoFile(write_video(tmp_path / "a.mp4", frames(20)))
    assert read(file, 17, 30) == [17, 18, 19]


def test_length_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", frames(20))
    assert len(VideoFile(path)) == 20
    notes = cache_root() / "lengths"
    assert (notes / f"{VideoFile(path).stamp}-{video_file.VERSION}").read_text() == "20"
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
