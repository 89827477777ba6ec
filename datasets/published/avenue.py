"""CUHK Avenue: one camera over a campus path; running, throwing and loitering are abnormal.

Lu, Shi, Jia: Abnormal Event Detection at 150 FPS in MATLAB (ICCV 2013).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.published.layouts import Layout, best_copy, candidates, joined_labels
from crossvad.datasets.published.manifest import Manifest
from crossvad.datasets.published.published_dataset import Guide, PublishedDataset, PublishedOptions
from crossvad.datasets.readers.label_files import mask_volume

LAYOUTS = {
    "official": Layout("training_videos", "testing_videos"),
    "frames": Layout("training/frames", "testing/frames"),
    "videos": Layout("training/videos", "testing/videos"),
}
# Test clips with abnormal objects that stand still and are not labelled, which Avenue17 leaves out.
UNLABELLED = ("01", "02", "08", "09", "10")


@dataclass(frozen=True)
class AvenueOptions(PublishedOptions):
    """Which labels, and which test clips.

    labels: `frames`, the frame labels that most papers since Hasan et al. (CVPR 2016) use, or `masks`, where a frame is
        abnormal if the authors' pixel masks mark anything in it.
    subset: `all` test clips, or `avenue17` without clips 1, 2, 8, 9 and 10 (Hinami et al., ICCV 2017).
    videos: of these, as `PublishedOptions` says.
    """

    labels: Literal["frames", "masks"] = "frames"
    subset: Literal["all", "avenue17"] = "all"


class Avenue(PublishedDataset):
    """CUHK Avenue, with either family of labels."""

    name = "avenue"
    Options = AvenueOptions
    guide = Guide(
        title="CUHK Avenue Dataset for Abnormal Event Detection (Avenue_Dataset.zip, ground_truth_demo.zip)",
        paper="Lu, Shi, Jia: Abnormal Event Detection at 150 FPS in MATLAB. ICCV 2013",
        page="http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html",
        terms="see the page; it is offered for research",
        archives=("Avenue_Dataset.zip", "ground_truth_demo.zip"),
        home="avenue",
        tree="""\
Avenue Dataset/                    (the archive; or avenue/)
  training_videos/01.avi …         16 clips
  testing_videos/01.avi …          21 clips
  ground_truth_demo/testing_label_mask/1_label.mat …
                                   optional, for pixel masks: the package knows the frame labels of both families

or avenue/training/frames/01/0000.jpg … and avenue/testing/frames/01/0000.jpg …""",
    )

    def __init__(self, root: Path, options: AvenueOptions | None = None) -> None:
        """Find the data set under the data root.

        Raises:
            InputError: it is not there; names every folder looked in.
        """
        self.options = options or AvenueOptions()
        self.family = self.options.labels
        self._homes = candidates(root, "avenue", "Avenue", "Avenue Dataset", "Avenue_Dataset", "avenue/Avenue Dataset")
        self.take(best_copy(self.name, root, self._homes, LAYOUTS, self.asked_for))
        self._volume_labels: dict[str, NDArray[np.uint8]] = {}  # by clip, kept: a label volume takes seconds to read

    @classmethod
    def published(cls, options: AvenueOptions, family: str) -> Manifest:
        """The manifest without the clips that the subset leaves out."""
        whole = super().published(options, family)
        if options.subset == "all":
            return whole
        return replace(whole, test={name: clip for name, clip in whole.test.items() if name not in UNLABELLED})

    @classmethod
    def entry(cls, video: str) -> str:
        """`01` for a clip called `1`, `01` or `Test01`."""
        digits = re.search("[0-9]+$", video)
        return f"{int(digits[0]):02d}" if digits else video

    def own_labels(self, video: Video) -> NDArray[np.uint8] | None:
        """Read frame labels (N,) from the label volumes (family `masks`) or `frame_labels_avenue.npy` (`frames`).

        Raises:
            InputError: the file is damaged or does not fit the frames.
        """
        if self.options.labels == "masks":
            return self._from_volume(video)
        entry = self.entry(video.name)
        return joined_labels("frame_labels_avenue.npy", self._homes, self.whole_manifest, entry, len(video))

    def masks(self, video: str) -> NDArray[np.bool_] | None:
        """Read pixel labels (N, H, W) from the clip's label volume; None where that is not at hand.

        Raises:
            InputError: no such clip, or a volume that is damaged or does not fit its frames.
        """
        path, frames = self._volume(video), len(self.test_video(video))
        if path is None:
            return None
        masks = np.stack(list(mask_volume(path)))
        if len(masks) != frames:
            raise InputError(path, f"holds {len(masks)} masks for {frames} frames", "restore the official file")
        return masks

    def _from_volume(self, video: Video) -> NDArray[np.uint8] | None:
        """Read frame labels (N,) from the clip's label volume: abnormal where its mask marks anything."""
        path = self._volume(video.name)
        if path is None:
            return None
        if video.name not in self._volume_labels:
            self._volume_labels[video.name] = np.array([mask.any() for mask in mask_volume(path)], np.uint8)
        labels = self._volume_labels[video.name]
        if len(labels) != len(video):
            problem = f"holds {len(labels)} masks for {len(video)} frames of {video.name}"
            raise InputError(path, problem, "restore the official file, or the missing frames")
        return labels

    def _volume(self, video: str) -> Path | None:
        """Find the clip's label volume, in or beside the folders the archive may lie in."""
        entry = self.entry(video)
        if not entry.isdecimal():  # no clip of the archive
            return None
        file = f"{int(entry)}_label.mat"
        folders = ("testing_label_mask", "ground_truth_demo/testing_label_mask")
        parents = (parent for home in self._homes for parent in (home, home.parent))
        paths = (parent / folder / file for parent in parents for folder in folders)
        return next((path for path in paths if path.is_file()), None)
