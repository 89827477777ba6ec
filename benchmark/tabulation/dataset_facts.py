"""`bench datasets info`: scenes and frames of a data set, and how much of its test video is abnormal, and how soon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from crossvad.datasets.base import SPLITS, Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.published import manifest
from crossvad.datasets.published.manifest import LabelFacts, label_facts
from crossvad.planning import catalogue, registry
from crossvad.present.tables import MISSING

SCENES_SHOWN = 20  # more are told in one line
UNKNOWN = "shares depend on the videos' lengths, which are not published"
SCENE_COLUMNS = ["split", "scene", "videos", "frames"]
LABEL_COLUMNS = [
    "labels", "test videos", "frames", "abnormal", "share", "throughout", "from frame 1", "in first 5", "in first 14",
]  # fmt: skip


class Labels(NamedTuple):
    """What is known of some labels of a data set."""

    whose: str
    videos: int  # test videos
    facts: LabelFacts | str  # or why they are not known


def published_labels(name: str) -> list[Labels]:
    """What is known of the labels of a published data set, per family; nothing for other data sets."""
    if len(registry.joined_names(name)) > 1 or name.partition("[")[0] not in catalogue.ARCHIVES:
        return []
    _, cls, options = registry.get_published(name)
    families: list[Labels] = []
    for family in manifest.families(cls.name):
        facts = cls.facts(options, family)
        labels = facts.all_labels()
        families.append(Labels(f"published, {family}", len(facts.test), label_facts(labels) if labels else UNKNOWN))
    return families


def own_labels(dataset: Dataset) -> Labels:
    """What is known of the labels of a copy."""
    names = [video.name for video in dataset.videos("test")]
    try:
        facts = label_facts([dataset.labels(name) for name in names]) if names else "no test video"
    except InputError as error:
        facts = str(error)
    return Labels("this copy", len(names), facts)


def scene_rows(dataset: Dataset) -> Iterable[list[str]]:
    """Lines of `SCENE_COLUMNS`: each scene unless they are many, and the whole split."""
    for split in SPLITS:
        scenes = dataset.scenes(split)
        videos = [video for scene in scenes for video in scene.videos]
        if len(scenes) <= SCENES_SHOWN:
            for scene in scenes:
                yield [split, scene.name, str(len(scene.videos)), str(sum(map(len, scene.videos)))]
        if len(scenes) != 1:
            yield [split, f"{len(scenes)} scenes" if scenes else "none", str(len(videos)), str(sum(map(len, videos)))]


def label_row(labels: Labels) -> list[str]:
    """A line of `LABEL_COLUMNS`."""
    facts = labels.facts
    if isinstance(facts, str):
        return [labels.whose, str(labels.videos), *[MISSING] * 7]
    counts = [labels.videos, facts.frames, facts.abnormal, f"{100 * facts.prevalence:.1f} %", facts.all_abnormal]
    return [labels.whose, *map(str, counts), *map(str, facts.starts_abnormal.values())]
