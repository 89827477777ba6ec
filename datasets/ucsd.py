"""UCSD Ped1 and Ped2: one campus walkway each, where whatever is not a pedestrian is abnormal.

Mahadevan, Li, Bhalodia, Vasconcelos: Anomaly Detection in Crowded Scenes (CVPR 2010).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import SPLITS, Dataset, InputError, Problem, Scene, Split, Video
from crossvad.datasets.frames import FrameFolder, find_videos

Ranges = list[tuple[int, int]]  # 1-based, both ends included


class Layout(NamedTuple):
    """Where a copy of the dataset keeps its clips and its pixel masks."""

    train: str
    test: str
    masks: str


# The archive of the authors, and the two arrangements that public code uses.
LAYOUTS = {
    "official": Layout("Train", "Test", "Test"),
    "frames": Layout("training/frames", "testing/frames", "testing/pixel_masks"),
    "videos": Layout("training/videos", "testing/videos", "testing/pixel_masks"),
}
EXPECTED = "Test/Test001/001.tif, testing/frames/01/000.jpg or testing/videos/01.avi"

_START = re.compile(r"TestVideoFile\s*=\s*\{\s*\}\s*;?")
_CLIP = re.compile(r"TestVideoFile\s*\{\s*end\s*\+\s*1\s*\}\s*\.\s*gt_frame\s*=\s*\[(?P<ranges>[^]]*)\]\s*;?")
_RANGE = r"[0-9]+(?:\s*:\s*[0-9]+)?"
_RANGES = re.compile(rf"\s*(?:{_RANGE}(?:(?:\s*,\s*|\s+){_RANGE})*)?\s*")


def parse_ground_truth(text: str, where: object = "ground truth") -> list[Ranges]:
    """The abnormal frames of every test clip in a UCSD `.m` file: 1-based ranges, both ends included.

    Understands `TestVideoFile = {};` at the start, then `TestVideoFile{end+1}.gt_frame = [5:90, 140:200];` per clip,
    with any spacing, `%` comments, empty lines, empty brackets and single frames.

    Raises:
        InputError: a line is anything else; names `where` and the line.
    """
    clips: list[Ranges] = []
    for number, line in enumerate(text.splitlines(), start=1):
        statement = line.partition("%")[0].strip()
        if not statement or (_START.fullmatch(statement) and not clips):
            continue
        match = _CLIP.fullmatch(statement)
        if not match or not _RANGES.fullmatch(match["ranges"]):
            fix = "write TestVideoFile{end+1}.gt_frame = [5:90, 140:200];"
            raise InputError(f"{where}, line {number}", f"cannot read {statement!r}", fix)
        ranges = [_range(text) for text in re.findall(_RANGE, match["ranges"])]
        for first, last in ranges:
            if not 1 <= first <= last:
                raise InputError(
                    f"{where}, line {number}", f"{first}:{last} is no range", "count frames upwards from 1"
                )
        clips.append(ranges)
    return clips


class Ucsd(Dataset):
    """UCSD `ped1` or `ped2`, in whichever layout lies under the data root.

    Copies in different layouts differ by their compression, so they are never mixed: the one with the most test clips
    is used, then the one with the most training clips, then the official one. `layout` and `directory` tell which.
    """

    def __init__(self, name: str, root: Path) -> None:
        """Find dataset `name` under the data root.

        Raises:
            InputError: it is not there; names every place looked at.
        """
        self.name = name
        self._candidates = _candidates(name, root)
        copies = [
            (directory, layout, _videos(directory / where.train), _videos(directory / where.test))
            for directory in self._candidates
            for layout, where in LAYOUTS.items()
        ]
        self.directory, self.layout, train, test = max(
            copies, key=lambda copy: (len(copy[3]), len(copy[2]), copy[1] == "official")
        )
        if not test:
            looked = ", ".join(map(str, self._candidates))
            raise InputError(root, f"holds no {name} test clips (looked in {looked})", f"put {EXPECTED} in one of them")
        self._videos: dict[Split, tuple[Video, ...]] = {"train": train, "test": test}

    def scenes(self, split: Split) -> list[Scene]:
        """One scene, named like the dataset; none where the copy has no training clips."""
        videos = self._videos[split]
        return [Scene(self.name, videos)] if videos else []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Frame labels (N,), 1 = abnormal.

        Raises:
            InputError: no such clip, no label file, no entry for the clip, or ranges beyond its last frame.
        """
        clip, frames = _clip_number(video), len(self._test_video(video))
        if clip > len(self._ground_truth):
            raise InputError(self._label_file, f"has no entry for clip {clip}", f"restore the file or remove {video}")
        labels = np.zeros(frames, np.uint8)
        for first, last in self._ground_truth[clip - 1]:
            if last > frames:
                problem = f"labels frame {last} of {video}, which has {frames} frames"
                raise InputError(self._label_file, problem, "restore the missing frames")
            labels[first - 1 : last] = 1
        return labels

    def masks(self, video: str) -> NDArray[np.bool_] | None:
        """Pixel labels (N, H, W) at the original size, or None where this copy has none for the clip.

        Raises:
            InputError: no such clip, or a mask is missing or damaged.
        """
        frames = len(self._test_video(video))
        folder = FrameFolder(self.directory / LAYOUTS[self.layout].masks / f"Test{_clip_number(video):03d}_gt")
        if not folder.path.is_dir():
            return None
        if len(folder) != frames:
            raise InputError(folder.path, f"holds {len(folder)} masks for {frames} frames", "restore the missing ones")
        return np.concatenate([block[..., 0] > 0 for block in folder.blocks(None, channels=1)])

    def check(self, splits: Collection[Split] = SPLITS) -> list[Problem]:
        """Every problem at once; a warning where training clips, or test clips that have labels, are not here."""
        problems = list(dict.fromkeys(super().check(splits)))  # a missing label file is one problem, not one per clip
        return problems + list(self._gaps(splits))

    def _gaps(self, splits: Collection[Split]) -> Iterator[Problem]:
        where = str(self.directory)
        if "train" in splits and not self._videos["train"]:
            yield Problem("warning", where, "has no training video", "fetch it, or adapt on test-head support")
        if "test" not in splits:
            return
        try:
            labelled = set(range(1, len(self._ground_truth) + 1))
            present = labelled & {_clip_number(video.name) for video in self._videos["test"]}
        except InputError:  # reported as an error already
            return
        if present != labelled:
            problem = f"{len(present)} of {len(labelled)} labelled test clips are here"
            yield Problem("warning", where, problem, "fetch the others, or say that results are of a part")

    def _test_video(self, name: str) -> Video:
        for video in self._videos["test"]:
            if video.name == name:
                return video
        names = ", ".join(video.name for video in self._videos["test"])
        raise InputError(self.directory, f"has no test clip {name}", f"choose one of {names}")

    @cached_property
    def _label_file(self) -> Path:
        name = f"UCSD{self.name}.m"
        places = [
            place for home in (self.directory, *self._candidates) for place in (home / name, home / "Test" / name)
        ]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise InputError(places[0], "is missing", f"copy the official {name} there")
        return found

    @cached_property
    def _ground_truth(self) -> list[Ranges]:
        # A comment may hold any byte; elsewhere the grammar refuses a replaced one.
        return parse_ground_truth(self._label_file.read_text("utf-8", errors="replace"), self._label_file)


def _candidates(name: str, root: Path) -> list[Path]:
    """Where the dataset may lie under, or at, the data root; the preferred places first."""
    official = f"UCSD{name}"
    places = [root / name, root / official, root / name / official, root / "UCSD_Anomaly_Dataset.v1p2" / official]
    return [*places, root] if root.resolve().name.lower() in (name, official.lower()) else places


def _videos(directory: Path) -> tuple[Video, ...]:
    """The clips in a folder; the official archive keeps masks beside them, in `Test001_gt`."""
    if not directory.is_dir():
        return ()
    return tuple(video for video in find_videos(directory) if not video.name.endswith("_gt"))


def _clip_number(video: str) -> int:
    """12 for `Test012` and for `12`."""
    digits = re.search("[0-9]+$", video)
    if not digits or int(digits[0]) == 0:
        raise InputError(
            video, "does not end in the number of a clip", "restore its original name, such as Test001 or 01"
        )
    return int(digits[0])


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    return int(first), int(last or first)
