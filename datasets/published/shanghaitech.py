"""ShanghaiTech Campus: 13 cameras over a campus; cycling, running, fighting and the like are abnormal.

Liu, Luo, Lian, Gao: Future Frame Prediction for Anomaly Detection: A New Baseline (CVPR 2018).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Scene, Split, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.published.layouts import Layout, best_copy, candidates, joined_labels
from crossvad.datasets.published.published_dataset import Guide, PublishedDataset, PublishedOptions
from crossvad.datasets.readers.label_files import read_npy

LAYOUTS = {
    "official": Layout("training/videos", "testing/frames"),
    "frames": Layout("training/frames", "testing/frames"),
    "videos": Layout("training/videos", "testing/videos"),
}


class ShanghaiTech(PublishedDataset):
    """ShanghaiTech Campus; a video's name begins with its camera: `01_0014`."""

    name = "shanghaitech"
    guide = Guide(
        title="ShanghaiTech Campus dataset for anomaly detection (shanghaitech.tar.gz)",
        paper="Liu, Luo, Lian, Gao: Future Frame Prediction for Anomaly Detection. CVPR 2018",
        page="https://svip-lab.github.io/dataset/campus_dataset.html",
        terms="see the page; it is offered for research",
        archives=("shanghaitech.tar.gz", "shanghaitech.zip"),
        home=".",
        tree="""\
shanghaitech/
  training/videos/01_001.avi …           330 videos (or training/frames/01_001/000.jpg …)
  testing/frames/01_0014/000.jpg …       107 folders
  testing/test_frame_mask/01_0014.npy …  optional: the package knows the frame labels
  testing/test_pixel_mask/01_0014.npy …  optional, for pixel masks""",
    )

    def __init__(self, root: Path, options: PublishedOptions | None = None) -> None:
        """Find the data set under the data root.

        Raises:
            InputError: it is not there; names every folder looked in.
        """
        self.options = options or PublishedOptions()
        self._homes = candidates(root, "shanghaitech", "ShanghaiTech", "Shanghai", "shanghai", "SHANGHAI")
        self.take(best_copy(self.name, root, self._homes, LAYOUTS, self.asked_for))

    def scenes(self, split: Split) -> list[Scene]:
        """A scene per camera: the videos that share a prefix."""
        cameras: dict[str, list[Video]] = {}
        for video in self.on_disk[split]:
            cameras.setdefault(self.scene_of(video.name), []).append(video)
        return [Scene(camera, tuple(videos)) for camera, videos in sorted(cameras.items())]

    @classmethod
    def scene_of(cls, video: str) -> str:
        """Its camera, which its name begins with."""
        return video.partition("_")[0]

    def own_labels(self, video: Video) -> NDArray[np.uint8] | None:
        """Read frame labels (N,) from `test_frame_mask` or `frame_labels_shanghai.npy`; None where there is neither.

        Raises:
            InputError: the file is damaged or does not fit the frames.
        """
        path = self.directory / "testing/test_frame_mask" / f"{video.name}.npy"
        if not path.is_file():
            return joined_labels("frame_labels_shanghai.npy", self._homes, self.whole_manifest, video.name, len(video))
        labels = read_npy(path).ravel()
        if len(labels) != len(video):
            raise InputError(path, f"has {len(labels)} labels for {len(video)} frames", "restore the official file")
        return (labels != 0).astype(np.uint8)

    def masks(self, video: str) -> NDArray[np.bool_] | None:
        """Read pixel labels (N, H, W); None where there is no `test_pixel_mask` for the video.

        Raises:
            InputError: no such video, or a file that is damaged or does not fit its frames.
        """
        frames = len(self.test_video(video))
        path = self.directory / "testing/test_pixel_mask" / f"{video}.npy"
        if not path.is_file():
            return None
        masks = read_npy(path)
        if masks.ndim == 3 and frames not in masks.shape[:1] and masks.shape[2] == frames:
            masks = np.moveaxis(masks, 2, 0)  # some of the published files have the frames last
        if masks.ndim != 3 or len(masks) != frames:
            raise InputError(path, f"has shape {masks.shape} for {frames} frames", "restore the official file")
        return np.asarray(masks != 0)
