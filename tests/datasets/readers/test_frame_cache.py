import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossvad.datasets.base import Video
from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.lazy_frames import LazyFrames


def noise(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)


def write_images(folder: Path, frames: np.ndarray) -> Path:
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index:03d}.png")
    return folder


class Counting:
    """A source that counts how often it is decoded, and may lie about its length."""

    def __init__(self, frames: np.ndarray, length: int | None = None, stamp: str = "a") -> None:
        self.frames, self.length, self.stamp, self.identity, self.decoded = frames, length, stamp, "id", 0

    def __len__(self) -> int:
        return len(self.frames) if self.length is None else self.length

    def blocks(self, size, channels, start=0, stop=None):
        self.decoded += 1
        shape = (len(self.frames), *(size or self.frames.shape[1:3]), channels)
        yield from np.array_split(np.resize(self.frames, shape), 3)


def test_cache_decodes_once_and_reads_what_is_asked_for(tmp_path):
    source = Counting(noise(7, 8, 9))
    for _ in range(2):
        frames = FrameCache(tmp_path / "new" / "cache").open(Video("a", source), (8, 9), 3)
        assert frames.shape == source.frames.shape and len(frames) == 7
        assert np.array_equal(frames[:], source.frames) and np.array_equal(frames[2:5], source.frames[2:5])
        frames[:].fill(0)  # an array of the caller's own
    assert source.decoded == 1
    assert [path.suffix for path in (tmp_path / "new" / "cache").iterdir()] == [".npy"]


def test_cache_tells_sizes_channels_and_changed_files_apart(tmp_path):
    folder = write_images(tmp_path / "clip", noise(3, 8, 9))
    cache = FrameCache(tmp_path / "cache")
    shapes = [
        cache.open(Video("a", FrameFolder(folder)), *key).shape for key in [((8, 9), 3), ((9, 8), 3), ((8, 9), 1)]
    ]
    assert shapes == [(3, 8, 9, 3), (3, 9, 8, 3), (3, 8, 9, 1)]
    bright = folder / "000.png"
    Image.new("RGB", (9, 8), (255, 255, 255)).save(bright)
    os.utime(bright, ns=(10**9, 10**9))
    assert cache.open(Video("a", FrameFolder(folder)), (8, 9), 3)[:1].min() == 255
    assert len(list(cache.root.iterdir())) == 4


@pytest.mark.parametrize("length", [6, 8])
def test_cache_refuses_a_video_with_another_number_of_frames(tmp_path, length):
    with pytest.raises(InputError, match=f"clip: gave 7 of its {length} frames"):
        FrameCache(tmp_path).open(Video("clip", Counting(noise(7, 8, 9), length)), (8, 9), 3)
    assert list(tmp_path.iterdir()) == []


def test_cache_refuses_an_empty_video(tmp_path):
    with pytest.raises(InputError, match="has no frames"):
        FrameCache(tmp_path).open(Video("clip", Counting(noise(0, 8, 9))), (8, 9), 3)


def test_cache_that_cannot_be_written_says_what_to_set(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="set CROSSVAD_CACHE"):
        FrameCache(tmp_path / "file" / "cache").open(Video("a", Counting(noise(3, 8, 9))), (8, 9), 3)


def test_a_disk_that_is_full_is_no_fault_of_any_video(tmp_path, monkeypatch):
    """Told of each, `--skip-bad` would train without them."""
    videos = [Video(name, Counting(noise(3, 8, 9), stamp=name)) for name in "abc"]
    cache = FrameCache(tmp_path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotKeep, match=r"the cache cannot be written \(No space left on device\)"):
        cache.fill(videos, (8, 9), 3)
    monkeypatch.undo()
    assert not [*tmp_path.iterdir()] and cache.fill(videos, (8, 9), 3) == {}


def test_what_the_system_says_of_a_video_s_file_is_no_fault_of_the_cache(tmp_path):
    video = Video("a", LazyFrames(partial(np.load, tmp_path / "gone.npy"), 5, "a"))
    (error,) = FrameCache(tmp_path / "cache").fill([video], (8, 9), 3).values()
    assert str(error).startswith("a: cannot be read ([Errno 2]") and not isinstance(error, CannotKeep)


