"""Nothing that a decoder prints by itself reaches the terminal; what Python prints does."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from crossvad.datasets.readers.native_errors import kept_quiet
from miniatures import damaged_tif, frames, write_video

READ_ALL = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.video_file import VideoFile

def tell(path):
    source = FrameFolder(path) if path.is_dir() else VideoFile(path)
    try:
        return f"read {sum(len(block) for block in source.blocks((24, 32), 1))}"
    except InputError as error:
        sys.stderr.write("own word\\n")  # in one piece, as print would not
        return str(error)

with ThreadPoolExecutor(4) as pool:
    print(*pool.map(tell, map(Path, sys.argv[1:])), sep="\\n")
"""


def in_a_process(*paths: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", READ_ALL, *map(str, paths)], capture_output=True, text=True)


def test_decoders_print_nothing_and_their_reason_is_in_the_error(tmp_path):
    (tmp_path / "tifs").mkdir()
    damaged_tif(tmp_path / "tifs/001.tif")
    (tmp_path / "no video.mp4").write_bytes(b"hello" * 1000)
    good = write_video(tmp_path / "good.mp4", frames(20))
    done = in_a_process(tmp_path / "tifs", tmp_path / "no video.mp4", good)
    tif, video, sound = done.stdout.splitlines()
    assert done.stderr == "own word\n" * 2
    assert "001.tif: cannot be decoded" in tif and sound == "read 20"
    assert "no video.mp4: cannot be decoded" in video and "(Invalid data found when processing input)" in video


def test_libtiff_and_decord_would_print(tmp_path, capfd):
    """Otherwise the test above shows nothing."""
    import decord

    with pytest.raises(OSError), Image.open(damaged_tif(tmp_path / "001.tif")) as image:
        image.load()
    (tmp_path / "a.mp4").write_bytes(b"hello" * 1000)
    with pytest.raises(RuntimeError):
        decord.VideoReader(str(tmp_path / "a.mp4"))
    printed = capfd.readouterr().err
    assert "PackBitsDecode" in printed and "ERROR opening" in printed


def test_the_last_thread_to_leave_lets_everything_through_again(capfd):
    inside, leave = threading.Barrier(5), threading.Event()

    def decode():
        with kept_quiet() as printed:
            inside.wait()
            os.write(2, b"PackBitsDecode: native\n")
            os.write(2, b"[12:00:00] /video_reader.cc:83: native\n")
            sys.stderr.write("python\n")
            leave.wait()
            told.append(printed())

    told: list[str] = []
    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    inside.wait()
    leave.set()
    for thread in threads:
        thread.join()
    os.write(2, b"after\n")
    print("python after", file=sys.stderr)
    err = capfd.readouterr().err
    assert "native" not in err and err.count("python\n") == 4 and err.endswith("after\npython after\n")
    assert any("native" in each for each in told)


def test_what_no_decoder_prints_comes_through_late(capfd):
    with kept_quiet():
        os.write(2, b"Error: out of memory\nPackBitsDecode: native\nnote: so\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "Error: out of memory\nnote: so\n"


def test_threads_may_print_at_any_time():
    """In a process of its own, whose `sys.stderr` is descriptor 2: no line is lost, none twice, and none fails."""
    code = """
import sys, threading
from crossvad.datasets.readers.native_errors import kept_quiet

def decode(name):
    for number in range(300):
        with kept_quiet():
            pass
        sys.stderr.write(f"{name} {number}\\n")  # in one piece, as print would not

threads = [threading.Thread(target=decode, args=(name,)) for name in "abc"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    printed = [f"{name} {number}" for name in "abc" for number in range(300)]
    assert sorted(done.stderr.split("\n")) == sorted(["", *printed])


def test_an_error_leaves_nothing_shut(capfd):
    with pytest.raises(KeyError), kept_quiet():
        raise KeyError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
