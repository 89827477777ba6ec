"""UCSD Ped1 and Ped2: one campus walkway each, where whatever is not a pedestrian is abnormal.

Mahadevan, Li, Bhalodia, Vasconcelos: Anomaly Detection in Crowded Scenes (CVPR 2010).
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.published.layouts import Layout, best_copy, candidates
from crossvad.datasets.published.manifest import spans_to_labels
from crossvad.datasets.published.published_dataset import Guide, PublishedDataset, PublishedOptions
from crossvad.datasets.readers.file_identity import digest
from crossvad.datasets.readers.frame_folder import FrameFolder
from crossvad.datasets.readers.label_files import label_text
from crossvad.datasets.readers.patience import Beat

Ranges = list[tuple[int, int]]  # 1-based, both ends included


# The archive of the authors, and the two arrangements that public code uses.
LAYOUTS = {
    "official": Layout("Train", "Test"),
    "frames": Layout("training/frames", "testing/frames"),
    "videos": Layout("training/videos", "testing/videos"),
}
MASKS = {"official": "Test", "frames": "testing/pixel_masks", "videos": "testing/pixel_masks"}

_START = re.compile(r"TestVideoFile\s*=\s*\{\s*\}\s*;?")
_CLIP = re.compile(r"TestVideoFile\s*\{\s*end\s*\+\s*1\s*\}\s*\.\s*gt_frame\s*=\s*\[(?P<ranges>[^]]*)\]\s*;?")
_RANGE = r"[0-9]{1,9}(?:\s*:\s*[0-9]{1,9})?"
_RANGES = re.compile(rf"\s*(?:{_RANGE}(?:(?:\s*,\s*|\s+){_RANGE})*)?\s*")


def parse_ground_truth(text: str, file: object = "ground truth") -> list[Ranges]:
    """Parse a UCSD `.m` file: the abnormal frames of every test clip, as 1-based ranges, both ends included.

    Understands `TestVideoFile = {};` at the start, then `TestVideoFile{end+1}.gt_frame = [5:90, 140:200];` per clip,
    with any spacing, `%` comments, empty lines, empty brackets and single frames.

    Raises:
        InputError: a line is anything else; names the `file` and the line.
    """
    clips: list[Ranges] = []
    for number, line in enumerate(text.splitlines(), start=1):
        statement = line.partition("%")[0].strip()
        if not statement or (_START.fullmatch(statement) and not clips):
            continue
        match = _CLIP.fullmatch(statement)
        if not match or not _RANGES.fullmatch(match["ranges"]):
            fix = "write TestVideoFile{end+1}.gt_frame = [5:90, 140:200];"
            raise InputError(f"{file}, line {number}", f"cannot read {statement!r}", fix)
        ranges = [_range(text) for text in re.findall(_RANGE, match["ranges"])]
        for first, last in ranges:
            if not 1 <= first <= last:
                raise InputError(f"{file}, line {number}", f"{first}:{last} is no range", "count frames upwards from 1")
        clips.append(ranges)
    return clips


class Ucsd(PublishedDataset):
    """One of the two UCSD walkways, in whichever layout lies under the data root."""

    def __init__(self, root: Path, options: PublishedOptions | None = None) -> None:
        """Find the data set under the data root.

        Raises:
            InputError: it is not there; names every folder looked in.
        """
        self.options = options or PublishedOptions()
        official = f"UCSD{self.name}"
        self._homes = candidates(
            root, self.name, official, f"{self.name}/{official}", f"UCSD_Anomaly_Dataset.v1p2/{official}"
        )
        self.take(best_copy(self.name, root, self._homes, LAYOUTS, self.asked_for))

    @classmethod
    def entry(cls, video: str) -> str:
        """`01` for the clips that copies call `Test001`, `Train001` or `01`."""
        return f"{_clip_number(video):02d}"

    def own_labels(self, video: Video) -> NDArray[np.uint8] | None:
        """Read frame labels (N,) from the official `.m` file; None where there is no such file.

        Raises:
            InputError: the file cannot be read, has no entry for the clip, or has ranges beyond its last frame.
        """
        if self._label_file is None:
            return None
        clip, frames = _clip_number(video.name), len(video)
        if clip > len(self._ground_truth):
            fix = f"restore the file or remove {video.name}"
            raise InputError(self._label_file, f"has no entry for clip {clip}", fix)
        spans = [(first - 1, last) for first, last in self._ground_truth[clip - 1]]
        if spans and (end := max(last for _, last in spans)) > frames:
            problem = f"labels frame {end} of {video.name}, which has {frames} frames"
            raise InputError(self._label_file, problem, "restore the missing frames")
        return spans_to_labels(spans, frames)

    def masks(self, video: str) -> NDArray[np.bool_] | None:
        """Read pixel labels (N, H, W) at the original size; None where this copy has none for the clip.

        Raises:
            InputError: no such clip, or a mask is missing or damaged.
        """
        frames = len(self.test_video(video))
        folder = FrameFolder(self.directory / MASKS[self.layout] / f"Test{_clip_number(video):03d}_gt")
        if not folder.path.is_dir():
            return None
        if len(folder) != frames:
            raise InputError(folder.path, f"holds {len(folder)} masks for {frames} frames", "restore the missing ones")
        return np.concatenate([block[..., 0] > 0 for block in folder.blocks(None, channels=1)])

    def checksum(self, video: Video, beat: Beat = lambda: None) -> str | None:
        """Hash the official frames: SHA-256 of the lines that hold each frame's own; None in other layouts."""
        if self.layout != "official" or not isinstance(video.source, FrameFolder):
            return None
        sums = []
        for frame in video.source.frames:
            beat()
            sums.append(hashlib.sha256(frame.read_bytes()).hexdigest())
        return digest(sums)

    @cached_property
    def _label_file(self) -> Path | None:
        name = f"UCSD{self.name}.m"
        paths = (folder / name for home in (self.directory, *self._homes) for folder in (home, home / "Test"))
        return next((path for path in paths if path.is_file()), None)

    @cached_property
    def _ground_truth(self) -> list[Ranges]:
        assert self._label_file  # asked for only where there is one
        # A comment may hold any byte; elsewhere the grammar refuses a replaced one.
        return parse_ground_truth(label_text(self._label_file), self._label_file)


