"""One camera's course: adapt to its first clips, set its line on the seconds that follow, then tell of alarms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossvad.adapters.base import Adapter
from crossvad.datasets.clips import at, clip_count
from crossvad.evaluation.postprocessing import Values, fuse_unit
from crossvad.execution.inference import ready_to_score
from crossvad.execution.memory_layouts import probed_with
from crossvad.execution.precision import computing_in
from crossvad.execution.scoring import arrays, scoring_batch
from crossvad.footage.streaming import adapted_to
from crossvad.footage.trained_method import TrainedMethod
from crossvad.live.alarms import Alarm, Alarms
from crossvad.live.drought import Drought
from crossvad.live.film import AlarmFilm, rescued
from crossvad.live.line import AlarmLine, NoDenser, SecondsSeen, set_line
from crossvad.live.reader import CameraReader
from crossvad.live.stream import STALLED, LiveFrame
from crossvad.live.windows import Run, Windows, chosen
from crossvad.store.scores import Cues


@dataclass(frozen=True)
class Rules:
    """What a watch holds every camera to."""

    look: int  # seconds that a line is set on
    false_alarms: float | None  # an hour; None: as few as the look bears
    reconnect: int | None  # tries in a row to open a stream again; None: for ever
    films: Path | None  # folder of the alarms' films


class CameraWatch:
    """Watches one camera; the frames come from its reader."""

    def __init__(
        self,
        reader: CameraReader,
        method: TrainedMethod,
        rules: Rules,
        tell: Callable[[str], None],
    ) -> None:
        self.reader, self.method, self.rules, self.tell = reader, method, rules, tell
        self.name = reader.camera.name
        self.windows = Windows(method.fitted.adapter.clip)
        self.frames = self.unscored = 0
        self.video = 0.0  # seconds of video that came, by the streams' own clocks
        self.score: float | None = None  # the last one
        self.line: AlarmLine | None = None
        self.alarms: Alarms | None = None
        self.failure = ""  # why it is given up
        self._film = AlarmFilm(self.name, rules.films) if rules.films else None
        self._seen = SecondsSeen()
        self._looked = 0  # scores of the look
        self._no_denser: NoDenser | None = None  # than the line was set on
        self._support: list[LiveFrame] = []
        self._adapter: Adapter | None = None  # adapted, but not yet made ready to score
        self._ready: Adapter | None = None
        self._support_cues = Cues()
        self._last: LiveFrame | None = None
        self._newest: LiveFrame | None = None
        self._drought = Drought()
        self._came = time.monotonic()
        if not method.span:
            self._adapter = method.fitted.adapter
        for film in rescued(self.name, rules.films) if rules.films else ():
            tell(f"an earlier watch was killed in an alarm; its film, as far as it came: {film}")

    @property
    def state(self) -> str:
        """What it is at, in a few words."""
        if self.failure or self.reader.failure:
            return f"given up: {self.failure or self.reader.failure}"
        if self.over:
            return "ended"
        if self.reader.state != "running":
            return self.reader.state
        if self._adapter is None:
            return f"adapting, {len(self._support)} of {self.method.span} frames"
        if self.line is None:
            return f"looking, {len(self._seen.highest)} of {self.rules.look} s"
        return "ALARM" if self.alarms and self.alarms.open else "watching"

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return bool(self.failure) or (self.reader.ended and not len(self.reader.queue))

    @property
    def waiting(self) -> bool:
        """Whether there are frames to take."""
        return not self.failure and len(self.reader.queue) > 0

    @property
    def adapted(self) -> bool:
        """Whether it scores what comes."""
        return self._adapter is not None

    def catch_up(self) -> None:
        """Leave out what came while some camera adapted, if this one looks: it is to find scoring as it goes on.

        Files and pipes wait instead.
        """
        if self.adapted and self.line is None and not self.reader.camera.waits:
            self.reader.queue.skip()

    def step(self) -> Iterator[Alarm]:
        """Take what frames wait, score them, and tell of alarms that begin or end. What goes wrong ends it alone."""
        if self.failure:
            return
        try:
            yield from self._stepped()
        except Exception as error:  # of one camera: the others are watched on
            self.failure = str(error) or type(error).__name__
            self.tell(f"is given up: {self.failure}")
            self.reader.stop()
            yield from self.close()

    def close(self) -> Iterator[Alarm]:
        """End the open alarm, if there is one."""
        if self.alarms is not None:
            yield from map(self._filmed, self.alarms.close())

    def _stepped(self) -> Iterator[Alarm]:
        waits = self.reader.camera.waits
        frames = self.reader.queue.take(self._batch if waits else None)
        if not frames:
            if time.monotonic() - self._came > STALLED or self.reader.ended:
                yield from self.close()
            return
        self._came = time.monotonic()
        self.frames += len(frames)
        for frame in frames:
            anew = self._newest is None or frame.connection != self._newest.connection
            seconds = frame.at - (0.0 if anew or self._newest is None else self._newest.at)
            self.video += seconds
            self._drought.add(frame, seconds)
            self._newest = frame
        while frames and self._adapter is None:
            frames = self._adapt(frames)
        scores = self._scores(frames, None if waits else self._batch)
        if scores:
            self._drought.end()
        span = 0 if self._adapter else self.method.span
        if news := self._drought.news(self.method.cell.method, self.windows.clip.frames, span):
            self.tell(news)
        for frame in frames:
            if self._last is not None and frame.connection != self._last.connection:
                yield from self.close()
            self._last = frame
            yield from self._taken(frame, scores.get(frame.number))

    @property
    def _batch(self) -> int:
        return scoring_batch(self.method.fitted.adapter, self.method.budget, self.method.device)

    def _adapt(self, frames: list[LiveFrame]) -> list[LiveFrame]:
        """Collect the support set, and adapt once it is whole; returns the frames to score after it."""
        for place, frame in enumerate(frames, 1):
            if self._support and not frame.follows(self._support[-1]):
                self._support = []
                self.windows.holes += 1
            self._support.append(frame)
            if len(self._support) == self.method.span:
                method, pixels = self.method, np.stack([frame.small for frame in self._support])
                self._adapter, self._support_cues = adapted_to(method, pixels)
                self._support = []
                clips = np.arange(min(probed_with(method.device), clip_count(len(pixels), self.windows.clip)))
                self._make_ready(self._adapter, at(pixels, clips, self.windows.clip, method.device))
                if self._adapter.adaptation is not None and self._adapter.adaptation.reverted:
                    self.tell("adapting raised the loss and was taken back; it is scored as the method was trained")
                return frames[place:] if self.reader.camera.waits else []  # they, too, have piled up: see `catch_up`
        return []

    def _scores(self, frames: Sequence[LiveFrame], most: int | None) -> dict[int, tuple[LiveFrame, float]]:
        """Score the clips that end with these frames: by the number of its last frame, the scored one and its score."""
        clip, scores = self.windows.clip, {}
        for run in self.windows.runs(frames):
            picks = chosen(run.clips, most)
            if self._no_denser is not None:
                scored = [run.frames[start + clip.scored] for start in picks]
                picks = picks[[self._no_denser.allows(frame.connection, frame.at) for frame in scored]]
            self.unscored += run.clips - len(picks)
            for first in range(0, len(picks), self._batch):
                some = picks[first : first + self._batch]
                for start, score in zip(some, self._fused(run, some), strict=True):
                    last = run.frames[start + clip.frames - 1]
                    scores[last.number] = run.frames[start + clip.scored], float(score)
        return scores

    def _fused(self, run: Run, starts: NDArray[np.int64]) -> Values:
        """Score clips of a run, as `bench score` does those of a file: (n,)."""
        method = self.method
        fitted, device = method.fitted, method.device
        clips = at(run.pixels, starts, self.windows.clip, device)
        if self._ready is None and self._adapter is not None:
            self._make_ready(self._adapter, clips)
        assert self._ready is not None  # frames come here once it has adapted
        with torch.no_grad(), computing_in(fitted.precision, device):
            cues = arrays(self._ready.score_video([clips]))
        return fuse_unit(cues, self._support_cues, fitted.heldout, fitted.adapter.fusion)

    def _make_ready(self, adapter: Adapter, clips: Tensor) -> None:
        """Have an adapted method score clips such as these as fast as it can."""
        method = self.method
        few = clips[: probed_with(method.device)]
        self._ready = ready_to_score(adapter, few, method.budget, method.device, method.fitted.precision)

    def _taken(self, frame: LiveFrame, scored: tuple[LiveFrame, float] | None) -> Iterator[Alarm]:
        """Go on by a frame, with which a score may have come."""
        if scored is not None:
            self.score = scored[1]
        self._keep(frame)
        if self.alarms is None:
            self._look(scored)
            return
        yield from map(self._filmed, self.alarms.passed(frame) if scored is None else self.alarms.scored(*scored))

    def _look(self, scored: tuple[LiveFrame, float] | None) -> None:
        if scored is None:
            return
        frame, score = scored
        self._looked += 1
        self._seen.add(frame.connection, frame.at, score)
        if len(self._seen.highest) >= self.rules.look:
            share = self._looked / (self._looked + self.unscored)
            self.line = set_line(self._seen.highest, self.rules.false_alarms, share)
            self._no_denser = NoDenser(self._seen.density)
            self.alarms = Alarms(self.name, self.line.level)
            self.tell(self.line.told)

    def _keep(self, frame: LiveFrame) -> None:
        """Keep a frame for the film of an alarm, or add it to the one that is written."""
        if self._film is None:
            return
        try:
            self._film.add(frame)
        except Exception as error:  # whatever a disk or an encoder does, alarms go on
            self._film.drop()
            self._no_film(error)
            if self.alarms is not None and self.alarms.open is not None:
                self.alarms.open = replace(self.alarms.open, clip=None)

    def _filmed(self, alarm: Alarm) -> Alarm:
        """An alarm with its film: begun where the alarm begins, whole where it ends."""
        if self._film is None or self.alarms is None:
            return alarm
        try:
            if alarm.event == "end":
                self._film.end()
                return alarm
            path = self._film.path(alarm.number, alarm.start)
            self._film.begin(path)
        except Exception as error:  # as above
            self._film.drop()
            self._no_film(error)
            return replace(alarm, clip=None)
        self.alarms.open = replace(alarm, clip=path)
        return self.alarms.open

    def _no_film(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        self.tell(f"an alarm has no film: {why}")
