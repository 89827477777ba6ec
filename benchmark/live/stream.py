"""The frames of a running camera, one connection at a time, by PyAV."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from crossvad.datasets.base import Frames, Size
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.readers.video_file import luma
from crossvad.footage.overlay import film_size
from crossvad.footage.video_library import quarters, upright, video_library
from crossvad.live.cameras import PIPE, Camera
from crossvad.live.pace import LONGEST, Pace
from crossvad.live.pipe import STDIN

OPENING = 15.0  # seconds that a camera has to answer
STALLED = LONGEST  # seconds without a frame after which a camera is opened anew
FIRST = 60.0  # likewise, before the first one: what is joined between two key frames waits for the next
RUNNING = "a running camera"  # as errors name it
QUALITY = 85  # of pictures that wait for an alarm, as JPEG


@dataclass(frozen=True)
class LiveFrame:
    """A frame as it came."""

    number: int  # its place among evenly spaced ones since the watch began: where frames are missing, numbers are
    connection: int  # which one it came by, from 1
    at: float  # seconds since that was opened, by the stream's own clock; a camera that sends none: by ours
    clock: float  # when it came here, in seconds since 1970
    small: Frames  # (H, W, C), at the method's size
    picture: bytes | None  # as JPEG, for the film of an alarm

    def follows(self, before: LiveFrame) -> bool:
        """Whether it is the very next frame."""
        return self.connection == before.connection and self.number == before.number + 1


def opened(camera: Camera) -> Any:
    """Open a camera: a PyAV container, which is closed at the end of a `with`.

    Raises:
        av.FFmpegError: it does not answer, or not with video.
    """
    where: Any = camera.address
    options, kind = {}, None
    if where == PIPE:
        where = STDIN
    elif where.startswith("/dev/"):
        kind = "v4l2"
    elif camera.waits:
        where = str(Path(where).resolve())  # so that no name is taken for a protocol
    elif where.lower().startswith("rtsp"):
        options = {"rtsp_flags": "prefer_tcp"}  # as lost packets would be smeared over the next seconds' frames
    timeout = None if camera.waits else (OPENING, STALLED)
    return video_library(RUNNING).open(where, format=kind, options=options, timeout=timeout)


def probe(camera: Camera) -> None:
    """Make sure that a camera gives a frame; of a pipe, that its first bytes are of a video, as it gives each once.

    Raises:
        av.FFmpegError: it does not.
        InputError: a pipe does not.
    """
    if camera.address == PIPE:
        STDIN.refuse_unfit(video_library(RUNNING))
    else:
        with opened(camera) as container:
            next(container.decode(video=0))


class Connection:
    """One connection to a camera, whose frames are numbered on from those of the one before."""

    def __init__(self, camera: Camera, clip: ClipSpec, pictures: bool, connection: int, number: int) -> None:
        """Prepare, and open nothing yet.

        Args:
            camera: the camera.
            clip: says the size and the channels that frames are wanted at.
            pictures: whether to keep each frame as a picture too.
            connection: which one it is, from 1.
            number: of the last frame that came before.
        """
        self.camera, self.clip, self.pictures = camera, clip, pictures
        self.connection, self.number = connection, number

    def frames(self) -> Iterator[LiveFrame]:
        """Open the camera, and decode frames as they come; one that is damaged is missing.

        Raises:
            av.FFmpegError: the camera does not answer, stalls or breaks off.
            TimeoutError: what it sends has been no frame for too long, as after a change of its encoder.
        """
        av = video_library(RUNNING)
        to_small, to_wide = (av.video.reformatter.VideoReformatter() for _ in range(2))  # each is set up for one size
        with opened(self.camera) as container:
            stream = container.streams.video[0]
            timed = self.camera.waits or not container.format.flags & av.format.Flags.no_timestamps.value
            pace, at = Pace(float(stream.average_rate) if timed and stream.average_rate else None, timed), 0.0
            asked, patience = time.monotonic(), FIRST
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode()
                except av.error.InvalidDataError:
                    decoded = []
                if not (decoded or self.camera.waits) and time.monotonic() - asked > patience:
                    raise TimeoutError("no frame came for too long")  # to ffmpeg, packets are no silence
                for frame in decoded:
                    patience = STALLED
                    step = pace.step(frame.time if timed else time.monotonic())  # else ffmpeg makes a clock up
                    silent = time.monotonic() - asked > STALLED  # a pipe was, whatever its time stamps say
                    self.number += step.places + silent
                    at += step.seconds
                    yield self._taken(frame, at, to_small, to_wide)
                    asked = time.monotonic()  # what the watcher made us wait does not count

    def _taken(self, frame: Any, at: float, to_small: Any, to_wide: Any) -> LiveFrame:
        height, width = self.clip.size
        small = _pixels(frame, (height, width), to_small)
        picture = None
        if self.pictures:
            shape = (frame.width, frame.height) if quarters(frame) % 2 else (frame.height, frame.width)
            wide = _pixels(frame, film_size(*shape), to_wide)
            kept = io.BytesIO()
            Image.fromarray(wide).save(kept, "JPEG", quality=QUALITY)
            picture = kept.getvalue()
        small = small if self.clip.channels == 3 else luma(small)
        return LiveFrame(self.number, self.connection, at, time.time(), small, picture)


def _pixels(frame: Any, size: Size, scaler: Any) -> Frames:
    """A frame in colour (H, W, 3), upright, resized as decord resizes what methods are trained on."""

    def read(height: int, width: int) -> Frames:
        pixels: Frames = scaler.reformat(frame, width, height, "rgb24", interpolation="BILINEAR").to_ndarray()
        return pixels

    return upright(frame, size, read)
