"""A web server that takes a connection and then says nothing: it is given up, and named."""

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace

import pytest

from crossvad.store import objects
from crossvad.store.objects import Objects, Unreachable
from crossvad.store.opening import open_store
from live_made import until

pytest.importorskip("aiohttp", reason="aiohttp is not installed")


@pytest.fixture
def silent(monkeypatch):
    """The address of a server that accepts whoever calls, and counts them."""
    monkeypatch.setattr(objects, "SILENCE", 0.5)
    callers: list[socket.socket] = []
    door = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                callers.append(door.accept()[0])
            except OSError:  # closed
                return

    threading.Thread(target=accept, daemon=True).start()
    yield f"127.0.0.1:{door.getsockname()[1]}/results", callers
    door.shutdown(socket.SHUT_RDWR)
    door.close()
    for caller in callers:
        caller.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_server_is_given_up_and_named(silent, scheme, monkeypatch):
    address, callers = silent
    tried_again = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: pytest.fail("it was tried again"))
    monkeypatch.setattr(objects, "time", tried_again)
    with pytest.raises(Unreachable, match=rf"{address}: gave no sign of life for 0.5 s; .*CROSSVAD_PATIENCE=SECONDS"):
        open_store(f"{scheme}://{address}").refuse_missing()
    until(lambda: callers)  # it was called


def test_reading_a_file_is_given_up_too(silent):
    with pytest.raises(Unreachable, match=r"gave no sign of life for 0\.5 s"):
        Objects(f"http://{silent[0]}").read("runs/cells/0/record.json", 100)


def test_the_users_patience_counts(silent, monkeypatch):
    monkeypatch.setenv("CROSSVAD_PATIENCE", "1")
    with pytest.raises(Unreachable, match="gave no sign of life for 1 s"):
        Objects(f"http://{silent[0]}").names("reference")


def test_a_server_that_keeps_sending_is_heard_to_the_end(silent, monkeypatch):
    monkeypatch.setattr(objects, "SILENCE", 3.0)  # a busy machine may keep it from sending for a while
    address, callers = silent

    def send_slowly():
        while not callers:
            time.sleep(0.01)
        callers[0].recv(4096)
        callers[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 60\r\n\r\n")
        for letter in b'<a href="abc">abc</a>'.ljust(60):
            time.sleep(0.06)
            callers[0].sendall(bytes([letter]))

    threading.Thread(target=send_slowly, daemon=True).start()
    began = time.monotonic()
    assert Objects(f"http://{address}").names("reference") == ["abc"]
    assert time.monotonic() - began > objects.SILENCE, "which took longer than it may be silent"
