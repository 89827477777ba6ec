"""The files that `bench score` writes of a video: scores, the timeline, top moments as stills, and the overlay."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from crossvad.datasets.base import Frames, Size, Video
from crossvad.execution.progress import Reporter, Update
from crossvad.footage import peaks
from crossvad.footage.overlay import Map, film, film_size, heated, mapped, pictures, player, save_still
from crossvad.footage.own_footage import ASSUMED_RATE, Times, frame_times, mean_rate
from crossvad.footage.peaks import Moment
from crossvad.footage.streaming import StreamedScores
from crossvad.footage.timeline import timeline
from crossvad.present.atomic_files import replacing
from crossvad.present.figures import style
from crossvad.present.words import digits

BRIGHTEST = 99.9  # percentile of the top moments' maps at which the heat is brightest


def write(
    video: Video,
    streamed: StreamedScores,
    folder: Path,
    title: str,
    count: int,
    overlay: bool,
    device: torch.device,
    reporter: Reporter,
) -> list[list[str]]:
    """Write all files of one video, and remove those of an earlier run that this one does not write.

    Args:
        video: the footage.
        streamed: its scores, and the method that gave them.
        folder: to write to.
        title: of the timeline.
        count: top moments at most.
        overlay: whether to write overlay.mp4.
        device: the one that the method is on.
        reporter: told how far the overlay is.

    Returns:
        A line for each top moment: video, time, frame, score and still.

    Raises:
        InputError: a file cannot be written, or a frame cannot be read.
    """
    times = frame_times(video)
    with replacing(folder / "scores.csv") as draft:
        scores = peaks.table(streamed.scores, streamed.cues, streamed.span, times)
        scores.to_csv(draft, index=False, float_format="%.6g")
    eligible = slice(max(streamed.scored.start, streamed.span), streamed.scored.stop)
    moments = peaks.top(streamed.scores, eligible, round(mean_rate(times) or ASSUMED_RATE), count)
    heat, stills = _stills(video, streamed, moments, device)
    paths = [folder / f"top-{moment.rank}-frame-{moment.frame:06d}.jpg" for moment in moments]
    for path, still in zip(paths, stills, strict=True):
        save_still(still, path)
    for old in {*folder.glob("top-*-frame-*.jpg"), *([] if overlay else [folder / "overlay.mp4"])} - {*paths}:
        old.unlink(missing_ok=True)
    with replacing(folder / "timeline.png") as draft:
        style.save(timeline(streamed.scores, streamed.span, times, moments, stills, title), draft)
    if overlay:
        size = film_size(*stills[0].shape[:2])
        with reporter.task(f"Write overlay of {video.name}") as update:
            _film(video, streamed, heat, size, folder / "overlay.mp4", times, device, update)
    return [
        [video.name, peaks.clock(moment.frame, times), str(moment.frame), digits(moment.score), str(path)]
        for moment, path in zip(moments, paths, strict=True)
    ]


def _stills(
    video: Video, streamed: StreamedScores, moments: Sequence[Moment], device: torch.device
) -> tuple[tuple[float, float], list[Frames]]:
    """Read the moments' frames at full size, and lay the heat over each.

    Returns:
        The levels of an error map at which heat begins and is brightest; the stills in the order of the moments.
    """
    clip = streamed.adapter.clip
    pairs: dict[int, tuple[Frames, Map | None]] = {}  # frame and error map, by the frame's number
    # In a thread of its own, as a reader is kept as long as its thread, and decodes ahead frames of full size.
    with ThreadPoolExecutor(1) as pool:
        for frame in sorted(moment.frame for moment in moments):  # in order, as some files can only be read on
            start = frame - clip.scored
            window = pool.submit(lambda start: list(video.source.blocks(None, 3, start, start + clip.frames)), start)
            pairs[frame] = next(itertools.islice(mapped(window.result(), streamed, device), clip.scored, None))
    brightest = [float(np.percentile(errors, BRIGHTEST)) for _, errors in pairs.values() if errors is not None]
    heat = streamed.normal, max(brightest, default=streamed.normal)
    return heat, [heated(*pairs[moment.frame], *heat) for moment in moments]


def _film(
    video: Video,
    streamed: StreamedScores,
    heat: tuple[float, float],
    size: Size,
    path: Path,
    times: Times | None,
    device: torch.device,
    update: Update,
) -> None:
    """Write every frame under its heat, above the score so far: a second pass over the video."""
    with film(path, streamed.scores, streamed.span, times, size) as show:
        for done, (frame, errors) in enumerate(mapped(pictures(video.source, size, player()), streamed, device), 1):
            show(heated(frame, errors, *heat))
            update(done, len(video), "")
