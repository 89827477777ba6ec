"""Alarms of one camera: frames above its line, told when they begin and when they are over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from crossvad.live.stream import LiveFrame

QUIET = 3.0  # seconds below the line after which an alarm is over


@dataclass(frozen=True)
class Alarm:
    """A stretch of frames above the line, as far as it is known."""

    event: Literal["start", "end"]
    camera: str
    number: int  # of the camera's alarms, from 1
    start: float  # when its first frame above the line came, in seconds since 1970
    at: float  # seconds of the stream at its first one, since the connection was opened
    duration: float  # seconds of the stream from the first one to the last
    peak: float  # the highest score
    frame: int  # number of the frame that has it
    threshold: float  # the line
    clip: Path | None = None  # its film, which is whole once the alarm has ended

    @property
    def end(self) -> float:
        """When its last frame above the line came, by the stream's clock: that of the machine may be set meanwhile."""
        return self.start + self.duration

    def to_json(self) -> str:
        """One line of JSON; `alarm` is its number, times are ISO 8601 in UTC, numbers have six digits."""
        told = {
            "event": self.event,
            "camera": self.camera,
            "alarm": self.number,
            "start": utc(self.start),
            "end": utc(self.end) if self.event == "end" else None,
            "duration": round(self.duration, 3),
            "at": round(self.at, 3),
            "peak": float(f"{self.peak:.6g}"),
            "threshold": float(f"{self.threshold:.6g}"),
            "frame": self.frame,
            "clip": None if self.clip is None else str(self.clip),
        }
        return json.dumps(told)


def utc(clock: float) -> str:
    """Seconds since 1970 as ISO 8601, in UTC, to the millisecond."""
    return datetime.fromtimestamp(clock, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Alarms:
    """Turns the scores of one camera into alarms."""

    def __init__(self, camera: str, line: float) -> None:
        self.camera, self.line, self.count = camera, line, 0
        self.open: Alarm | None = None
        self._begun = self._last = 0.0  # seconds of the stream at the open alarm's first and last frame above the line

    def scored(self, frame: LiveFrame, score: float) -> Iterator[Alarm]:
        """Take a frame's score; gives what ends and what begins with it."""
        yield from self.passed(frame)
        if score <= self.line:
            return
        if self.open is None:
            self.count += 1
            self._begun = self._last = frame.at
            self.open = Alarm(
                event="start",
                camera=self.camera,
                number=self.count,
                start=frame.clock,
                at=frame.at,
                duration=0.0,
                peak=score,
                frame=frame.number,
                threshold=self.line,
            )
            yield self.open
            return
        self._last = frame.at
        if score > self.open.peak:
            self.open = replace(self.open, peak=score, frame=frame.number)
        self.open = replace(self.open, duration=self._last - self._begun)

    def passed(self, frame: LiveFrame) -> Iterator[Alarm]:
        """Take a frame, whatever its score; gives an alarm that has been over for long enough."""
        if frame.at - self._last > QUIET:
            yield from self.close()

    def close(self) -> Iterator[Alarm]:
        """End the open alarm, if there is one, as no frame follows."""
        ended, self.open = self.open, None
        if ended is not None:
            yield replace(ended, event="end")