_TREE = """\
{official}/                      (the archive; or below UCSD_Anomaly_Dataset.v1p2/)
  Train/Train001/001.tif …       {train} clips
  Test/Test001/001.tif …         {test} clips, masks in Test001_gt/001.bmp …
  Test/{official}.m              optional: the package knows the frame labels

or {name}/training/frames/01/000.jpg … and {name}/testing/frames/01/000.jpg …, or {name}/training/videos/01.avi …
and {name}/testing/videos/01.avi …; pixel masks then in {name}/testing/pixel_masks/Test001_gt/001.png …"""


def _guide(name: str, train: int, test: int) -> Guide:
    return Guide(
        title=f"UCSD {name.title()}, of the UCSD Anomaly Detection Dataset (UCSD_Anomaly_Dataset.tar.gz, v1p2)",
        paper="Mahadevan, Li, Bhalodia, Vasconcelos: Anomaly Detection in Crowded Scenes. CVPR 2010",
        page="http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm",
        terms="see the page; it is offered for research",
        archives=("UCSD_Anomaly_Dataset*.tar.gz",),
        home=".",
        tree=_TREE.format(name=name, official=f"UCSD{name}", train=train, test=test),
    )


class Ped1(Ucsd):
    """UCSD Ped1: people walk towards the camera and away from it."""

    name = "ped1"
    guide = _guide("ped1", 34, 36)


class Ped2(Ucsd):
    """UCSD Ped2: people walk across the picture."""

    name = "ped2"
    guide = _guide("ped2", 16, 12)


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
