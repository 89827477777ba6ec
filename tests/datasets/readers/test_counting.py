"""Frames are counted apart: a file that ends the process it is opened in ends no run."""

import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers import counting
from crossvad.datasets.readers.counting import frames_in
from crossvad.datasets.readers.video_file import VideoFile
from miniatures import frames, write_video


@pytest.fixture(autouse=True)
def none_waiting():
    """Each test starts processes of its own, and leaves none."""
    counting._end_all()
    yield
    counting._end_all()


@pytest.fixture
def sound(tmp_path):
    return write_video(tmp_path / "a ü.avi", frames(20))


@pytest.fixture
def endless(tmp_path):
    """A sound file but for one number: it claims to last 30 000 years, and no machine has room for so many frames."""
    path = write_video(tmp_path / "endless.mkv", frames(20), "mpeg4")
    before, duration, after = path.read_bytes().partition(b"\x44\x89\x88")  # Duration, of 8 bytes: milliseconds
    path.write_bytes(before + duration + struct.pack(">d", 1e15) + after[8:])
    return path


@pytest.mark.parametrize("use", [len, lambda file: file.times, lambda file: [*file.blocks(None, 3, 0, 5)]])
def test_what_would_end_the_process_is_an_error_that_names_the_file(endless, sound, use):
    with pytest.raises(InputError, match=r"endless\.mkv: makes the decoder crash: it is damaged, .*; fetch it again"):
        use(VideoFile(endless))
    assert frames_in(sound) == 20


def test_other_errors_are_told_as_they_are(tmp_path):
    for content, problem in ((b"", "is empty"), (b"not a video" * 100, r"cannot be decoded.*\(Invalid data")):
        (tmp_path / "b.avi").write_bytes(content)
        with pytest.raises(InputError, match=rf"^{tmp_path}/b\.avi: {problem}"):
            frames_in(tmp_path / "b.avi")


def test_a_relative_path_is_of_the_folder_one_is_in_now(sound, tmp_path, monkeypatch):
    assert frames_in(sound) == 20
    monkeypatch.chdir(tmp_path)
    assert frames_in(sound.relative_to(tmp_path)) == 20


def test_one_process_counts_file_after_file(sound):
    assert frames_in(sound) == 20
    (first,) = counting._waiting
    assert frames_in(sound) == 20
    assert [*counting._waiting] == [first]


def test_a_process_that_was_ended_while_it_waited_is_replaced(sound):
    frames_in(sound)
    (counter,) = counting._waiting
    counter.process.kill()
    counter.process.wait()
    assert frames_in(sound) == 20


def test_a_fork_uses_none_of_the_processes_of_the_one_it_was_forked_from(sound):
    frames_in(sound)
    (counter,) = counting._waiting
    counter.owner += 1
    assert frames_in(sound) == 20
    (own,) = counting._waiting
    assert own is not counter and counter.process.poll() is None
    counter.end()


def test_processes_that_were_ended_while_they_waited_are_no_fault_of_a_file(sound):
    counting._waiting.extend([counting._Counter() for _ in range(counting.KEPT)])
    for counter in counting._waiting:
        counter.process.kill()
        counter.process.wait()
    assert frames_in(sound) == 20 and len(counting._waiting) == 1


def test_a_name_that_is_not_utf8_is_told_as_such(sound):
    path = sound.rename(sound.with_name(os.fsdecode(b"caf\xe9.avi")))
    with pytest.raises(InputError, match=r"has a name that is not UTF-8; rename it"):
        frames_in(path)


def test_nothing_in_the_folder_one_is_in_is_run(sound, tmp_path, monkeypatch):
    (tmp_path / "decord.py").write_text("raise SystemExit('a stranger wrote this')")
    monkeypatch.chdir(tmp_path)
    assert frames_in(sound) == 20 and len(counting._waiting) == 1


def test_many_at_once_and_only_the_bad_ones_fail(endless, sound):
    answers = {}

    def work(number):
        try:
            answers[number] = frames_in(endless if number % 3 == 0 else sound)
        except InputError:
            answers[number] = "refused"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert answers == {number: 20 if number % 3 else "refused" for number in range(9)}
    assert len(counting._waiting) <= counting.KEPT


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere/python", ""])
def test_where_no_process_can_be_started_frames_are_counted_here(sound, monkeypatch, python):
    monkeypatch.setattr(sys, "executable", python)
    assert frames_in(sound) == 20 and not counting._waiting


def test_what_interrupts_the_wait_ends_a_process_that_hangs(sound, monkeypatch):
    frames_in(sound)
    (counter,) = counting._waiting
    counter.process.send_signal(signal.SIGSTOP)

    def stop(number, frame):
        raise KeyboardInterrupt

    line = counter._line

    def awaited():
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        return line()

    monkeypatch.setattr(counter, "_line", awaited)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            frames_in(sound)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert counter.process.returncode == -signal.SIGKILL and not counting._waiting
    assert frames_in(sound) == 20


def test_it_ends_even_while_it_is_busy_once_nothing_more_can_be_asked():
    code = """
        import time
        from crossvad.datasets.readers import counting
        counting.opened = lambda path, size: time.sleep(600)
        counting._serve()
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], **pipes) as process:
        assert process.stdout.readline() == counting.READY
        process.stdin.write(b'"a.avi"\n')
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.stdin.close()
        assert process.wait(120) == 0


def test_it_ends_with_a_process_that_is_killed(sound):
    code = """
        import os, signal, sys
        from pathlib import Path
        from crossvad.datasets.readers import counting
        counting.frames_in(Path(sys.argv[1]))
        print(counting._waiting[0].process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code), sound], stdout=subprocess.PIPE, check=False)
    until = time.monotonic() + 120
    while _runs(int(told.stdout)):
        assert time.monotonic() < until
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
