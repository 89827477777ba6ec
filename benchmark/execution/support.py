"""Support sets: which videos they come from, and what is adapted as one"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Dataset, Scene, Video
from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import FAIR, SupportPolicy

CLEAN_HEAD = FAIR.max_shots + FAIR.max_clip - 1  # frames that must be normal: all that any support set may span


class Unsuitable(InputError):
    """A dataset is sound, but cannot play the part it was given: a matrix leaves such cells out, with the reason."""


def support_videos(target: Dataset, support: SupportPolicy) -> list[Video]:
    """The videos whose heads are support sets, one for each that is adapted as one: see `protocol.Support`.

    Raises:
        Unsuitable: a test scene has no training video, or one that is a test video too, or none with a clean head.
    """
    scenes = target.scenes("test")
    if support == SupportPolicy.TEST_HEAD:
        return [video for scene in scenes for video in scene.videos]
    if support == SupportPolicy.SCENE_HEAD:
        return [scene.videos[0] for scene in scenes]
    if support == SupportPolicy.TEST_HEAD_CLEAN:
        return [video for scene in scenes for video in _clean(target, scene)]
    training = {scene.name: scene.videos for scene in target.scenes("train")}
    for scene in scenes:
        if not training.get(scene.name):
            test_head = option("support", "test-head") + " to adapt on the head of each test video"
            scene_head = "scene-head for the first of each scene, either of which may be abnormal"
            raise Unsuitable(
                f"{target.name}, scene {scene.name}",
                "has no training video to draw a support set from",
                "say " + test_head + ", or " + scene_head + ", or " + option("shots", 0),
            )
    heads = [training[scene.name][0] for scene in scenes]
    scored = {video.source for scene in scenes for video in scene.videos}
    if seen := [video for video in heads if video.source in scored]:
        otherwise = option("support", "scene-head") + ", or " + option("shots", 0)
        raise Unsuitable(
            f"{target.name}, video {seen[0].name}",
            "is training video and test video at once, so that it cannot give a support set that is not scored",
            "put training and test videos into folders train/ and test/, or say " + otherwise,
        )
    return heads


def _clean(target: Dataset, scene: Scene) -> list[Video]:
    """For each test video of a scene itself, if its head is normal, else the scene's first whose head is."""
    clean = [video for video in scene.videos if not target.labels(video.name)[:CLEAN_HEAD].any()]
    if not clean:
        raise Unsuitable(
            f"{target.name}, scene {scene.name}",
            f"has no test video whose first {CLEAN_HEAD} frames are normal",
            "choose another " + noun("support"),
        )
    return [video if video in clean else clean[0] for video in scene.videos]


@dataclass(frozen=True)
class AdaptationUnit:
    """What is adapted as one: the videos it scores, and the video whose head is its support set, if any."""

    videos: list[Video]
    support: Video | None


def adaptation_units(target: Dataset, support: SupportPolicy) -> list[AdaptationUnit]:
    """What is adapted as one under a support policy: a test scene or, with heads of test videos, each test video."""
    scenes = target.scenes("test")
    if support == SupportPolicy.NONE:
        return [AdaptationUnit(list(scene.videos), None) for scene in scenes]
    heads = support_videos(target, support)
    if support.per_video:
        videos = [video for scene in scenes for video in scene.videos]
        return [AdaptationUnit([video], head) for video, head in zip(videos, heads, strict=True)]
    return [AdaptationUnit(list(scene.videos), head) for scene, head in zip(scenes, heads, strict=True)]


def support_labels(
    cell: Cell, parts: list[AdaptationUnit], labels: dict[str, NDArray[np.uint8]], clip: ClipSpec
) -> NDArray[np.uint8]:
    """Labels of the frames that the support sets span, one after the other: how contaminated they are.

    Training video is normal by construction; the head of a test video is whatever it is.
    """
    span = frames_spanned(clip, cell.shots)
    if not span or not cell.policy.shows_test_video:
        return np.zeros(span, np.uint8)
    return np.concatenate([labels[unit.support.name][:span] for unit in parts if unit.support is not None])


def frames_spanned(clip: ClipSpec, shots: int) -> int:
    """Frames that so many clips, one frame apart, span; 0 without any."""
    return shots + clip.frames - 1 if shots else 0
