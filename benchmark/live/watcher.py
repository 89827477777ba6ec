"""Several cameras watched by one process: each is read by a thread of its own, and they are scored in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial

from crossvad.datasets.wording import noun
from crossvad.datasets.words import duration, number_of
from crossvad.execution.progress import Reporter
from crossvad.footage.trained_method import TrainedMethod
from crossvad.live.alarms import Alarm
from crossvad.live.board import board
from crossvad.live.camera_watch import CameraWatch, Rules
from crossvad.live.cameras import Camera
from crossvad.live.reader import CameraReader

IDLE = 0.2  # seconds until it looks again where nothing comes


class Watcher:
    """Goes through the alarms of cameras as they come, until all have ended or it is stopped."""

    def __init__(self, cameras: Sequence[Camera], method: TrainedMethod, rules: Rules, reporter: Reporter) -> None:
        """Prepare; cameras are opened when one begins to go through it.

        Args:
            cameras: with names of their own.
            method: that each is adapted to and scored by.
            rules: that all are held to.
            reporter: shows how they do. What an operator must know is told even if it is quiet.
        """
        self.reporter, self.notes = reporter, Reporter(reporter.console)
        self._arrived, self._stopped = threading.Event(), False
        clip = method.fitted.adapter.clip
        self.watches = []
        for camera in cameras:
            tell = partial(self._tell, camera.name)
            reader = CameraReader(camera, clip, rules.films is not None, rules.reconnect, self._arrived, tell)
            self.watches.append(CameraWatch(reader, method, rules, tell))

    def stop(self) -> None:
        """Have it end soon, open alarms told; may be called from anywhere."""
        self._stopped = True  # and no more: a signal's handler must not wait for a lock of what it interrupts

    def __iter__(self) -> Iterator[Alarm]:
        """Alarms as they begin and as they end."""
        started = time.monotonic()
        try:
            for watch in self.watches:
                watch.reader.start()
            with board(self.watches, self.reporter) as show:
                while not self._stopped and not all(watch.over for watch in self.watches):
                    if not any(watch.waiting for watch in self.watches):
                        self._arrived.wait(IDLE)
                    self._arrived.clear()
                    for watch in self.watches:
                        yield from self.step(watch)
                        show()
                for watch in self.watches:
                    yield from watch.close()
        finally:
            for watch in self.watches:
                watch.reader.stop()
        self._sum_up(time.monotonic() - started)

    def step(self, watch: CameraWatch) -> Iterator[Alarm]:
        """Have a camera take what frames wait. Where it adapts to them, which takes a while, all catch up."""
        before = watch.adapted
        yield from watch.step()
        if watch.adapted != before:
            for each in self.watches:
                each.catch_up()

    @property
    def failed(self) -> list[str]:
        """The cameras that were given up, or ended before they had a line, unless the watch was stopped before that."""
        return [
            watch.name
            for watch in self.watches
            if watch.failure or watch.reader.failure or (watch.line is None and not self._stopped)
        ]

    def _tell(self, name: str, text: str) -> None:
        self.notes.say(f"{name}: {text}")

    def _sum_up(self, seconds: float) -> None:
        """Tell how it was, camera by camera."""
        for watch in self.watches:
            parts = [number_of(watch.frames, "frame"), number_of(watch.windows.holes, "hole")]
            if watch.reader.connections > 1:
                parts.append(number_of(watch.reader.connections, "connection"))
            if watch.unscored:
                unscored = number_of(watch.unscored, "frame")
                why = "scoring was slower, or the line was set on fewer a second"
                parts.append(f"{unscored} without a score of their own, as {why}")
            if watch.reader.queue.lost:
                parts.append(f"{number_of(watch.reader.queue.lost, 'frame')} dropped unseen")
            alarms = number_of(watch.alarms.count, "alarm") if watch.alarms else "it had no line yet, so no alarms"
            given_up = watch.failure or watch.reader.failure
            end = f"; given up: {given_up}" if given_up else ""
            times = f"{duration(watch.video)} of video, watched for {duration(seconds)}"
            self._tell(watch.name, f"{alarms} in {times}; {', '.join(parts)}{end}")
            if watch.line is None and not given_up and not self._stopped:
                look = watch.rules.look
                short = f"ended before its line was set, which takes {look} s after the frames that it adapts on"
                self._tell(watch.name, f"{short}; say a shorter " + noun("look"))