class Halting(io.RawIOBase):
    """A file that gives few bytes at a time, as Linux does beyond 2 GiB."""

    def __init__(self, file: io.FileIO) -> None:
        self.file, self.seek = file, file.seek

    def readinto(self, buffer) -> int:
        return self.file.readinto(memoryview(buffer)[:100])


def test_a_part_of_any_size_is_read(tmp_path, monkeypatch):
    source = Counting(noise(7, 8, 9))
    frames = FrameCache(tmp_path).open(Video("a", source), (8, 9), 3)
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda *given, **more: Halting(opened(*given, **more)))
    assert np.array_equal(frames[1:], source.frames[1:]) and frames[3:3].shape == (0, 8, 9, 3)
    monkeypatch.undo()
    frames.path.write_bytes(frames.path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"is damaged \(cut short\)"):
        frames[1:]


def test_cache_never_unpickles_and_names_a_damaged_entry(tmp_path):
    video = Video("a", Counting(noise(3, 8, 9)))
    FrameCache(tmp_path).open(video, (8, 9), 3)
    (entry,) = tmp_path.iterdir()
    for damaged in (entry.read_bytes()[:-50], b"junk"):
        entry.write_bytes(damaged)
        with pytest.raises(InputError, match=rf"{entry.name}: is damaged.*delete it"):
            FrameCache(tmp_path).open(video, (8, 9), 3)
    with entry.open("wb") as file:
        np.save(file, np.array([{}], object), allow_pickle=True)
    with pytest.raises(InputError, match="is damaged"):
        FrameCache(tmp_path).open(video, (8, 9), 3)


def test_cache_root_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    monkeypatch.setenv("HOME", str(tmp_path / "c"))
    assert FrameCache().root == tmp_path / "a"
    monkeypatch.delenv("CROSSVAD_CACHE")
    assert FrameCache().root == tmp_path / "b" / "crossvad"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert FrameCache().root == tmp_path / "c" / ".cache" / "crossvad"


FILL = textwrap.dedent("""
    import hashlib, os, pathlib, sys, time
    from crossvad.datasets.base import Video
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.datasets.readers.frame_folder import FrameFolder

    class Slow(FrameFolder):
        def blocks(self, size, channels, start=0, stop=None):
            print("filling", flush=True)
            sys.stdin.readline()  # until every process is here
            for block in super().blocks(size, channels):
                time.sleep(0.1)
                yield block

    folder, cache = map(pathlib.Path, sys.argv[1:])
    frames = FrameCache(cache).open(Video("a", Slow(folder)), (8, 9), 3)
    print(hashlib.sha256(frames[:]).hexdigest())
""")


def start_fill(folder: Path, cache: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", FILL, str(folder), str(cache)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "filling\n"
    return process


def test_processes_that_fill_one_entry_at_once_agree(tmp_path):
    folder, cache = write_images(tmp_path / "clip", noise(150, 8, 9)), tmp_path / "cache"
    processes = [start_fill(folder, cache) for _ in range(4)]
    assert len(list(cache.glob("*.part"))) == 4 and not list(cache.glob("*.npy"))
    for process in processes:  # all are filling now: let them go on together
        process.stdin.write("\n")
        process.stdin.flush()
    digests = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(digests) == 1 and len(digests.pop().strip()) == 64
    assert [path.suffix for path in cache.iterdir()] == [".npy"]


def test_killed_fill_leaves_no_entry(tmp_path):
    folder, root = write_images(tmp_path / "clip", noise(150, 8, 9)), tmp_path / "cache"
    process = start_fill(folder, root)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [path.suffix for path in root.iterdir()] == [".part"]
    video = Video("a", FrameFolder(folder))
    assert np.array_equal(FrameCache(root).open(video, (8, 9), 3)[:], noise(150, 8, 9))
    assert [path.suffix for path in root.iterdir()] == [".npy"]


def test_what_a_living_process_fills_is_not_swept_whatever_the_clock_says(tmp_path):
    folder, root = write_images(tmp_path / "clip", noise(150, 8, 9)), tmp_path / "cache"
    process = start_fill(folder, root)
    (part,) = root.iterdir()
    os.utime(part, (0, 0))  # as if the clock had jumped by decades
    FrameCache(root).open(Video("a", FrameFolder(folder)), (4, 4), 3)
    assert part.exists()
    process.communicate("\n")
    assert process.returncode == 0 and len(list(root.glob("*.npy"))) == 2
