"""MyDataset: two cameras with training video, test video and labels.

One class is a data set. The contract is `crossvad.datasets.base`; `bench datasets check my_dataset.py:MyDataset` holds
this file to it. Its frames are drawn here, so that it runs at once: `_video` is what to replace.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Dataset, Frames, Scene, Split, Video
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.lazy_frames import LazyFrames

CAMERAS = ("north", "south")
LENGTH, ONSET = 60, 40  # frames of a video; in test video something odd happens from here on


class MyDataset(Dataset):
    """Two cameras; of each two training videos, which are all normal, and two test videos."""

    name = "my_dataset"  # what tables call it

    def __init__(self, root: Path) -> None:
        """Remember the data root, which is what --data says. Open nothing yet."""
        self.root = root

    def scenes(self, split: Split) -> list[Scene]:
        """The scenes of "train" or "test", always in the same order. A scene is one fixed camera.

        A camera goes by one name in both splits: the support set of a test scene is drawn from its training video.
        """
        return [Scene(camera, tuple(self._video(camera, split, number) for number in (1, 2))) for camera in CAMERAS]

    def _video(self, camera: str, split: Split, number: int) -> Video:
        """A video, by a name that no other of its split has. Nothing is read before somebody asks for frames.

        Of files, `crossvad.datasets.readers` has what to give in place of `LazyFrames`:

            Video(name, VideoFile(self.root / "my_dataset" / camera / f"{name}.mp4"))      # of .video_file
            Video(name, FrameFolder(self.root / "my_dataset" / camera / name))             # of .frame_folder
        """
        name = f"{camera}-{split}-{number}"
        return Video(name, LazyFrames(partial(draw, name), LENGTH, identity=f"my_dataset {name} {LENGTH}"))

    def labels(self, video: str) -> NDArray[np.uint8]:
        """Labels of a test video, (N,), 1 = abnormal. The evaluation alone calls this, and no method can.

        Raises:
            InputError: there is no such test video.
        """
        if video not in {each.name for each in self.videos("test")}:
            raise InputError(video, "is no test video of my_dataset", "ask for one of scenes('test')")
        return (np.arange(LENGTH) >= ONSET).astype(np.uint8)


def draw(name: str) -> Frames:
    """Frames of a video, uint8 (N, H, W, C): a block drifts over a wall; in test video it then runs."""
    camera, split, number = name.split("-")
    random = np.random.default_rng([CAMERAS.index(camera), split == "test", int(number)])
    frames = random.integers(60, 100, (1, 48, 64, 1)) + random.integers(-3, 4, (LENGTH, 48, 64, 1))
    for t, frame in enumerate(frames):
        x = t // 2 + (4 * (t - ONSET) if split == "test" and t >= ONSET else 0)
        frame[20:32, x % 52 : x % 52 + 12] = 160
    return frames.astype(np.uint8)
