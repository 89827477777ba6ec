"""A watch goes on, and tells of alarms, where nobody can be told anything on stderr."""

import json
import os
import sys
from contextlib import suppress

import pytest

from conftest import paint
from crossvad.live import webhook
from crossvad.live.telling import lasting_reporter
from crossvad.live.webhook import Webhook
from live_made import until
from miniatures import write_video


@pytest.fixture(params=["full", "gone", "unread"])
def failing(request):
    """A file on a disk without room, or a pipe whose reader is gone, or takes no more."""
    read = None
    if request.param == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        read, descriptor = os.pipe()
    if request.param == "gone":
        os.close(read)
    if request.param == "unread":
        os.set_blocking(descriptor, False)
        with suppress(BlockingIOError):
            while True:
                os.write(descriptor, b"x" * 4096)
        os.set_blocking(descriptor, True)
    file = os.fdopen(descriptor, "w", buffering=1)
    yield file
    if request.param == "unread":
        os.close(read)
    with suppress(OSError):
        file.close()


def test_a_watch_outlives_stderr(bench, north, tmp_path, failing, monkeypatch):
    monkeypatch.setattr(sys, "stderr", failing)
    film = write_video(tmp_path / "yard.mp4", paint(500, 3, 400), preset="veryfast")
    stdout = os.fstat(1)
    done = bench(
        "watch", film, "--source", f"path:{north}", "--budget", "smoke", "--look", "5s", "--method", "framediff"
    )
    told = [json.loads(line)["event"] for line in done.out.splitlines()]
    assert done.code == 0 and len(told) >= 2 and told == ["start", "end"] * (len(told) // 2)
    assert os.path.samestat(os.fstat(1), stdout)


def test_alarms_are_posted_on_where_a_server_failed_and_nobody_could_be_told(alarm_server, monkeypatch, failing):
    monkeypatch.setattr(sys, "stderr", failing)
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 0.01))
    address, got, codes = alarm_server
    codes += [503] * 3
    hook = Webhook(address, lasting_reporter().say)
    for line in "ab":
        hook.put(line)
    until(lambda: len(got) == 4 or not hook.is_alive())
    hook.close()
    assert [body for *_, body in got] == [b"a"] * 3 + [b"b"] and not hook.is_alive()


def test_what_stderr_takes_is_told(capsys):
    reporter = lasting_reporter()
    reporter.say("gate: is back")
    assert capsys.readouterr().err == "gate: is back\n" and not reporter.console.is_terminal
