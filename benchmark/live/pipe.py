"""What is piped in: its first bytes are looked at before anything else reads it, as each byte comes once."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Iterator
from typing import Any

from crossvad.datasets.errors import InputError

HEAD = 2**16  # bytes that are looked at
PATIENCE = 15.0  # seconds that a silent pipe is waited for; then it is taken at its word
FIX = "pipe video in that can be read as it comes: ffmpeg -i ADDRESS -f matroska - | bench score - …"


class Pipe:
    """A descriptor as a file of which nothing is lost that was looked at; PyAV reads it so."""

    def __init__(self, descriptor: int = 0) -> None:
        self.descriptor, self._head = descriptor, b""

    def read(self, size: int) -> bytes:
        """At most so many bytes, as soon as there are any; none at the end."""
        given, self._head = self._head[:size], self._head[size:]
        return given or os.read(self.descriptor, size)

    def refuse_unfit(self, av: Any) -> None:
        """Look at what comes first; `av` is PyAV.

        Raises:
            InputError: it is a terminal, empty, or no video.
        """
        if os.isatty(self.descriptor):
            raise InputError("-", "is what is piped in, and nothing is: stdin is a terminal", FIX)
        while len(self._head) < HEAD:
            if not select.select([self.descriptor], [], [], PATIENCE)[0]:
                return  # it may have begun with a header, and its camera not yet
            if not (more := os.read(self.descriptor, HEAD - len(self._head))):
                break
            self._head += more
        if not self._head:
            raise InputError("-", "is an empty pipe: what should write to it has ended", FIX)
        kinds = [*_boxes(self._head)]
        if b"mdat" in kinds and b"moov" not in kinds:
            problem = "is an MP4 whose index is at its end, which a pipe does not have"
            fix = "give the file itself, or write it anew first: ffmpeg -i FILE -c copy -movflags +faststart NEW.mp4"
            raise InputError("-", problem, fix)
        if b"ftyp" not in kinds and not self._shows(av):  # an MP4 may need more than its first bytes to be opened
            raise InputError("-", "is no video that can be read from a pipe", FIX)

    def _shows(self, av: Any) -> bool:
        """Whether what came first has a picture in it."""
        try:
            with av.open(io.BytesIO(self._head)) as container:
                return bool(container.streams.video)
        except av.FFmpegError:
            return False


def _boxes(head: bytes) -> Iterator[bytes]:
    """The kinds of the boxes that an MP4 begins with (ISO/IEC 14496-12, 4.2), as far as it is at hand."""
    place, size = 0, 8
    while size >= 8 and place + 8 <= len(head):  # less: its size stands elsewhere, or it goes on to the end
        size = int.from_bytes(head[place : place + 4])
        yield head[place + 4 : place + 8]
        place += size


STDIN = Pipe()
