"""Alarms are posted, tried again, and never waited for."""

import threading
import time

import pytest

from crossvad.datasets.errors import InputError
from crossvad.live import webhook
from crossvad.live.webhook import Webhook


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSES", (0.02, 0.02))
    monkeypatch.setattr(webhook, "LAST_WORDS", 3.0)


def until(condition):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < 10
        time.sleep(0.01)


def test_lines_are_posted_in_order(alarm_server):
    address, got, _ = alarm_server
    hook = Webhook(f"{address}/alarms?key=1", told := [].append)
    for number in range(5):
        hook.post(f'{{"alarm": {number}}}')
    hook.close()
    assert got == [("/alarms?key=1", "application/json", f'{{"alarm": {n}}}'.encode()) for n in range(5)]
    assert told.__self__ == []


def test_what_fails_is_tried_three_times_and_told_once_until_it_works(alarm_server):
    address, got, codes = alarm_server
    codes += [500, 500, 200] + [503] * 3 + [404] * 3 + [200]
    told = []
    hook = Webhook(f"{address}/secret", told.append)
    for line in "abcd":
        hook.post(line)
    until(lambda: len(got) == 10)
    hook.close()
    assert [body for *_, body in got] == [b"a"] * 3 + [b"b"] * 3 + [b"c"] * 3 + [b"d"]
    assert len(told) == 2 and "does not take alarms (it answers 503)" in told[0] and "takes alarms again" in told[1]
    assert not any("secret" in text for text in told)


def test_no_other_address_is_gone_to(alarm_server):
    address, got, codes = alarm_server
    codes += [302] * 3
    hook = Webhook(address, told := [].append)
    hook.post("a")
    until(lambda: len(got) == 3)
    hook.close()
    assert {each[0] for each in got} == {"/"} or {each[0] for each in got} == {""}, got
    assert "it answers 302" in told.__self__[0]


def test_posting_never_waits(monkeypatch):
    """Not even for a alarm_server that takes for ever, or for one that is not there."""
    monkeypatch.setattr(webhook, "LAST_WORDS", 0.2)
    stuck, told = threading.Event(), []
    hook = Webhook("http://127.0.0.1:9/", told.append)
    monkeypatch.setattr(hook, "_open", lambda *_, **__: stuck.wait(20))
    started = time.monotonic()
    for number in range(1000):
        hook.post(str(number))
    assert hook._waiting.qsize() <= webhook.WAITING
    hook.close()
    assert time.monotonic() - started < 2
    assert sum("too slow" in text for text in told) == 1 and "left out" in told[-1]
    stuck.set()
    gone = Webhook("http://127.0.0.1:9/", told.append)
    gone.post("a")
    gone.close()
    assert "does not take alarms" in told[-1]


@pytest.mark.parametrize("address", ["ftp://h/", "file:///etc/passwd", "h/x", "http://", "http://h /", "https://[h"])
def test_another_address_is_refused(address):
    with pytest.raises(InputError, match="--webhook: is no address of a server"):
        Webhook(address, print)
