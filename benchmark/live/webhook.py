"""Alarms posted to a web address by a thread of its own, so that no server keeps a camera waiting."""

from __future__ import annotations

import http.client
import queue
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun
from crossvad.datasets.words import number_of

WAITING = 100  # lines that wait to be posted, at most; then the oldest gives way
TIMEOUT = 5.0  # seconds that a server has for its answer
PAUSES = (1.0, 5.0)  # seconds before the second try, and the third
LAST_WORDS = 10.0  # seconds that are left to post what waits when the watch is over


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An alarm goes to the address that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""
        return


class _Hasty(http.client.HTTPConnection):
    """A connection that is cut off unless all of an answer's head is there in time: single bytes win no more of it."""

    _late = False

    def getresponse(self) -> http.client.HTTPResponse:
        """Read the head of an answer.

        Raises:
            TimeoutError: it came too slowly.
        """
        cut = threading.Timer(TIMEOUT, self._cut_off)
        cut.daemon = True
        cut.start()
        try:
            return super().getresponse()
        except Exception as error:
            if self._late:
                raise TimeoutError from error
            raise
        finally:
            cut.cancel()

    def _cut_off(self) -> None:
        self._late = True
        with suppress(OSError, AttributeError):  # it may just have been closed
            self.sock.shutdown(socket.SHUT_RDWR)


class _HastyTls(_Hasty, http.client.HTTPSConnection):
    """The same, encrypted."""


class _HastyHttp(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open http://…"""
        return self.do_open(_Hasty, request)


class _HastyHttps(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open https://…"""
        return self.do_open(_HastyTls, request)


class Webhook(threading.Thread):
    """Posts JSON to one address. That it fails is told once, until all that waits is posted; lost lines are counted."""

    def __init__(self, address: str, tell: Callable[[str], None]) -> None:
        """Prepare, and post nothing yet.

        Args:
            address: http://… or https://…
            tell: called with what an operator should know, from a thread of its own.

        Raises:
            InputError: that is no such address.
        """
        try:
            parts = urlsplit(address)
            host = parts.hostname
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or not address.isprintable() or " " in address:
            raise InputError(noun("webhook"), "is no address of a server", "say http://… or https://…")
        super().__init__(daemon=True, name="webhook")
        self.shown = f"{parts.scheme}://{host}"  # what follows is often a secret
        self._address, self._tell, self._failing = address, tell, False
        self._given = self._taken = 0  # lines: that were to be posted, and that the server took
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING)
        self._over = threading.Event()
        self._open = urllib.request.build_opener(_NoRedirect, _HastyHttp, _HastyHttps).open
        self.start()

    def post(self, line: str) -> None:
        """Have a line of JSON posted soon; returns at once."""
        self._given += 1
        while True:
            try:
                self._waiting.put_nowait(line)
                return
            except queue.Full:
                self._forget_one()

    def close(self) -> None:
        """Post what waits, if that takes no more than some seconds."""
        self._over.set()
        if self._waiting.full():
            self._forget_one()
        self._waiting.put_nowait(None)
        self.join(LAST_WORDS)
        if self._lost:
            self._tell(f"webhook {self.shown}: {self._lost}")

    def run(self) -> None:
        """Post what comes, in order."""
        while (line := self._waiting.get()) is not None:
            if problem := self._posted(line):
                self._fails(f"does not take alarms ({problem}); each is tried three times")
                continue
            self._taken += 1
            if self._failing and self._waiting.empty():
                self._failing = False
                self._tell(f"webhook {self.shown} takes alarms again{self._lost and '; ' + self._lost}")

    @property
    def _lost(self) -> str:
        lost = self._given - self._taken
        return f"not posted so far: {lost:,} of {number_of(self._given, 'line')} of JSON" if lost else ""

    def _fails(self, how: str) -> None:
        if not self._failing:
            self._failing = True
            self._tell(f"webhook {self.shown} {how}")

    def _posted(self, line: str) -> str:
        """Post a line; returns why it could not be, or nothing."""
        request = urllib.request.Request(
            self._address, line.encode(), {"Content-Type": "application/json", "User-Agent": "crossvad"}
        )
        problem = ""
        for pause in (*PAUSES, None):
            try:
                with self._open(request, timeout=TIMEOUT):
                    return ""
            except urllib.error.HTTPError as error:
                error.close()
                problem = f"it answers {error.code}"
            except urllib.error.URLError as error:
                problem = str(error.reason)
            except TimeoutError:
                problem = f"no answer in {TIMEOUT:g} s"
            except Exception as error:  # such as a server that speaks no HTTP
                problem = type(error).__name__
            if pause is None or self._over.wait(pause):
                break
        return problem

    def _forget_one(self) -> None:
        with suppress(queue.Empty):
            self._waiting.get_nowait()
            self._fails(f"is too slow: the oldest of {WAITING} lines that wait is left out")
