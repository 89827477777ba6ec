"""A published data set: the videos on disk, held against what its manifest tells of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, Scene, Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published import manifest
from crossvad.datasets.published.layouts import Copy
from crossvad.datasets.published.manifest import Manifest, VideoFacts
from crossvad.datasets.published.video_list import ALL, VideoList, spelled
from crossvad.datasets.readers.frame_folder import damaged_in_archive
from crossvad.datasets.readers.patience import Beat
from crossvad.datasets.wording import option
from crossvad.datasets.words import number_of


@dataclass(frozen=True)
class Guide:
    """How to get a data set; nothing is ever downloaded behind a user's back."""

    title: str
    paper: str
    page: str
    terms: str
    archives: tuple[str, ...]  # what the downloaded files are called, as patterns
    home: str  # the folder below the data root that they are to be unpacked in
    tree: str  # what is expected below the data root


@dataclass(frozen=True)
class PublishedOptions:
    """Which test videos.

    videos: `all`; or names and ranges of names in the published order, such as `1-17+20`; or a .txt file with one of
        these a line. Copies that have these videos compare, whatever else they lack.
    """

    videos: VideoList = VideoList(ALL)  # noqa: RUF009 - a text


class PublishedDataset(Dataset):
    """A data set whose facts are known. A subclass finds the videos and reads what labels lie beside them.

    Labels come from the archive's own files where they are there, else from the manifest. `check` tells where files and
    manifest differ: such results could not be set beside anyone else's.
    """

    name: str
    family: str = "frames"
    guide: ClassVar[Guide]
    Options: ClassVar[type] = PublishedOptions

    options: Any = PublishedOptions()
    directory: Path
    layout: str
    on_disk: dict[Split, tuple[Video, ...]]  # the videos of each split that this copy has
    unused: tuple[Problem, ...] = ()  # what was found and is read by nothing

    @abstractmethod
    def __init__(self, root: Path, options: Any = None) -> None:
        """Set `options`, find the data set under the data root, and `take` it.

        Raises:
            InputError: it is not there; names every folder looked in.
        """

    @classmethod
    def facts(cls, options: Any, family: str) -> Manifest:
        """The manifest of the data set as these options make it, under a family of labels; needs no data.

        Raises:
            InputError: a test video that is asked for was never published.
        """
        made = cls.published(options, family)
        chosen = options.videos.chosen([*manifest.load(cls.name, family).test], cls.entry)
        return replace(made, test={name: made.test[name] for name in chosen if name in made.test})

    @classmethod
    def published(cls, options: Any, family: str) -> Manifest:
        """The manifest by all options but `videos`. Override it where there are others."""
        return manifest.load(cls.name, family)

    @classmethod
    def named(cls, said: dict[str, str]) -> dict[str, str]:
        """Options as they were typed, with the test videos written in the one way that tables call them.

        Raises:
            InputError: a test video that is asked for was never published.
        """
        videos = VideoList(said.get("videos", ALL))
        if videos == ALL or said["videos"].endswith(".txt"):
            return said
        published = [*manifest.load(cls.name, cls.family).test]
        return said | {"videos": spelled(videos.chosen(published, cls.entry), published)}

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of this data set."""
        return self.facts(self.options, self.family)

    @cached_property
    def whole_manifest(self) -> Manifest:
        """The manifest of the whole data set: what files that cover all of its videos are about."""
        return manifest.load(type(self).name, self.family)

    def take(self, copy: Copy) -> None:
        """Take a copy up: `directory`, `layout`, `on_disk` and `unused`."""
        self.directory, self.layout, self.on_disk, self.unused = copy

    def asked_for(self, video: Video) -> bool:
        """Whether a test video is of the part that the options name.

        Of a whole data set's test videos, `check` tells those that were never published.
        """
        whole, entry = self.options.videos == ALL, self._entry(video)
        return entry in self.manifest.test or (whole and entry not in self.whole_manifest.test)

    def scenes(self, split: Split) -> list[Scene]:
        """One scene, named like the data set; none where the copy lacks the split."""
        return [Scene(type(self).name, self.on_disk[split])] if self.on_disk[split] else []

    @classmethod
    def scene_of(cls, video: str) -> str:
        """The name of a video's scene, which its own name tells."""
        return cls.name

    @classmethod
    def entry(cls, video: str) -> str:
        """The manifest's name for a video."""
        return video

    def _entry(self, video: Video) -> str:
        """The manifest's name for a video; its own where it is called as none that was published."""
        try:
            return self.entry(video.name)
        except InputError:
            return video.name

    @abstractmethod
    def own_labels(self, video: Video) -> NDArray[np.uint8] | None:
        """Read the labels (N,) that the archive's own files give a test video; None where there are no such files.

        Raises:
            InputError: the files are damaged, lack the video or do not fit its frames.
        """

    def checksum(self, video: Video, beat: Beat = lambda: None) -> str | None:
        """Compute what the manifest's sha256 is of; None where this copy is not in that layout.

        Reads the files, and calls `beat` at each.
        """
        return None

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels (N,), 1 = abnormal: the archive's own, or else the manifest's.

        Raises:
            InputError: no such test video, no labels for it, or labels that do not fit its frames.
        """
        test_video = self.test_video(video)
        own = self.own_labels(test_video)
        if own is not None:
            return own
        entry, frames = self.entry(video), len(test_video)
        if entry not in self.manifest.test:
            problem = f"{video} is no test video of {self.name}, so it has no labels"
            raise InputError(self.directory, problem, "remove it")
        published = self.manifest.test[entry].frames
        if published not in (None, frames):
            problem = f"{video} has {number_of(frames, 'frame')}, and its labels are for {published}"
            raise InputError(self.directory, problem, "fetch it again")
        return self.manifest.labels(entry, frames)

    def test_video(self, name: str) -> Video:
        """Find a test video by its name.

        Raises:
            InputError: there is none.
        """
        for video in self.on_disk["test"]:
            if video.name == name:
                return video
        few = ", ".join(video.name for video in self.on_disk["test"][:5])
        raise InputError(self.directory, f"has no test video {name}", f"choose one of {few}, …")

    # ---- what is wrong with it ---------------------------------------------------------------------------------------

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """List every problem at once: what cannot be read, and where files and manifest differ."""
        problems = list(dict.fromkeys(super().check(splits)))  # a missing label file is one problem, not one per clip
        for split in splits:
            problems += self._against_manifest(split)
            problems += damaged_in_archive(self.on_disk[split])
        if set(SPLITS) <= set(splits):
            problems += [*self._not_apart(), *self.unused]
        return problems

    def _against_manifest(self, split: Split) -> Iterator[Problem]:
        """Tell how the videos of a split differ from the published ones."""
        published = self.manifest.of(split)
        videos: dict[str, Video] = {}
        for video in self.on_disk[split]:
            first = videos.setdefault(self._entry(video), video)
            if first is not video:
                problem = f"is another copy of {first.name}: both are {self.name}'s {self._entry(video)}"
                yield Problem(
                    "error" if split == "test" else "warning", _location(video), problem, "remove one of them"
                )
        what, folder = ("training" if split == "train" else "test"), str(self.directory)
        count = self.manifest.count(split)
        if not videos:
            problem = f"has no {what} video"
            yield Problem("warning", folder, problem, "fetch it" + _INSTEAD[split], tuple(published))
            return
        part = "fetch the others, or say that results are of a part"
        if missing := [entry for entry in published if entry not in videos]:
            here = len(published) - len(missing)
            problem = f"{here} of {len(published)} {what} videos are here; missing: {some(missing)}"
            fix = self._named_part(videos) if split == "test" and here else part
            yield Problem("warning", folder, problem, fix, tuple(missing))
        if not published and len(videos) != count:
            problem = f"holds {number_of(len(videos), f'{what} video')}, and {count} were published"
            yield Problem("warning", folder, problem, part)
        if published and (extra := [entry for entry in videos if entry not in published]):
            problem = f"holds {number_of(len(extra), f'{what} video')} that {self.name} does not have: {some(extra)}"
            yield Problem("warning" if split == "train" else "error", folder, problem, "remove them", tuple(extra))
        for entry in videos.keys() & published.keys():
            yield from self._video_against(published[entry], videos[entry], split)

    def _named_part(self, here: Collection[str]) -> str:
        """How to name results of the test videos that are here."""
        published = [*self.whole_manifest.test]
        part = spelled({name for name in here if name in published}, published)
        if len(part) > LONGEST_PART:
            part = "FILE.txt"  # of names, a line each
        name, _, others = self.name.rstrip("]").partition("[")
        kept = [option for option in others.split(",") if option and not option.startswith("videos=")]
        label = f"{name}[{','.join([*kept, f'videos={part}'])}]"
        return f"fetch the others; or say {label}, which names the part, so that other copies can be compared"

    def _not_apart(self) -> Iterator[Problem]:
        """Tell if nothing can be trained on that is not scored, too."""
        training, tested = self.on_disk["train"], {video.source for video in self.on_disk["test"]}
        if training and all(video.source in tested for video in training):
            problem = f"all {len(training)} training videos that are here are test videos too"
            fix = "train on it for other targets, and score it with another source"
            yield Problem("warning", str(self.directory), problem, fix)

    def _video_against(self, published: VideoFacts, video: Video, split: Split) -> Iterator[Problem]:
        """Tell how a video or its labels differ from the published ones."""
        try:
            frames = len(video)
            own = self.own_labels(video) if split == "test" else None
        except InputError:  # reported as an error already
            return
        if published.frames is None and any(start >= frames for start, _ in published.abnormal):
            onset = published.abnormal[-1][0]
            problem = f"has {number_of(frames, 'frame')}, and is abnormal from frame {onset} on: its end is missing"
            yield Problem("error", _location(video), problem, "fetch it again")
        elif published.frames not in (None, frames):
            problem = f"has {number_of(frames, 'frame')}, where the published video has {published.frames}"
            yield Problem("error" if split == "test" else "warning", _location(video), problem, "fetch it again")
        elif own is not None and not np.array_equal(own, self.manifest.labels(self.entry(video.name), frames)):
            yield self._wrong_labels(video, own)

    def against_checksum(self, video: Video, split: Split, beat: Beat = lambda: None) -> Iterator[Problem]:
        """Tell whether a video's files are others than the official ones, where their checksum is known.

        Reads them, and calls `beat` at each.
        """
        published = self.manifest.of(split).get(self._entry(video))
        if published and published.sha256 and self.checksum(video, beat) not in (None, published.sha256):
            yield Problem("warning", _location(video), "is not the official file: another SHA-256", "fetch it again")

    def _wrong_labels(self, video: Video, own: NDArray[np.uint8]) -> Problem:
        """Tell how a video's own labels differ from the manifest's: of another family, or from which frame on."""
        entry = self.entry(video.name)
        for family in manifest.families(type(self).name):
            rival = self.facts(self.options, family)
            if entry in rival.test and np.array_equal(own, rival.labels(entry, len(own))):
                problem = f"its labels are of family {family!r}, and {self.manifest.family!r} was asked for"
                return Problem(
                    "error", _location(video), problem, f"say {type(self).name}[labels={family}], or remove the file"
                )
        expected = self.manifest.labels(entry, len(own))
        first = int(np.flatnonzero(own != expected)[0])
        problem = f"its labels differ from the published ones, in {int((own != expected).sum())} frames from {first} on"
        fix = "restore the official label file, or remove it: the package has them"
        return Problem("error", _location(video), problem, fix)


LONGEST_PART = 60  # characters of a list of videos that a table's label has room for
_INSTEAD = {
    "train": ", or adapt on " + option("support", "scene-head") + " or test-head",
    "test": ", or use the data set as a source only",
}


def _location(video: Video) -> str:
    """The path of a video's file or folder; the video's name where it has none."""
    return str(getattr(video.source, "path", video.name))


def some(names: Sequence[str], most: int = 6) -> str:
    """Name the first few of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
