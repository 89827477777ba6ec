"""Your own footage: a directory of one camera's videos, with labels if you have them."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, Scene, Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.readers.frame_folder import damaged_in_archive, find_videos

HEADER = ["video", "start", "end"]


class LabelRow(NamedTuple):
    """One abnormal range: frames `start` to `end` - 1, counted from 0."""

    line: int
    start: int
    end: int


class OwnFolder(Dataset):
    """A directory of videos, or of folders of numbered images, taken by one fixed camera: one scene.

    Training videos lie in `train/`, test videos in `test/`. Without `test/`, the videos of the directory itself are the
    test videos; without both, they serve for both.

    Frame labels come from an optional `labels.csv` in the directory, one line per abnormal range:

        video,start,end
        monday,120,180
        tuesday,,

    `start` is the first abnormal frame, counted from 0, and `end` the first normal one after it. A video may have many
    lines. One that is listed without a range, or not listed, is normal throughout.
    """

    def __init__(self, directory: Path) -> None:
        """Find the videos of both splits.

        Raises:
            InputError: the directory, or a split of it, is missing or holds no video.
        """
        self.directory = directory
        self.name = f"path:{directory.resolve().name}"
        train, test = directory / "train", directory / "test"
        self._videos: dict[Split, tuple[Video, ...]] = {
            "train": _videos(train) if train.is_dir() else () if test.is_dir() else _videos(directory),
            "test": _videos(test) if test.is_dir() else _videos(directory, skip={"train"}),
        }

    def scenes(self, split: Split) -> list[Scene]:
        """One scene, named after the directory; no train scene where there is `test/` and no `train/`."""
        videos = self._videos[split]
        return [Scene(self.directory.resolve().name, videos)] if videos else []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels (N,), 1 = abnormal.

        Raises:
            InputError: no such test video, no labels.csv, or a line in it that is malformed or does not fit the video.
        """
        frames = len(self._test_video(video, self.directory))
        labels = np.zeros(frames, np.uint8)
        for line, start, end in self._ranges.get(video, []):
            if end > frames:
                problem = f"ends at {end}, but {video} has {frames} frames"
                raise InputError(self._at(line), problem, f"end it at {frames} or before")
            labels[start:end] = 1
        return labels

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List every problem at once. That there are no labels is a warning: the footage can still be scored."""
        problems = list(dict.fromkeys(super().check(splits)))  # a bad labels.csv is one problem, not one per video
        problems += damaged_in_archive(video for split in splits for video in self._videos[split])
        if self._label_file.exists():
            return problems
        return [replace(p, severity="warning") if p.where == str(self._label_file) else p for p in problems]

    @property
    def _label_file(self) -> Path:
        return self.directory / "labels.csv"

    def _at(self, line: int) -> str:
        return f"{self._label_file}, line {line}"

    def _test_video(self, name: str, asked_in: object) -> Video:
        """Find a test video by its name; an error names the closest, and where this one was asked for."""
        videos = {video.name: video for video in self._videos["test"]}
        if name not in videos:
            closest = difflib.get_close_matches(name, videos, n=1, cutoff=0)[0]
            raise InputError(asked_in, f"there is no test video {name!r}", f"the closest name is {closest!r}")
        return videos[name]

    @cached_property
    def _ranges(self) -> dict[str, list[LabelRow]]:
        """The abnormal ranges of every listed video, by its name."""
        if not self._label_file.is_file():
            fix = "write one: the header video,start,end, then a line per abnormal range, such as monday,120,180"
            raise InputError(self._label_file, "is missing, so there are no labels", fix)
        ranges: dict[str, list[LabelRow]] = {}
        for line, (video, start, end) in self._rows():
            self._test_video(video, self._at(line))
            listed = ranges.setdefault(video, [])
            if start or end:
                listed.append(self._row(line, start, end))
        return ranges

    def _rows(self) -> list[tuple[int, list[str]]]:
        """Read the lines below the header, numbered and split; empty ones left out."""
        try:
            with self._label_file.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file)
                rows = [(reader.line_num, [field.strip() for field in fields]) for fields in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(self._label_file, f"cannot be read ({error})", "save it as CSV in UTF-8") from error
        rows = [(line, fields) for line, fields in rows if any(fields)]
        if not rows or rows[0][1] != HEADER:
            raise InputError(self._label_file, "has another header", f"begin it with {','.join(HEADER)}")
        for line, fields in rows:
            if len(fields) != len(HEADER):
                raise InputError(self._at(line), f"has {len(fields)} fields", f"write {','.join(HEADER)}")
        return rows[1:]

    def _row(self, line: int, start: str, end: str) -> LabelRow:
        """Parse one abnormal range."""
        if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
            fix = "write start and end as whole numbers of frames, 0 or more, start below end"
            raise InputError(self._at(line), f"{start!r} to {end!r} is no range of frames", fix)
        return LabelRow(line, int(start), int(end))


def _videos(directory: Path, skip: Collection[str] = ()) -> tuple[Video, ...]:
    """Find the videos in a directory; refuses one without any."""
    videos = find_videos(directory, skip)
    if not videos:
        fix = "put video files or folders of numbered images there"
        raise InputError(directory, "holds no videos", fix)
    return tuple(videos)
