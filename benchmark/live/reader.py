"""A camera read by a thread of its own: opened again when it fails, and never more frames kept than fit a queue."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import masked
from crossvad.live.cameras import PIPE, Camera
from crossvad.live.stream import Connection, LiveFrame

WAITING = 128  # frames of a camera that wait to be scored, at most
ENDED = "the stream ended"
STREAMED = "look at what writes to it, and have it write what can be read as it comes: ffmpeg -i ADDRESS -f matroska -"
LONGEST_WAIT = 60.0  # seconds between tries to open a camera again

Tell = Callable[[str], None]


class FrameQueue:
    """Frames on their way from a reader to the scoring; when it is full, the oldest give way, or the reader waits."""

    def __init__(self, waits: bool, arrived: threading.Event, most: int = WAITING) -> None:
        """Begin empty.

        Args:
            waits: whether `put` waits for room, and loses no frame.
            arrived: set whenever there is something new to see.
            most: frames, at most.
        """
        self.waits, self.arrived, self.lost = waits, arrived, 0
        self._frames: deque[LiveFrame] = deque(maxlen=most)
        self._changed, self._closed = threading.Condition(), False

    def __len__(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    def put(self, frame: LiveFrame) -> None:
        """Add a frame."""
        with self._changed:
            while self.waits and len(self._frames) == self._frames.maxlen and not self._closed:
                self._changed.wait()
            self.lost += len(self._frames) == self._frames.maxlen
            self._frames.append(frame)
        self.arrived.set()

    def take(self, most: int | None = None) -> list[LiveFrame]:
        """Take the frames that wait, oldest first; with `most`, no more than so many."""
        with self._changed:
            count = len(self._frames) if most is None else min(most, len(self._frames))
            taken = [self._frames.popleft() for _ in range(count)]
            self._changed.notify_all()
        return taken

    def skip(self) -> None:
        """Lose the frames that wait."""
        self.lost += len(self.take())

    def close(self) -> None:
        """Make nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class CameraReader(threading.Thread):
    """Reads one camera until it is stopped, or has ended."""

    def __init__(
        self,
        camera: Camera,
        clip: ClipSpec,
        pictures: bool,
        reconnect: int | None,
        arrived: threading.Event,
        tell: Tell,
    ) -> None:
        """Prepare; `start` opens the camera.

        Args:
            camera: the camera.
            clip: says how frames are wanted.
            pictures: whether to keep each frame as a picture too.
            reconnect: tries in a row to open a stream again; None: for ever.
            arrived: set whenever there is something new to see.
            tell: called, from this thread, with what an operator should know.
        """
        super().__init__(daemon=True, name=f"camera {camera.name}")
        self.camera, self.clip, self.pictures, self.reconnect, self.tell = camera, clip, pictures, reconnect, tell
        self.queue = FrameQueue(camera.waits, arrived)
        self.state = "opening"
        self.failure = ""  # why it is given up
        self.ended = False
        self.connections = 0
        self._number = -1
        self._tries = 0  # to open it again, in a row
        self._losses = 0  # since it last ran well: the waits grow with them
        self._told = False  # that it is lost
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Have it end at its next frame, or its next wait."""
        self._stopping.set()
        self.queue.close()

    def run(self) -> None:
        """Read, and open again what breaks off."""
        try:
            self._read_on()
        except Exception as error:  # that nobody foresaw: the camera must not be waited for
            self._give_up(reason(error, self.camera))
        finally:
            self.ended = True
            self.queue.arrived.set()

    def _read_on(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
                problem = ENDED
            except Exception as error:  # whatever a stranger's stream makes a decoder raise, others are watched on
                problem = reason(error, self.camera)
            if self.camera.address == PIPE and not self.connections:
                problem = f"no video came through the pipe ({problem}); {STREAMED}"
            if self._stopping.is_set() or not self._again(problem):
                break

    def _read(self) -> None:
        connection = Connection(self.camera, self.clip, self.pictures, self.connections + 1, self._number)
        came: float | None = None
        for frame in connection.frames():
            if came is None:
                came, self.state = time.monotonic(), "running"
                self.connections += 1
                if self._told:
                    self.tell("is back")
                self._tries, self._told = 0, False
            if time.monotonic() - came > LONGEST_WAIT:
                self._losses = 0  # it runs well: what comes next is a fault of its own
            self._number = frame.number
            self.queue.put(frame)
            if self._stopping.is_set():
                return

    def _again(self, problem: str) -> bool:
        """Wait before the camera is opened again; False where it is not."""
        if self.camera.waits or self.reconnect == 0:
            if problem != ENDED:
                self._give_up(problem)
            return False
        self._tries, self._losses = self._tries + 1, self._losses + 1
        if self.reconnect is not None and self._tries > self.reconnect:
            self._give_up(problem)
            return False
        wait = min(LONGEST_WAIT, 2.0 ** min(self._losses - 1, 6))
        self.state = f"lost, try {self._tries} in {wait:.0f} s"
        if self._losses & (self._losses - 1) == 0:  # the 1st, 2nd, 4th, 8th …: it fills no log
            self._told = True
            self.tell(f"{problem}; try {self._tries} to open it again in {wait:.0f} s")
        return not self._stopping.wait(wait)

    def _give_up(self, problem: str) -> None:
        self.failure = problem
        self.tell(f"is given up: {problem}")


def reason(error: Exception, camera: Camera) -> str:
    """What went wrong, without the address and its password, which ffmpeg likes to name."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "Immediate exit requested" in text:
        return "no frame came for too long"
    if text == "Input/output error":
        return "the connection broke off"
    return masked(text.replace(camera.address, camera.shown))
