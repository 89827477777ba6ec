"""Your own footage: a directory of one camera's videos, with labels if you have them."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, Scene, Split, Video
from crossvad.datasets.errors import InputError, Problem, first_few
from crossvad.datasets.published.manifest import labels_to_spans
from crossvad.datasets.readers.frame_folder import damaged_in_archive, find_videos
from crossvad.datasets.readers.label_table import LabelRow, LabelTable
from crossvad.datasets.words import number_of

GUIDE = """\
Your own footage: videos of one fixed camera, which are one scene

{here}

Expected, as path:my_camera:

my_camera/
  train/monday.mp4 …       training videos, all of them normal; or folders of frames: train/monday/001.jpg …
  test/tuesday.mp4 …       test videos; without test/, the videos in my_camera itself are these
  labels.csv               which frames of the test videos are abnormal; without it, no target

Without train/ and test/, the videos serve for both, but not in one run. labels.csv has a line per abnormal range:

  video,start,end
  tuesday,120,180          frames 120 to 179 of tuesday: frames are counted from 0, and 180 is normal again
  wednesday,,              normal throughout, as are videos that are not listed

Ranges may overlap: a frame in any of them is abnormal. A line that is there twice is refused, as a mistake.

Who counts from 1 and names the last abnormal frame says so in the header. The same frames are then

  video,start,end,first=1,inclusive
  tuesday,121,180"""


class OwnFolder(Dataset):
    """A directory of videos, or of folders of numbered images, taken by one fixed camera: one scene.

    Training videos lie in `train/`, test videos in `test/`. Without `test/`, the videos of the directory itself are the
    test videos; without both, they serve for both. Frame labels come from an optional `labels.csv` in the directory:
    see `LabelTable`. A video that it does not list is normal throughout.
    """

    def __init__(self, directory: Path, instead_of: Path | None = None) -> None:
        """Find the videos of both splits.

        Args:
            directory: of the footage.
            instead_of: where it was looked for first, which `check` then tells.

        Raises:
            InputError: the directory, or a split of it, is missing or holds no video.
        """
        self.directory, self._instead_of = directory, instead_of
        self.name = self.name_of(directory)
        train, test = directory / "train", directory / "test"
        self._videos: dict[Split, tuple[Video, ...]] = {
            "train": _videos(train) if train.is_dir() else () if test.is_dir() else _videos(directory),
            "test": _videos(test) if test.is_dir() else _videos(directory, skip={"train"}),
        }

    @staticmethod
    def name_of(directory: Path) -> str:
        """What the footage in a directory is called, which need not be there."""
        return f"path:{directory.resolve().name}"

    @classmethod
    def find(cls, name: str, root: Path) -> OwnFolder:
        """Find the folder that `path:NAME` means: in the working directory, else in the data root.

        Raises:
            InputError: it is empty, or it is in neither (names both), or holds no video.
        """
        if not name.strip():
            raise InputError("path:", "names no folder", "write path:DIR; path:. is the folder that you are in")
        try:
            path = Path(name).expanduser()
            here, below = path.is_dir(), (root / path).is_dir()
        except (OSError, RuntimeError) as error:  # a name longer than any, or a home that nobody has
            raise InputError(
                f"path:{name[:40]}", f"is no folder ({error})"[:200], "name the folder of a camera"
            ) from error
        if here:
            return cls(path)
        if below:
            return cls(root / path, instead_of=path.absolute())
        places = dict.fromkeys([str(path.absolute()), str((root / path).absolute())])
        problem = f"is no folder (looked for {' and '.join(places)})"
        raise InputError(f"path:{name}", problem, "name the folder of a camera; see bench datasets where path:DIR")

    def scenes(self, split: Split) -> list[Scene]:
        """One scene, named after the directory; no train scene where there is `test/` and no `train/`."""
        videos = self._videos[split]
        return [Scene(self.directory.resolve().name, videos)] if videos else []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels (N,), 1 = abnormal.

        Raises:
            InputError: no such test video, no labels.csv, or a line in it that is malformed or does not fit the video.
        """
        found = self._test_video(video, self.directory)
        frames = len(found)
        labels = np.zeros(frames, np.uint8)
        for line, start, end in self._ranges.get(found.name, []):
            if end > frames:
                raise self._too_long(line, end, video, frames)
            labels[start:end] = 1
        return labels

    def _too_long(self, line: int, end: int, video: str, frames: int) -> InputError:
        written = self._table.counting.written
        problem = f"ends at {written(end)}, but {video} has {number_of(frames, 'frame')}"
        return InputError(self._table.at(line), problem, f"end it at {written(frames)} or before")

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List every problem at once. That there are no labels is a warning: the footage can still be scored."""
        table = str(self._table.path)
        problems = list(dict.fromkeys(super().check(splits)))  # a bad labels.csv is one problem, not one per video
        if any(problem.where.startswith(f"{table}, line ") for problem in problems):
            problems = [problem for problem in problems if not problem.where.startswith(f"{table}, line ")]
            problems += first_few(
                list(dict.fromkeys(Problem("error", e.where, e.problem, e.fix) for e in self._wrong_lines())), table
            )
        problems += damaged_in_archive(video for split in splits for video in self._videos[split])
        if self._instead_of:
            problem = f"is read, as there is no folder {self._instead_of}"
            problems.append(Problem("warning", str(self.directory), problem, f"say path:{self.directory} to be clear"))
        if self._table.path.exists():
            sound = not any(problem.severity == "error" for problem in problems)
            if "test" in splits and sound and not any(self._ranges.values()):
                problem = "calls no frame of any test video abnormal, so that there will be no AUC"
                problems.append(Problem("warning", table, problem, "list what is abnormal: video,start,end"))
            return problems
        return [replace(p, severity="warning") if p.where == str(self._table.path) else p for p in problems]

    def understood(self) -> list[str]:
        """Say how labels.csv counts, and the first and last frame of each run that it calls abnormal, counted so.

        Raises:
            InputError: as `labels`.
        """
        first = self._table.counting.first
        lines = [f"{self._table.path}: {self._table.counting}"]
        for video in self._videos["test"]:
            if spans := labels_to_spans(self.labels(video.name)):
                runs = ", ".join(f"{start + first}..{end - 1 + first}" for start, end in spans)
                count = sum(end - start for start, end in spans)
                lines.append(f"video {video.name}: {count} abnormal frames, {runs}")
        normal = len(self._videos["test"]) + 1 - len(lines)
        return [*lines, f"test videos that are normal throughout: {normal}"]

    def _wrong_lines(self) -> Iterator[InputError]:
        """What is wrong with each line of labels.csv, or with its header."""
        try:
            for read in self._table.read():
                try:
                    if isinstance(read, InputError):
                        raise read
                    line, name, row = read
                    frames = len(self._test_video(name, self._table.at(line)))
                    if row and row.end > frames:
                        raise self._too_long(line, row.end, name, frames)
                except InputError as error:
                    yield error
        except InputError as error:
            yield error

    def _test_video(self, name: str, asked_in: object) -> Video:
        """Find a test video by its name; an error names the closest, and where this one was asked for."""
        videos = {video.name: video for video in self._videos["test"]}
        name = name if name in videos else {_as_seen(each): each for each in videos}.get(_as_seen(name), name)
        if name not in videos:
            meant = {each.casefold(): each for each in videos}
            stem = Path(_as_seen(name)).stem.casefold()  # it may be written with its file's ending
            close = [stem] if stem in meant else difflib.get_close_matches(name.casefold(), meant, n=1, cutoff=0.3)
            some = ", ".join(list(videos)[:5]) + (", …" if len(videos) > 5 else "")
            fix = f"the closest name is {meant[close[0]]!r}" if close else f"name one of those in test/, such as {some}"
            raise InputError(asked_in, f"there is no test video {name!r}", fix)
        return videos[name]

    @cached_property
    def _table(self) -> LabelTable:
        return LabelTable(self.directory / "labels.csv")

    @cached_property
    def _ranges(self) -> dict[str, list[LabelRow]]:
        """The abnormal ranges of every listed video, by its name."""
        ranges: dict[str, list[LabelRow]] = {}
        for line, video, row in self._table.rows():
            found = self._test_video(video, self._table.at(line))
            ranges.setdefault(found.name, []).extend([row] if row else [])
        return ranges


def _as_seen(name: str) -> str:
    """A name as a reader sees it: macOS writes ü in two characters, and blanks at the ends do not show."""
    return unicodedata.normalize("NFC", name).strip()


def _videos(directory: Path, skip: Collection[str] = ()) -> tuple[Video, ...]:
    """Find the videos in a directory; refuses one without any."""
    videos = find_videos(directory, skip)
    if not videos:
        fix = "put video files or folders of numbered images there"
        raise InputError(directory, "holds no videos", fix)
    return tuple(videos)
