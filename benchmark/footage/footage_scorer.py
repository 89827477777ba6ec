"""Footage of one's own, scored: one training, adapted to the first clips of each video."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.datasets.words import number_of
from crossvad.execution import preflight
from crossvad.execution.decoding import count_frames, stop_at
from crossvad.execution.fitting import Fitter
from crossvad.footage import output, peaks
from crossvad.footage.overlay import player
from crossvad.footage.own_footage import ASSUMED_RATE, OwnFootage, Times, check_length, frame_times, mean_rate
from crossvad.footage.peaks import Moment
from crossvad.footage.streaming import StreamedScores, stream_scores
from crossvad.footage.trained_method import TrainedMethod, check_source, trained


@dataclass(frozen=True)
class ScoredVideo:
    """What is known of a video once it is scored."""

    name: str
    scores: pd.DataFrame  # a row per frame: frame, seconds, score (higher: more abnormal), each cue, support
    moments: Sequence[Moment]  # the most suspicious ones, best first; never where the method adapted
    times: Times | None  # seconds from the first frame to each, (N,); None: a folder of frames does not tell
    taken_back: bool  # adapting raised the loss, so that it is scored by the method as it was trained
    folder: Path | None  # what was written lies here
    stills: Sequence[Path]  # of the moments


class FootageScorer:
    """Scores videos by the one cell of a grid whose target they are."""

    def __init__(self, footage: OwnFootage, paths: Sequence[Path], fitter: Fitter) -> None:
        """Open the videos, and those of the source.

        Args:
            footage: the videos.
            paths: where each of them lies.
            fitter: of a grid of one source, method, tuning, number of shots and of steps, seed; and the footage as
                target.

        Raises:
            InputError: a video cannot be opened.
        """
        self.footage, self.paths, self.fitter = footage, paths, fitter
        self.grid, self.device, self.reporter = fitter.grid, fitter.device, fitter.reporter
        stop_at(count_frames(preflight.all_videos(self.grid), self.reporter))
        (self.cell,) = self.grid.cells()

    def score(self, top: int, out: Path | None, overlay: bool) -> list[ScoredVideo]:
        """Score every video.

        Args:
            top: moments to find in each, at most.
            out: folder to write to, one per video in it; None: nothing is written.
            overlay: whether to write overlay.mp4 too.

        Raises:
            InputError: an input is missing, broken or unsuitable, or a folder cannot be written. Nothing has been
                trained by then, unless the input changed during the run.
        """
        if overlay:
            player()
        videos = self.footage.videos("test")
        folders = [None if out is None else _writable(out / video.name) for video in videos]
        self._check()
        method = trained(self.fitter, self.cell)
        return [
            self._scored(video, method, top, folder, overlay) for video, folder in zip(videos, folders, strict=True)
        ]

    def _check(self) -> None:
        """Find what is wrong with the footage or the source before anything is trained; decode the training video."""
        method, source = self.grid.methods[0].build(self.grid.budget), self.grid.sources[0]
        for video, path in zip(self.footage.videos("test"), self.paths, strict=True):
            check_length(video, path, method.clip, self.cell.shots)
        if not method.needs_source:
            return
        check_source(self.fitter, self.cell)
        trained_on = {video.source.stamp for video in source.videos("train")}
        for video in self.footage.videos("test"):
            if video.source.stamp in trained_on:
                what = f"{video.name} is training video of {source.name}: all of it looks normal to the method"
                self.reporter.say(f"note: {what}")

    def _scored(self, video: Video, method: TrainedMethod, top: int, folder: Path | None, overlay: bool) -> ScoredVideo:
        streamed = self._streamed(video, method)
        times = frame_times(video)
        eligible = slice(max(streamed.scored.start, streamed.span), streamed.scored.stop)
        stills: list[Path] = []
        if folder is not None:
            title = self._title(video, streamed)
            lines = output.write(video, streamed, folder, title, top, overlay, self.device, self.reporter)
            stills = [Path(still) for *_, still in lines]
        return ScoredVideo(
            name=video.name,
            scores=peaks.table(streamed.scores, streamed.cues, streamed.span, times),
            moments=peaks.top(streamed.scores, eligible, round(mean_rate(times) or ASSUMED_RATE), top),
            times=times,
            taken_back=_taken_back(streamed),
            folder=folder,
            stills=stills,
        )

    def _streamed(self, video: Video, method: TrainedMethod) -> StreamedScores:
        try:
            with self.reporter.task(f"Score {video.name}") as update:
                return stream_scores(video, method, update)
        except ValueError as error:
            problem = f"cannot be scored by {self.cell.method}: {error}"
            fix = "choose another " + noun("method") + ", or " + option("shots", 0)
            raise InputError(video.name, problem, fix) from error

    def _title(self, video: Video, streamed: StreamedScores) -> str:
        """Title the timeline: the video, the method and how it came to the scene."""
        cell = self.cell
        adapted = f"adapted by {cell.tuning} on {number_of(cell.shots, 'clip')}" if streamed.span else "not adapted"
        if _taken_back(streamed):
            adapted = "not adapted, as that raised the loss"
        learned = f"trained on {cell.source}" if self.grid.methods[0].cls.needs_source else "which learns nothing"
        return f"{video.name}: {cell.method}, {learned} (budget {cell.budget}), {adapted}"


def _taken_back(streamed: StreamedScores) -> bool:
    return streamed.adaptation is not None and streamed.adaptation.reverted


def _writable(folder: Path) -> Path:
    """A folder to write to, made if need be.

    Raises:
        InputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = "choose another " + noun("out") + " folder"
        raise InputError(folder, f"cannot be written to ({error.strerror})", fix) from error
    return folder
