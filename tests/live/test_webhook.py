"""Alarms are posted, tried again, and never waited for."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from crossvad.datasets.errors import InputError
from crossvad.live import handing, webhook
from crossvad.live.webhook import Webhook
from live_made import until


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSES", (0.02, 0.02))
    monkeypatch.setattr(handing, "LAST_WORDS", 60.0)


def test_lines_are_posted_in_order(alarm_server):
    address, got, _ = alarm_server
    hook = Webhook(f"{address}/alarms?key=1", told := [].append)
    for number in range(5):
        hook.put(f'{{"alarm": {number}}}')
    hook.close()
    assert got == [("/alarms?key=1", "application/json", f'{{"alarm": {n}}}'.encode()) for n in range(5)]
    assert told.__self__ == []


def test_what_fails_is_tried_three_times_and_told_once_until_it_works(alarm_server):
    address, got, codes = alarm_server
    codes += [500, 500, 200] + [503] * 3 + [404] * 3 + [200]
    told = []
    hook = Webhook(f"{address}/secret", told.append)
    for line in "abcd":
        hook.put(line)
    until(lambda: len(told) == 2)
    hook.close()
    assert [body for *_, body in got] == [b"a"] * 3 + [b"b"] * 3 + [b"c"] * 3 + [b"d"]
    assert len(told) == 3 and "does not take alarms (it answers 503)" in told[0]
    lost = "not posted so far: 2 of 4 lines of JSON"
    assert told[1:] == [f"webhook http://127.0.0.1 takes alarms again; {lost}", f"webhook http://127.0.0.1: {lost}"]
    assert not any("secret" in text for text in told)


def test_no_other_address_is_gone_to(alarm_server):
    address, got, codes = alarm_server
    codes += [302] * 3
    hook = Webhook(address, told := [].append)
    hook.put("a")
    until(lambda: len(got) == 3)
    hook.close()
    assert {each[0] for each in got} == {"/"} or {each[0] for each in got} == {""}, got
    assert "it answers 302" in told.__self__[0]


def test_posting_never_waits(monkeypatch):
    """Not even for a alarm_server that takes for ever, or for one that is not there."""
    monkeypatch.setattr(handing, "LAST_WORDS", 0.2)
    stuck, told = threading.Event(), []
    hook = Webhook("http://127.0.0.1:9/", told.append)
    monkeypatch.setattr(hook, "_open", lambda *_, **__: stuck.wait(120))
    for number in range(1000):
        hook.put(str(number))
    assert hook._waiting.qsize() <= hook.most
    hook.close()
    assert hook.is_alive(), "it waits for its server, and nobody for it"
    assert sum("too slow" in text for text in told) == 1
    assert told[-1].endswith("not posted so far: 1,000 of 1,000 lines of JSON")
    stuck.set()
    monkeypatch.setattr(handing, "LAST_WORDS", 60.0)
    gone = Webhook("http://127.0.0.1:9/", told.append)
    gone.put("a")
    gone.close()
    assert "does not take alarms" in told[-2] and "1 of 1 line of" in told[-1]


def test_a_slow_server_is_told_of_once_and_what_it_lost_is_counted(alarm_server, monkeypatch):
    monkeypatch.setattr(Webhook, "most", 10)
    address, got, _ = alarm_server
    hook = Webhook(address, (told := []).append)
    post, turns = hook.handed, threading.Semaphore(0)
    monkeypatch.setattr(hook, "handed", lambda line: turns.acquire() and post(line))
    for number in range(100):  # of which it takes every fourth
        hook.put(str(number))
        if number % 4 == 0:
            turns.release()
            until(lambda: len(got) > number // 4)  # noqa: B023
    turns.release(100)
    until(lambda: len(told) == 2)
    hook.close()
    lost = f"not posted so far: {100 - len(got)} of 100 lines of JSON"
    assert "too slow" in told[0] and told[1].endswith(f"takes alarms again; {lost}") and told[2].endswith(lost)
    assert 10 < len(got) < 90 and len(told) == 3 and got[-1][-1] == b"99"


def test_a_server_that_answers_byte_by_byte_has_no_more_time_than_others(monkeypatch):
    monkeypatch.setattr(webhook, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        for _ in range(200):
                            connection.sendall(b"H")
                            time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        hook = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/", (told := []).append)
        hook.put("a")
        until(lambda: told)
        hook.close()
    assert "does not take alarms (no answer in 0.2 s)" in told[0] and "1 of 1 line" in told[1]


@pytest.mark.parametrize("address", ["ftp://h/", "file:///etc/passwd", "h/x", "http://", "http://h /", "https://[h"])
def test_another_address_is_refused(address):
    with pytest.raises(InputError, match="--webhook: is no address of a server"):
        Webhook(address, print)
