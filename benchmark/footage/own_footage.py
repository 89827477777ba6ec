"""A user's own videos as a data set, when their frames are shown, and whether they are long enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Dataset, Scene, Split, Video
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.video_file import VideoFile
from crossvad.datasets.wording import noun, option
from crossvad.datasets.words import number_of
from crossvad.execution.support import frames_spanned

Times = NDArray[np.float64]  # (N,): seconds from the first frame to each

ASSUMED_RATE = 25.0  # frames per second of a folder of frames, which does not tell


class OwnFootage(Dataset):
    """Videos to look for anomalies in, each a scene of its own: nothing is known of them, and nothing is judged."""

    name = "own footage"

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take video files, and folders of numbered frames. Opens none.

        Raises:
            InputError: one is not there, or two share a name.
        """
        self._files: list[Video] = []
        paths_by_name: dict[str, Path] = {}
        for path in paths:
            if not path.exists():
                raise InputError(path, "is not there", "name a video file, or a folder of numbered frames")
            name = path.resolve().name if path.is_dir() else path.stem
            if name in paths_by_name:
                problem = f"has the same name as {paths_by_name[name]}, and their results would lie in one folder"
                raise InputError(path, problem, "rename one of them, or score each of them with another " + noun("out"))
            paths_by_name[name] = path
            self._files.append(Video(name, FrameFolder(path) if path.is_dir() else VideoFile(path)))

    def scenes(self, split: Split) -> list[Scene]:
        """Every video is a test scene; there is no training video."""
        return [Scene(video.name, (video,)) for video in self._files] if split == "test" else []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Zeros, as nobody has said what is abnormal; nothing is measured against them."""
        return np.zeros(len(next(own for own in self._files if own.name == video)), np.uint8)


def frame_times(video: Video) -> Times | None:
    """Read when the frames of a video file are shown; None for frames in a folder, which do not tell.

    Raises:
        InputError: the file cannot be opened.
    """
    return video.source.times if isinstance(video.source, VideoFile) else None


def mean_rate(times: Times | None) -> float | None:
    """Frames per second of frames shown at these times, in the mean; None if there are none, or one alone.

    >>> mean_rate(np.array([0.0, 0.2, 0.3]))
    6.666666666666667
    """
    return None if times is None or not times[-1:].any() else float((len(times) - 1) / times[-1])


def check_length(video: Video, path: Path, clip: ClipSpec, shots: int) -> None:
    """Refuse a video without a clip to score, or without one that ends after its support set.

    Raises:
        InputError: the video is too short.
    """
    span = frames_spanned(clip, shots)
    if len(video) < clip.frames:
        raise InputError(
            path, f"has {number_of(len(video), 'frame')}, but one clip takes {clip.frames}", "name a longer video"
        )
    if len(video) <= span:
        problem = f"has {number_of(len(video), 'frame')}, and adapting takes {span}, which leaves none to score"
        raise InputError(path, problem, "choose at most " + option("shots", max(0, len(video) - clip.frames)))
