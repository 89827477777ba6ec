"""UCF-Crime: 1900 videos from surveillance cameras all over the world, of which the 950 normal ones are a source.

Sultani, Chen, Shah: Real-world Anomaly Detection in Surveillance Videos (CVPR 2018).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Scene, Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published.layouts import Copy, absent, candidates
from crossvad.datasets.published.manifest import Manifest, Span, spans_to_labels
from crossvad.datasets.published.published_dataset import Guide, PublishedDataset, PublishedOptions, some
from crossvad.datasets.readers.file_identity import walk
from crossvad.datasets.readers.frame_folder import natural
from crossvad.datasets.readers.label_files import label_text
from crossvad.datasets.readers.video_file import VIDEO_SUFFIXES, VideoFile

HOMES = ("ucf", "UCF_Crimes", "UCF-Crime", "UCF_Crime", "ucf_crime", "UCFCrime")
# Folders that the archive unpacks into, should they lie in the data root itself.
PARTS = ("*Anomaly-Videos-Part-*", "*Normal-Videos-Part-*", "Testing_Normal_Videos*", "Training_Normal_Videos_Anomaly")
# For another task, and some of its names are those of other videos here.
FOREIGN = ("Normal_Videos_for_Event_Recognition", "Normal_Videos_event")
ANNOTATION = "Temporal_Anomaly_Annotation*.txt"


@dataclass(frozen=True)
class UcfOptions(PublishedOptions):
    """Which normal videos to train on, and which test videos.

    train: `all` 950, as cross-dataset papers do, for another target; or the `official` 800, whose test split is apart.
    videos: as `PublishedOptions` says.
    """

    train: Literal["all", "official"] = "all"


class UcfCrime(PublishedDataset):
    """The normal videos of UCF-Crime to train on, and its 290 test videos; every video is a camera of its own."""

    name = "ucf"
    Options = UcfOptions
    guide = Guide(
        title="UCF-Crime (UCF_Crimes.zip, or its parts: Training-Normal-Videos-Part-1.zip, …)",
        paper="Sultani, Chen, Shah: Real-world Anomaly Detection in Surveillance Videos. CVPR 2018",
        page="https://www.crcv.ucf.edu/projects/real-world/",
        terms="see the page; it is offered for research",
        archives=("UCF_Crimes.zip", *(f"{part}.zip" for part in PARTS)),
        home="ucf",
        tree="""\
UCF_Crimes/                              (or ucf/, or the folders below in the data root itself)
  …/Training_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4 …   800 videos; or Training-Normal-Videos-Part-1/ …
  …/Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4 …   150 videos
  …/Abuse/Abuse028_x264.mp4 …                                    140 test videos, as a target only; folder per class,
                                                                 or Anomaly-Videos-Part-1/Abuse/ …
  …/Temporal_Anomaly_Annotation.txt                              optional: the package knows the frame labels

