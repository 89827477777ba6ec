"""One file that hangs is given up and named; the others are done, and nothing waits for it."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.patience import Abandoned, in_time, patience


def write_images(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.fromarray(np.full((8, 9, 3), number, np.uint8)).save(folder / f"{number:03d}.png")
    return folder


def test_every_item_is_worked_on_once_and_so_many_at_a_time():
    lock, seen, inside, most, three = threading.Lock(), [], 0, 0, threading.Barrier(3)

    def work(item, beat):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        if item < 3:  # the first are there together, however late each begins
            three.wait(60)
        time.sleep(0.01)
        with lock:
            inside -= 1
            seen.append(item)

    assert in_time(range(20), work, 3, 60) == []
    assert sorted(seen) == list(range(20)) and most == 3
    assert in_time([], work, 3, 60) == []


def test_what_hangs_is_given_up_while_the_rest_goes_on():
    done, release, told = [], threading.Event(), []

    def work(item, beat):
        if item == "hangs":
            release.wait()
            try:
                beat()
            except Abandoned:
                told.append(item)
                return
        for _ in range(9 if item == "a" else 1):  # long in all, but never long without a sign of life
            time.sleep(0.25)
            beat()
        done.append(item)

    try:
        assert in_time(["a", "hangs", "b", "c"], work, 2, 2.0) == ["hangs"]
        assert sorted(done) == ["a", "b", "c"]
    finally:
        release.set()
    for thread in [each for each in threading.enumerate() if each.daemon and hasattr(each, "beat")]:
        thread.join(60)
    assert told == ["hangs"]  # whatever comes to life again stops by itself


def test_an_error_ends_it_and_what_runs_is_told(monkeypatch):
    monkeypatch.setattr("crossvad.datasets.readers.patience.GRACE", 60.0)
    stopped = threading.Event()

    def work(item, beat):
        if item == "bad":
            raise ArithmeticError(item)
        try:
            while True:
                time.sleep(0.01)
                beat()
        except Abandoned:
            stopped.set()

    with pytest.raises(ArithmeticError, match="bad"):
        in_time(["endless", "bad", "never begun"], work, 2, 60)
    assert stopped.is_set()


@pytest.mark.parametrize("said", ["soon", "0", "-3", "nan", "inf"])
def test_a_patience_that_is_no_time_is_refused(said, monkeypatch):
    monkeypatch.setenv("CROSSVAD_PATIENCE", said)
    with pytest.raises(InputError, match=f"CROSSVAD_PATIENCE={said}: is no number of seconds"):
        patience()


class Stuck(FrameFolder):
    """Reads a pipe that nobody writes to: opening it hangs for real."""

    def blocks(self, size, channels, start=0, stop=None):
        (self.path / "pipe").read_bytes()
        yield from super().blocks(size, channels, start, stop)


def test_a_video_that_hangs_is_named_and_the_others_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSVAD_PATIENCE", "4")
    good, bad = (write_images(tmp_path / name, 6) for name in ("good", "stuck"))
    os.mkfifo(bad / "pipe")
    good, stuck = Video("good", FrameFolder(good)), Video("stuck", Stuck(bad))
    cache = FrameCache(tmp_path / "cache")
    failed = cache.fill([stuck, good], (8, 9), 3, jobs=2)
    assert [*failed] == [stuck] and "stuck: gave no sign of life for 4 s; leave it out" in str(failed[stuck])
    assert cache.open(good, (8, 9), 3)[:].mean((1, 2, 3)).tolist() == [*range(6)]
    with (bad / "pipe").open("wb"):  # it comes to life again, and nobody waits for it
        pass


def test_a_process_that_was_paused_gives_nothing_up(tmp_path):
    """Its threads were paused with it: that they gave no sign of life meanwhile is not their fault."""
    script = textwrap.dedent("""
        import sys, time
        from crossvad.datasets.readers.patience import in_time

        def work(item, beat):
            print("at work", flush=True)
            for _ in range(20):
                until = time.thread_time() + 0.1  # not asleep, or it would wake with whoever looks
                while time.thread_time() < until:
                    pass
                beat()

        print("late:", in_time([0], work, 1, 2.0))
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=300)
    assert said.endswith("late: []\n")


def test_a_process_ends_although_a_decoder_hangs(tmp_path):
    """As no thread can be ended from outside, it must not be waited for."""
    script = textwrap.dedent("""
        import time
        from pathlib import Path
        from crossvad.datasets.base import Video
        from crossvad.datasets.readers.frame_cache import FrameCache
        from crossvad.datasets.readers.frame_folder import FrameFolder

        class Hanging(FrameFolder):
            def blocks(self, size, channels, start=0, stop=None):
                time.sleep(3600)

        import sys
        failed = FrameCache(Path(sys.argv[2])).fill([Video("v", Hanging(Path(sys.argv[1])))], (8, 9), 3)
        print(*failed.values())
    """)
    folder = write_images(tmp_path / "clip", 3)
    done = subprocess.run(
        [sys.executable, "-c", script, folder, tmp_path / "cache"],
        env=os.environ | {"CROSSVAD_PATIENCE": "0.5"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0 and "v: gave no sign of life" in done.stdout
