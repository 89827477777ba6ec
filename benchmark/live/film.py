"""Films of alarms: the seconds before one are at hand, those of it and after it are written as they come.

One that is not over lies in a hidden folder beside its place. It is written in pieces of a second, each of which can be
played once it is there: what a killed process or a power cut left of it is put in its place when the next watch begins.
"""

from __future__ import annotations

import io
import re
import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from crossvad.footage.video_library import video_library
from crossvad.live.stream import RUNNING, LiveFrame
from crossvad.store.drafts import claimed, drafting

BEFORE = 3.0  # seconds; after an alarm there are as many as it takes to be over
LONGEST = 60.0  # seconds of an alarm that are filmed
MOST_KEPT = 300  # pictures of the seconds before, whatever rate a stream claims
TICKS = 90_000  # of a film's clock in a second
PIECES = {"movflags": "hybrid_fragmented", "frag_duration": "1000000", "flush_packets": "1"}  # of 1,000,000 us


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
            OSError: nothing can be written there.
        """
        self._writer = _Writer(path)
        for frame in self._before:
            self._writer.write(frame)

    def end(self) -> None:
        """End the film that is being written, if there is one: now it is there.

        Raises:
            OSError: nothing can be written.
        """
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def drop(self) -> None:
        """Leave the film that is being written, as something is wrong with it; nothing of it stays."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.drop()


def rescued(camera: str, folder: Path) -> Iterator[Path]:
    """Put what killed watches left of a camera's films in their places; what does not play is removed.

    Films that a living process writes are left alone.
    """
    left_over = re.compile(rf"\.({re.escape(camera)}-\d{{8}}T\d{{6}}Z-\d{{4,}}\.mp4)-[a-z0-9_]{{8}}")
    for left in sorted(folder.glob(f".{camera}-*")):
        found = left_over.fullmatch(left.name)
        if found is None or left.is_symlink():
            continue
        with suppress(OSError), claimed(left) as free:
            if not free:
                continue
            film, place = left / found[1], folder / found[1]
            if _plays(film) and not place.exists():
                film.replace(place)
                yield place
            shutil.rmtree(left, ignore_errors=True)


def _plays(film: Path) -> bool:
    """Whether a file, which may end anywhere, shows a frame."""
    av = video_library(RUNNING)
    if film.is_symlink() or not film.is_file():
        return False
    try:
        with av.open(str(film)) as container:
            return next(container.decode(video=0), None) is not None
    except (av.FFmpegError, IndexError):
        return False


class _Writer:
    """One film on its way to its file, which is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path, self._first = path, 0.0
        self._stream: Any = None
        with ExitStack() as stack:
            self._draft = stack.enter_context(drafting(path.parent, path.name)) / path.name
            library = video_library(RUNNING)
            self._container: Any = stack.enter_context(library.open(str(self._draft), "w", options=PIECES))
            self._stack = stack.pop_all()

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
                self._container.close()
                self._draft.replace(self._path)
        finally:
            self._let_go()

    def drop(self) -> None:
        try:
            self._stack.close()
        except Exception:  # it is being left because of such an error
            return
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Free the encoder and its threads at once: an error that remembers this writer would keep them for long."""
        self._container = self._stream = None
