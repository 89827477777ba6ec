"""Alarms are printed, and a stdout that nobody empties keeps nobody waiting."""

import os
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace

import pytest

from crossvad import api
from crossvad.commands.watch import tell_alarms
from crossvad.execution.progress import Reporter
from crossvad.execution.stopping import WatchCut
from crossvad.live import handing
from crossvad.live.standard_output import StandardOutput
from live_made import until


@contextmanager
def piped():
    """Stdout as a pipe: gives the descriptor of the end to read from."""
    read, write = os.pipe()
    with os.fdopen(write, "w") as file, redirect_stdout(file):
        yield read
    os.close(read)


def fill():
    """Leave no room in stdout; returns how many bytes it took."""
    descriptor = sys.stdout.fileno()
    os.set_blocking(descriptor, False)
    try:
        return os.write(descriptor, b"." * 2**20)
    finally:
        os.set_blocking(descriptor, True)


def test_lines_are_printed_in_order(monkeypatch):
    monkeypatch.setattr(handing, "LAST_WORDS", 60.0)
    with piped() as pipe:
        out = StandardOutput(pytest.fail, (told := []).append)
        for number in range(5):
            out.put(str(number))
        out.close()
        assert os.read(pipe, 100) == b"0\n1\n2\n3\n4\n" and not told


def test_a_reader_that_stops_reading_keeps_nobody_waiting_and_what_it_lost_is_told(monkeypatch):
    with piped() as pipe:
        monkeypatch.setattr(StandardOutput, "most", 10)
        monkeypatch.setattr(handing, "LAST_WORDS", 0.2)
        filled = fill()
        out = StandardOutput(pytest.fail, (told := []).append)
        for number in range(100):
            out.put(str(number))
        out.close()
        assert out.is_alive(), "it waits for its reader, and nobody for it"
        assert told == [
            "stdout is too slow: the oldest of 10 lines that wait is left out",
            "stdout: not printed so far: 100 of 100 lines of JSON",
        ]
        assert os.read(pipe, filled) == b"." * filled
        out.join(60)
        assert os.read(pipe, 1000).endswith(b"\n98\n99\n")


def test_a_reader_that_is_gone_ends_the_watch():
    with piped() as pipe:
        stops = []
        os.dup2(os.open(os.devnull, os.O_RDONLY), pipe)
        out = StandardOutput(lambda: stops.append(1), (told := []).append)
        out.put("a")
        until(lambda: stops)
        out.put("b")
        out.close()
        assert stops == [1] and not told


def test_a_process_ends_well_though_its_stdout_is_stuck():
    code = (
        "import os, sys; from crossvad.live import handing, standard_output; handing.LAST_WORDS = 0.1; "
        "os.set_blocking(1, False); os.write(1, b'.' * 2**20); os.set_blocking(1, True); "
        "out = standard_output.StandardOutput(lambda: None, print); out.put('a'); "
        "out._tell = lambda text: print(text, file=sys.stderr); out.close()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(120) == 0
        assert process.stderr.read() == b"stdout: not printed so far: 1 of 1 line of JSON\n"


def test_alarms_that_wait_are_printed_though_the_watch_is_cut(monkeypatch, capsys):
    class Cut(SimpleNamespace):
        def __iter__(self):
            yield from (SimpleNamespace(to_json=lambda number=number: f"alarm {number}") for number in range(500))
            raise KeyboardInterrupt

    monkeypatch.setattr(handing, "CUT_SHORT", 60.0)  # what is to show is that they are printed, and not how soon
    monkeypatch.setattr(api, "watch", lambda *_, **__: Cut(stop=list, notes=Reporter(quiet=True), failed=[]))
    with pytest.raises(WatchCut):
        tell_alarms({}, None)
    assert capsys.readouterr().out.split("\n") == [*(f"alarm {number}" for number in range(500)), ""]
