"""What `bench score` leaves of a video: scores, the timeline, top moments as stills, and the overlay."""

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
from crossvad.footage.own_footage import ASSUMED_RATE, frame_rate
from crossvad.footage.peaks import Moment
from crossvad.footage.streaming import StreamedScores
from crossvad.footage.timeline import timeline
from crossvad.present.atomic_files import replacing
from crossvad.present.figures import style

BRIGHTEST = 99.9  # percentile of the top moments' maps at which the heat is brightest


def write(
    video: Video,
    seen: StreamedScores,
    place: Path,
    title: str,
    count: int,
    overlay: bool,
    where: torch.device,
    reporter: Reporter,
) -> list[list[str]]:
    """Write all files of one video, and remove those of an earlier run that this one does not write.

    Args:
        video: the footage.
        seen: its scores, and the method that gave them.
        place: the folder to write to.
        title: of the timeline.
        count: top moments at most.
        overlay: whether to write overlay.mp4.
        where: the device that the method is on.
        reporter: told how far the overlay is.

    Returns:
        A line for each top moment: video, time, frame, score and still.

    Raises:
        InputError: a file cannot be written, or a frame cannot be read.
    """
    rate = frame_rate(video)
    with replacing(place / "scores.csv") as draft:
        peaks.table(seen.scores, seen.cues, seen.span, rate).to_csv(draft, index=False, float_format="%.6g")
    eligible = slice(max(seen.known.start, seen.span), seen.known.stop)
    found = peaks.top(seen.scores, eligible, round(rate or ASSUMED_RATE), count)
    heat, stills = _stills(video, seen, found, where)
    paths = [place / f"top-{moment.rank}-frame-{moment.frame:06d}.jpg" for moment in found]
    for path, still in zip(paths, stills, strict=True):
        save_still(still, path)
    for old in {*place.glob("top-*-frame-*.jpg"), *([] if overlay else [place / "overlay.mp4"])} - {*paths}:
        old.unlink(missing_ok=True)
    with replacing(place / "timeline.png") as draft:
        style.save(timeline(seen.scores, seen.span, rate, found, stills, title), draft)
    if overlay:
        size = film_size(*stills[0].shape[:2])
        with reporter.task(f"Write overlay of {video.name}") as update:
            _film(video, seen, heat, size, place / "overlay.mp4", rate, where, update)
    return [
        [video.name, peaks.clock(moment.frame, rate), str(moment.frame), f"{moment.score:.2f}", str(path)]
        for moment, path in zip(found, paths, strict=True)
    ]


def _stills(
    video: Video, seen: StreamedScores, found: Sequence[Moment], where: torch.device
) -> tuple[tuple[float, float], list[Frames]]:
    """The levels of a map at which heat begins and is brightest, and each moment's frame under its heat, full size."""
    clip = seen.adapter.clip
    seen_there: dict[int, tuple[Frames, Map | None]] = {}
    # In a thread of its own, as a reader is kept as long as its thread, and decodes ahead frames of full size.
    with ThreadPoolExecutor(1) as pool:
        for frame in sorted(moment.frame for moment in found):  # in order, as some files can only be read on
            start = frame - clip.scored
            window = pool.submit(lambda start: list(video.source.blocks(None, 3, start, start + clip.frames)), start)
            seen_there[frame] = next(itertools.islice(mapped(window.result(), seen, where), clip.scored, None))
    brightest = [float(np.percentile(own, BRIGHTEST)) for _, own in seen_there.values() if own is not None]
    heat = seen.normal, max(brightest, default=seen.normal)
    return heat, [heated(*seen_there[moment.frame], *heat) for moment in found]


def _film(
    video: Video,
    seen: StreamedScores,
    heat: tuple[float, float],
    size: Size,
    path: Path,
    rate: float | None,
    where: torch.device,
    update: Update,
) -> None:
    """Every frame under its heat, above the score so far: a second pass over the video."""
    with film(path, seen.scores, seen.span, rate, size) as show:
        for done, (frame, own) in enumerate(mapped(pictures(video.source, size, player()), seen, where), 1):
            show(heated(frame, own, *heat))
            update(done, len(video), "")
