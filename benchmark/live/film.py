"""Films of alarms: the seconds before one are at hand, those of it and after it are written as they come."""

from __future__ import annotations

import io
from collections import deque
from contextlib import ExitStack
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from crossvad.footage.video_library import video_library
from crossvad.live.stream import RUNNING, LiveFrame
from crossvad.present.atomic_files import replacing

BEFORE = 3.0  # seconds; after an alarm there are as many as it takes to be over
LONGEST = 60.0  # seconds of an alarm that are filmed
MOST_KEPT = 300  # pictures of the seconds before, whatever rate a stream claims
TICKS = 90_000  # of a film's clock in a second


class AlarmFilm:
    """Films the alarms of one camera, one at a time."""

    def __init__(self, camera: str, folder: Path) -> None:
        """Write to a folder that is there."""
        self.camera, self.folder = camera, folder
        self._before: deque[LiveFrame] = deque(maxlen=MOST_KEPT)
        self._writer: _Writer | None = None

    def path(self, number: int, clock: float) -> Path:
        """Where the film of an alarm lies, by the alarm's number and when it began."""
        began = datetime.fromtimestamp(clock, UTC).strftime("%Y%m%dT%H%M%SZ")
        return self.folder / f"{self.camera}-{began}-{number:04d}.mp4"

    def add(self, frame: LiveFrame) -> None:
        """Take the next frame, which has a picture.

        Raises:
            OSError: nothing can be written.
        """
        if self._before and frame.connection != self._before[-1].connection:
            self._before.clear()
        self._before.append(frame)
        while frame.at - self._before[0].at > BEFORE:
            self._before.popleft()
        if self._writer is not None:
            self._writer.write(frame)

    def begin(self, path: Path) -> None:
        """Begin a film with the seconds before.

        Raises:
            InputError: nothing can be written there.
            OSError: likewise.
        """
        self._writer = _Writer(path)
        for frame in self._before:
            self._writer.write(frame)

    def end(self) -> None:
        """End the film that is being written, if there is one: now it is there.

        Raises:
            InputError: nothing can be written.
            OSError: likewise.
        """
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def drop(self) -> None:
        """Leave the film that is being written, as something is wrong with it; nothing of it stays."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.drop()


class _Writer:
    """One film on its way to its file, which is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._stack, self._first = ExitStack(), 0.0
        self._stream: Any = None
        draft = self._stack.enter_context(replacing(path))
        self._container: Any = self._stack.enter_context(video_library(RUNNING).open(str(draft), "w"))

    def write(self, frame: LiveFrame) -> None:
        av = video_library(RUNNING)
        picture = Image.open(io.BytesIO(frame.picture or b"")).convert("RGB")
        if self._stream is None:
            codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
            options = {"preset": "veryfast"} if codec == "libx264" else {}
            self._stream = self._container.add_stream(codec, rate=25, options=options)
            self._stream.width, self._stream.height, self._stream.pix_fmt = *picture.size, "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, TICKS)
            self._first = frame.at
        if frame.at - self._first > BEFORE + LONGEST:
            return
        if picture.size != (self._stream.width, self._stream.height):  # the camera has changed its size
            picture = picture.resize((self._stream.width, self._stream.height))
        made = av.VideoFrame.from_image(picture)
        made.pts, made.time_base = round((frame.at - self._first) * TICKS), Fraction(1, TICKS)
        self._container.mux(self._stream.encode(made))

    def close(self) -> None:
        try:
            with self._stack:
                if self._stream is not None:
                    self._container.mux(self._stream.encode(None))
        finally:
            self._let_go()

    def drop(self) -> None:
        try:
            self._stack.__exit__(OSError, OSError("dropped"), None)
        except Exception:  # it is being left because of such an error
            return
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Free the encoder and its threads at once: an error that remembers this writer would keep them for long."""
        self._container = self._stream = None
