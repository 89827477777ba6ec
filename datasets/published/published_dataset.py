"""A published data set: the videos found on disk, held against what its manifest knows of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, Scene, Split, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.published import manifest
from crossvad.datasets.published.manifest import Known, Manifest


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
class NoOptions:
    """The options of a data set that has none."""


class PublishedDataset(Dataset):
    """A data set whose facts are known. A subclass finds the videos and reads what labels lie beside them.

    Labels come from the archive's own files where they are there, else from the manifest. `check` tells where files and
    manifest differ: such results could not be set beside anyone else's.
    """

    name: str
    family: str = "frames"
    guide: ClassVar[Guide]
    Options: ClassVar[type] = NoOptions

    options: Any = NoOptions()
    directory: Path
    layout: str
    videos: dict[Split, tuple[Video, ...]]

    @abstractmethod
    def __init__(self, root: Path, options: Any = None) -> None:
        """Find the data set under the data root; set `options`, `directory`, `layout` and `videos`.

        Raises:
            InputError: it is not there; names every place looked at.
        """

    @classmethod
    def facts(cls, options: Any, family: str) -> Manifest:
        """What is known of the data set as these options make it, under a family of labels; needs no data."""
        return manifest.load(cls.name, family)

    @cached_property
    def manifest(self) -> Manifest:
        """What is known of this data set."""
        return self.facts(self.options, self.family)

    def scenes(self, split: Split) -> list[Scene]:
        """One scene, named like the data set; none where the copy lacks the split."""
        return [Scene(type(self).name, self.videos[split])] if self.videos[split] else []

    @classmethod
    def entry(cls, video: str) -> str:
        """What the manifest calls a video."""
        return video

    @abstractmethod
    def own_labels(self, video: Video) -> NDArray[np.uint8] | None:
        """The labels that the archive's own files give a test video, (N,), or None where there are no such files.

        Raises:
            InputError: the files are damaged, lack the video or do not fit its frames.
        """

    def checksum(self, video: Video) -> str | None:
        """What to hold against the manifest's sha256; None where this copy has none to hold. Reads the files."""
        return None

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels (N,), 1 = abnormal: the archive's own, or else the manifest's.

        Raises:
            InputError: no such test video, no labels for it, or labels that do not fit its frames.
        """
        found = self.test_video(video)
        own = self.own_labels(found)
        if own is not None:
            return own
        known = self.manifest.test.get(self.entry(video))
        if known is None:
            problem = f"{video} is no test video of {self.name}, so it has no labels"
            raise InputError(self.directory, problem, "remove it")
        if known.frames not in (None, len(found)):
            problem = f"{video} has {len(found)} frames, and its labels are for {known.frames}"
            raise InputError(self.directory, problem, "fetch it again")
        return self.manifest.labels(self.entry(video), len(found))

    def test_video(self, name: str) -> Video:
        """The test video of a name.

        Raises:
            InputError: there is none.
        """
        for video in self.videos["test"]:
            if video.name == name:
                return video
        few = ", ".join(video.name for video in self.videos["test"][:5])
        raise InputError(self.directory, f"has no test video {name}", f"choose one of {few}, …")

    # ---- what is wrong with it ---------------------------------------------------------------------------------------

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """Every problem at once: what cannot be read, and where files and manifest differ."""
        problems = list(dict.fromkeys(super().check(splits)))  # a missing label file is one problem, not one per clip
        for split in splits:
            problems += self._against_manifest(split)
        return problems

    def _against_manifest(self, split: Split) -> Iterator[Problem]:
        known: dict[str, Known] = dict(self.manifest.train if split == "train" else self.manifest.test)
        found = {self.entry(video.name): video for video in self.videos[split]}
        what, where = ("training" if split == "train" else "test"), str(self.directory)
        published = self.manifest.train_videos if split == "train" else len(known)
        if not found:
            yield Problem("warning", where, f"has no {what} video", "fetch it" + _INSTEAD[split])
            return
        if missing := [name for name in known if name not in found]:
            problem = f"{len(known) - len(missing)} of {len(known)} {what} videos are here; missing: {_some(missing)}"
            yield Problem("warning", where, problem, "fetch the others, or say that results are of a part")
        if not known and len(found) != published:
            problem = f"{len(found)} {what} videos are here, and {published} were published"
            yield Problem("warning", where, problem, "fetch the others, or say that results are of a part")
        if known and (extra := [name for name in found if name not in known]):
            problem = f"{len(extra)} {what} videos are not of {self.name}: {_some(extra)}"
            yield Problem("warning" if split == "train" else "error", where, problem, "remove them")
        for name in found.keys() & known.keys():
            yield from self._video_against(known[name], found[name], split)

    def _video_against(self, known: Known, video: Video, split: Split) -> Iterator[Problem]:
        where = str(getattr(video.source, "path", video.name))
        try:
            frames = len(video)
            own = self.own_labels(video) if split == "test" else None
        except InputError:  # reported as an error already
            return
        if known.frames is None and any(start >= frames for start, _ in known.abnormal):
            problem = f"has {frames} frames, and is abnormal from frame {known.abnormal[-1][0]} on: its end is missing"
            yield Problem("error", where, problem, "fetch it again")
        elif known.frames not in (None, frames):
            problem = f"has {frames} frames, where the published video has {known.frames}"
            yield Problem("error" if split == "test" else "warning", where, problem, "fetch it again")
        elif own is not None and not np.array_equal(own, self.manifest.labels(self.entry(video.name), frames)):
            yield self._wrong_labels(where, video, own)

    def against_checksum(self, video: Video, split: Split) -> Iterator[Problem]:
        """Whether a video's files are the official ones, where that can be told. Reads them."""
        known = (self.manifest.train if split == "train" else self.manifest.test).get(self.entry(video.name))
        if known and known.sha256 and self.checksum(video) not in (None, known.sha256):
            where = str(getattr(video.source, "path", video.name))
            yield Problem("warning", where, "is not the official file: another SHA-256", "fetch it again")

    def _wrong_labels(self, where: str, video: Video, own: NDArray[np.uint8]) -> Problem:
        entry = self.entry(video.name)
        for family in manifest.families(type(self).name):
            rival = self.facts(self.options, family)
            if entry in rival.test and np.array_equal(own, rival.labels(entry, len(own))):
                problem = f"its labels are of family {family!r}, and {self.manifest.family!r} was asked for"
                return Problem("error", where, problem, f"say {type(self).name}[labels={family}], or remove the file")
        expected = self.manifest.labels(entry, len(own))
        first = int(np.flatnonzero(own != expected)[0])
        problem = f"its labels differ from the published ones, in {int((own != expected).sum())} frames from {first} on"
        return Problem("error", where, problem, "restore the official label file, or remove it: the package has them")


_INSTEAD = {"train": ", or adapt on test-head support", "test": ", or use the data set as a source only"}


def _some(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
