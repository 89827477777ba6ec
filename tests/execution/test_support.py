"""Support sets: whose head adapts what, and what they span."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.own_folder import OwnFolder
from crossvad.execution.support import (
    CLEAN_HEAD,
    Unsuitable,
    adaptation_units,
    frames_spanned,
    support_labels,
    support_videos,
)
from crossvad.planning.protocol import SupportPolicy

SPEC = ClipSpec(5, 4, (8, 8), 1)


class Target:
    """Two test cameras, of two videos and one; the training video of the second is what is asked for."""

    name = "town"

    def __init__(self, trained: tuple[str, ...] = ("gate", "yard"), abnormal: dict[str, slice] | None = None) -> None:
        self.trained, self.abnormal = trained, abnormal or {}

    def scenes(self, split):
        videos = {"gate": ["g1", "g2"], "yard": ["y1"]}
        if split == "train":
            videos = {scene: [f"{scene}-a", f"{scene}-b"] for scene in self.trained}
        return [
            SimpleNamespace(name=scene, videos=[SimpleNamespace(name=name, source=name) for name in names])
            for scene, names in videos.items()
        ]

    def labels(self, video):
        labels = np.zeros(60, np.uint8)
        labels[self.abnormal.get(video, slice(0, 0))] = 1
        return labels


def units(support: str, target: Target) -> list[tuple[list[str], str]]:
    """Names of each unit's videos, and of its support video."""
    parts = adaptation_units(target, SupportPolicy(support))
    return [([v.name for v in unit.videos], unit.support.name if unit.support else "") for unit in parts]


@pytest.mark.parametrize(
    ("support", "expected"),
    [
        ("none", [(["g1", "g2"], ""), (["y1"], "")]),
        ("train-head", [(["g1", "g2"], "gate-a"), (["y1"], "yard-a")]),
        ("scene-head", [(["g1", "g2"], "g1"), (["y1"], "y1")]),
        ("test-head", [(["g1"], "g1"), (["g2"], "g2"), (["y1"], "y1")]),
        ("test-head-clean", [(["g1"], "g2"), (["g2"], "g2"), (["y1"], "y1")]),
    ],
)
def test_units_and_their_supports(support, expected):
    assert units(support, Target(abnormal={"g1": slice(CLEAN_HEAD - 1, CLEAN_HEAD)})) == expected


def test_a_head_is_clean_up_to_the_last_frame_that_any_support_set_spans():
    target = Target(abnormal={"g1": slice(CLEAN_HEAD, CLEAN_HEAD + 1)})
    assert [video.name for video in support_videos(target, "test-head-clean")] == ["g1", "g2", "y1"]


def test_a_scene_without_what_is_asked_for_is_unsuitable():
    with pytest.raises(Unsuitable, match=r"town, scene yard: has no training video .* --support test-head"):
        support_videos(Target(trained=("gate",)), "train-head")
    with pytest.raises(Unsuitable, match=rf"town, scene yard: has no test video whose first {CLEAN_HEAD} frames"):
        support_videos(Target(abnormal={"y1": slice(0, 1)}), "test-head-clean")


def test_clips_one_frame_apart_span():
    assert [frames_spanned(SPEC, shots) for shots in (0, 1, 10)] == [0, 5, 14]


def test_support_labels_are_those_of_the_frames_spanned():
    target = Target(abnormal={"g1": slice(4, 9)})
    labels = {name: target.labels(name) for name in ("g1", "g2", "y1")}

    def joined(support: str, shots: int) -> list[int]:
        cell = SimpleNamespace(shots=shots, policy=SupportPolicy(support))
        return support_labels(cell, adaptation_units(target, SupportPolicy(support)), labels, SPEC).tolist()

    assert joined("test-head", 3) == [0, 0, 0, 0, 1, 1, 1] + [0] * 14
    assert joined("scene-head", 1) == [0, 0, 0, 0, 1] + [0] * 5
    assert joined("train-head", 3) == [0] * 7 and joined("none", 0) == []


def test_what_is_scored_gives_no_support_set_that_passes_for_training_video(tmp_path):
    """A folder without train/ and test/ serves for both, and not in one run."""
    for name in ("a", "b"):
        (tmp_path / "camera" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), number).save(tmp_path / "camera" / name / f"{number:03d}.png")
    target = OwnFolder(tmp_path / "camera")
    with pytest.raises(Unsuitable, match=r"is training video and test video at once.*--support scene-head"):
        support_videos(target, SupportPolicy.TRAIN_HEAD)
    assert [video.name for video in support_videos(target, SupportPolicy.SCENE_HEAD)] == ["a"]