A video is found by its name, however deep it lies.""",
    )

    def __init__(self, root: Path, options: UcfOptions | None = None) -> None:
        """Find the data set under the data root.

        Raises:
            InputError: it is not there; names every folder looked in.
        """
        self.options = options or UcfOptions()
        whole = [home for home in candidates(root, *HOMES) if home.is_dir()]
        parts = {part for pattern in PARTS for part in root.glob(pattern) if part.is_dir()}
        self._homes = whole or sorted(parts)
        directory = self._homes[0] if len(self._homes) == 1 else root
        paths = [path for home in self._homes for path in walk(home, skip=FOREIGN)]
        self._annotations = sorted(path for path in paths if path.match(ANNOTATION))
        self._files: dict[str, list[Path]] = {}  # by the name in the official lists; more than one: duplicates
        official = {*self.manifest.train, *self.whole_manifest.test}
        found = sorted(
            (path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES), key=lambda path: natural(str(path))
        )
        for path in found:
            if path.stem in official:
                self._files.setdefault(path.stem, []).append(path)
        if not self._files:
            raise absent(self.name, root, self._homes or [root / name for name in HOMES])
        on_disk: dict[Split, tuple[Video, ...]] = {split: self._named(self.manifest.of(split)) for split in SPLITS}
        self.take(Copy(directory, "by name", on_disk, _unused(directory, official, found)))

    @classmethod
    def published(cls, options: UcfOptions, family: str) -> Manifest:
        """The official lists; with `train=all`, the normal test videos are training videos too."""
        official = super().published(options, family)
        if options.train == "official":
            return official
        normal = {name: video for name, video in official.test.items() if not video.abnormal}
        return replace(official, train={**official.train, **normal}, train_videos=official.train_videos + len(normal))

    def scenes(self, split: Split) -> list[Scene]:
        """A scene per video."""
        return [Scene(self.scene_of(video.name), (video,)) for video in self.on_disk[split]]

    @classmethod
    def scene_of(cls, video: str) -> str:
        """One of its own."""
        return video

    def own_labels(self, video: Video) -> NDArray[np.uint8] | None:
        """Read frame labels (N,) from the annotation file; None where there is no such file.

        Raises:
            InputError: the file cannot be read or lacks the video.
        """
        if not self._annotations:
            return None
        if video.name not in self._spans:
            fix = "restore the official file, or remove it"
            raise InputError(self._annotations[0], f"has no line for {video.name}", fix)
        return spans_to_labels(self._spans[video.name], len(video))

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List every problem at once; a video that is there twice is one if the copies differ."""
        problems = super().check(splits)
        for name in (video.name for split in splits for video in self.on_disk[split]):
            first, *others = self._files[name]
            for other in others:
                if other.stat().st_size != first.stat().st_size:
                    problem = f"is another file than {first} with the same name"
                    problems.append(Problem("warning", str(other), problem, f"remove one; {first.name} is read"))
        return list(dict.fromkeys(problems))

    def _named(self, names: Iterable[str]) -> tuple[Video, ...]:
        """Those of the videos of these names that are here, in natural order."""
        here = sorted((name for name in names if name in self._files), key=natural)
        return tuple(Video(name, VideoFile(self._files[name][0])) for name in here)

    @cached_property
    def _spans(self) -> dict[str, list[Span]]:
        return parse_annotation(label_text(self._annotations[0]), self._annotations[0])


def _unused(directory: Path, used: Collection[str], found: Sequence[Path]) -> tuple[Problem, ...]:
    """Tell how many videos lie here that nothing reads: mostly anomalies to train on, which nothing here does."""
    first = dict(reversed([(path.stem, path) for path in found]))
    others = [path.stem for path in found if path.stem not in used or path != first[path.stem]]
    if not others:
        return ()
    problem = f"of {len(found)} videos found here, nothing uses {len(others)}: {some(others)}"
    fix = "nothing, if they are anomalies to train on or second copies; else restore their official names"
    return (Problem("warning", str(directory), problem, fix, tuple(others)),)


def parse_annotation(text: str, file: object = "annotation") -> dict[str, list[Span]]:
    """Parse `Temporal_Anomaly_Annotation.txt`: the abnormal frames of each test video, by the video's name.

    A line gives the file, its class, and the first and last frame of two abnormal events, -1 where there is none:

        Abuse028_x264.mp4  Abuse  165  240  -1  -1

    Frames count from 1 and both ends are abnormal, as the authors' evaluation reads them.

    Returns:
        Spans as first frame, counted from 0, and the one after the last; not clipped to the video's length.

    Raises:
        InputError: a line is anything else, or a video has two; names the `file` and the line.
    """
    spans: dict[str, list[Span]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        at = f"{file}, line {number}"
        try:
            video, _, *ends = line.split()
            first, last, second, end = map(int, ends)
        except ValueError as error:
            fix = "write a file, its class and four frame numbers, -1 for none"
            raise InputError(at, f"cannot read {line.strip()!r}", fix) from error
        events = [event for event in ((first, last), (second, end)) if event != (-1, -1)]
        if any(not 0 <= start <= stop for start, stop in events):
            raise InputError(at, f"{ends} are no frames", "write first and last frame, the first not after the last")
        name = Path(video).stem
        if name in spans:
            raise InputError(at, f"{name} has a line already", "remove one of them")
        spans[name] = [(max(start, 1) - 1, stop) for start, stop in events]  # the official code clamps 0 to 1
    return spans
