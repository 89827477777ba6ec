"""A pipe is looked at before anything is trained, and nothing of it is lost by that."""

import os
import wave

import pytest

from crossvad.datasets.errors import InputError
from crossvad.footage.video_library import video_library
from crossvad.live import pipe
from crossvad.live.pipe import Pipe
from miniatures import frame, write_video

av = video_library("a test")


def piped(data: bytes) -> Pipe:
    """A pipe that somebody has written to and closed; at most what the system keeps of one."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return Pipe(reading)


@pytest.mark.parametrize(("data", "problem"), [(b"", "is an empty pipe"), (b"no video\n" * 999, "is no video that")])
def test_what_is_no_video_is_refused(data, problem):
    with pytest.raises(InputError, match=f"^-: {problem}.*; pipe video in that can be read as it comes: ffmpeg"):
        piped(data).refuse_unfit(av)


def test_a_terminal_is_refused():
    main, terminal = os.openpty()
    with pytest.raises(InputError, match="and nothing is: stdin is a terminal; pipe video in"):
        Pipe(terminal).refuse_unfit(av)
    os.close(main)
    os.close(terminal)


def test_of_a_video_nothing_is_lost(tmp_path):
    data = write_video(tmp_path / "a.mkv", [frame(number) for number in range(20)], "libx264").read_bytes()
    assert len(data) < 2**16
    stream = piped(data)
    stream.refuse_unfit(av)
    with av.open(stream) as container:
        assert sum(1 for _ in container.decode(video=0)) == 20


def test_a_silent_pipe_is_taken_at_its_word(monkeypatch):
    monkeypatch.setattr(pipe, "PATIENCE", 0.1)
    reading, writing = os.pipe()
    Pipe(reading).refuse_unfit(av)
    os.close(writing)


@pytest.mark.parametrize("share", [3000, 188])
def test_a_pipe_that_is_silent_after_its_header_is_taken_at_its_word(tmp_path, monkeypatch, share):
    monkeypatch.setattr(pipe, "PATIENCE", 0.1)
    kind = "mkv" if share > 188 else "ts"
    data = write_video(tmp_path / f"a.{kind}", [frame(number) for number in range(20)], "libx264").read_bytes()
    reading, writing = os.pipe()
    os.write(writing, data[: min(share, len(data) - 1)])
    Pipe(reading).refuse_unfit(av)
    os.close(writing)


def test_an_mp4_whose_index_comes_after_more_than_is_looked_at_is_refused(tmp_path):
    short = write_video(tmp_path / "a.mp4", [frame(number) for number in range(20)], "libx264").read_bytes()
    assert short.index(b"mdat") < short.index(b"moov")
    piped(short).refuse_unfit(av)  # which PyAV reads
    begun = short[: short.index(b"mdat") - 4]
    with pytest.raises(InputError, match=r"an MP4 whose index is at its end.*-movflags \+faststart NEW\.mp4"):
        piped((begun + (10**6).to_bytes(4) + b"mdat" + bytes(2**16))[: 2**16]).refuse_unfit(av)


def test_sound_alone_is_no_video(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    with pytest.raises(InputError, match=r"^-: is no video that"):
        piped((tmp_path / "a.wav").read_bytes()).refuse_unfit(av)


def test_score_says_so_before_it_trains(bench, north, tmp_path, monkeypatch):
    monkeypatch.setattr(pipe.STDIN, "descriptor", piped(b"").descriptor)
    done = bench("score", "-", "--source", f"path:{north}", "--budget", "smoke", "--method", "framepred")
    assert done.code == 2 and done.err.count("Error: -: is an empty pipe") == 1
    assert not list(tmp_path.rglob("fits/*"))
