"""Alarms posted to a web address by a thread of its own, so that no server keeps a camera waiting."""

from __future__ import annotations

import http.client
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
from crossvad.live.handing import Handing

TIMEOUT = 5.0  # seconds that a server has for its answer
PAUSES = (1.0, 5.0)  # seconds before the second try, and the third


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


class Webhook(Handing):
    """Posts JSON to one address."""

    def __init__(self, address: str, tell: Callable[[str], None]) -> None:
        """Begin; nothing is posted yet.

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
        self._address = address
        self._open = urllib.request.build_opener(_NoRedirect, _HastyHttp, _HastyHttps).open
        super().__init__(f"webhook {parts.scheme}://{host}", "posted", tell)  # what follows is often a secret

    def handed(self, line: str) -> str:
        """Post a line; tries three times."""
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
            if pause is None or self.over.wait(pause):
                break
        return f"does not take alarms ({problem}); each is tried three times"
