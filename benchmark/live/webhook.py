"""Alarms posted to a web address by a thread of its own, so that no server keeps a camera waiting."""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from crossvad.datasets.errors import InputError

WAITING = 100  # alarms that wait to be posted, at most; then the oldest gives way
TIMEOUT = 5.0  # seconds that a server has
PAUSES = (1.0, 5.0)  # seconds before the second try, and the third
LAST_WORDS = 10.0  # seconds that are left to post what waits when the watch is over


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An alarm goes to the address that was named, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""
        return


class Webhook(threading.Thread):
    """Posts JSON to one address. What fails is told once, until it works again."""

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
            raise InputError("--webhook", "is no address of a server", "say http://… or https://…")
        super().__init__(daemon=True, name="webhook")
        self.shown = f"{parts.scheme}://{host}"  # what follows is often a secret
        self._address, self._tell, self._failing = address, tell, False
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING)
        self._over = threading.Event()
        self._open = urllib.request.build_opener(_NoRedirect).open
        self.start()

    def post(self, line: str) -> None:
        """Have a line of JSON posted soon; returns at once."""
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
        if self.is_alive():
            self._tell(f"webhook {self.shown}: alarms that it did not take in time are left out")

    def run(self) -> None:
        """Post what comes, in order."""
        while (line := self._waiting.get()) is not None:
            if problem := self._posted(line):
                if not self._failing:
                    self._tell(f"webhook {self.shown} does not take alarms ({problem}); each is tried three times")
                self._failing = True
            elif self._failing:
                self._failing = False
                self._tell(f"webhook {self.shown} takes alarms again")

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
            except Exception as error:  # such as a server that speaks no HTTP
                problem = type(error).__name__
            if pause is None or self._over.wait(pause):
                break
        return problem

    def _forget_one(self) -> None:
        try:
            self._waiting.get_nowait()
        except queue.Empty:
            return
        if not self._failing:
            self._failing = True
            self._tell(f"webhook {self.shown} is too slow: the oldest of {WAITING} alarms that wait is left out")
