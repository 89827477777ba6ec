"""`bench submit check` of targets that this package knows: videos, labels and scenes are held against what is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import camera_stores
import submissions_made as made
from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store
from crossvad.submission import rendered
from crossvad.submission.checking import check
from crossvad.verification import integrity


def told(folder: Path, severity: str = "error") -> str:
    found = [problem for problem in check(folder).problems if problem.severity == severity]
    return "\n".join(f"{problem.where}: {problem.problem}" for problem in found)


@pytest.fixture
def ped2(tmp_path):
    def make(which=slice(None), **arrays) -> Path:
        made.put_published(Store(tmp_path / "results"), "apn", which, **arrays)
        return made.pack(tmp_path / "out", Store(tmp_path / "results"))

    return make


def test_all_videos_of_a_published_target_pass(ped2):
    folder = ped2()
    assert told(folder) == "" and "test videos" not in told(folder, "warning")


def test_missing_videos_of_a_published_target_are_told(ped2):
    folder = ped2(slice(2))
    assert told(folder) == "" and "ped2: lacks 10 of 12 test videos" in told(folder, "warning")


def test_a_part_that_a_file_names_lacks_no_videos():
    """The file stays with its sender: nothing is known of which videos it names."""
    assert len(rendered._test_videos("ucf")) == 290 and rendered._test_videos("ucf[videos=mine.txt]") == set()


def test_repeated_videos_are_refused(ped2):
    assert "01 is there more than once" in told(ped2([0] * 6 + [1] * 6))


def test_a_video_under_two_of_its_names_is_refused(ped2):
    assert "01 is there more than once" in told(ped2([0, 0, 1], videos=["01", "Test001", "02"]))


def test_repeated_videos_of_ones_own_are_refused(submission):
    (record, *_) = Store(submission, only="reference").records()
    scores = Store(submission, only="reference").scores(record.cell)
    scores.videos[1] = scores.videos[0]
    with pytest.raises(InputError, match=f"{scores.videos[0]} is there more than once"):
        integrity.check_scores(scores, record, submission)


def test_other_scenes_than_published_are_refused(ped2):
    assert "has other scenes than ped2" in told(ped2(units=np.arange(12)))


def test_scenes_of_published_videos_are_told_by_their_names():
    for name, videos, scenes in (
        ("shanghaitech", ["01_0014", "01_0015", "02_0128"], [0, 0, 1]),
        ("ucf", ["Normal_Videos_003_x264", "Normal_Videos_006_x264"], [0, 1]),
        ("ped1", ["01", "02"], [0, 0]),
    ):
        cls, _ = registry.get_published(name)[1:]
        assert integrity.numbered(map(cls.scene_of, videos)) == scenes


def of_rendered(target: str, change=None, fewer: int = 0) -> tuple[Scores, Dataset]:
    """Scores on a rendered target that are its labels, with other scenes where they are changed; and the target."""
    dataset = registry.get_dataset(target, Path())
    pairs = [(scene.name, video) for scene in dataset.scenes("test") for video in scene.videos]
    pairs = pairs[: len(pairs) - fewer]
    tracks = [dataset.labels(video.name) for _, video in pairs]
    scores = Scores(
        videos=[video.name for _, video in pairs], lengths=np.array(list(map(len, tracks))),
        units=np.array(integrity.numbered(scene for scene, _ in pairs)), labels=np.concatenate(tracks),
        cues={"cue": np.concatenate(tracks).astype(float)}, support={}, support_units=np.zeros(0, int),
        support_labels=np.zeros(0, np.uint8), heldout={},
    )  # fmt: skip
    if change is not None:
        scores.units[:] = change(scores)
    return scores, dataset


def test_scenes_and_videos_of_a_rendered_target_are_held_against_it(tmp_path):
    def found(**changes) -> str:
        scores, dataset = of_rendered("synthetic-cameras", **changes)
        store = Store(tmp_path / str(len(changes)) / ("fewer" if "fewer" in changes else "all"))
        cell = camera_stores.put(store, "apn", target="synthetic-cameras").cell
        cell = replace(cell, target_digest=dataset.digest("test"))
        record = store.write(Record(cell, "done", facts={"fusion": {}, "device": "cpu"}), scores)
        return "\n".join(problem.problem for problem in rendered.verify_copies(store, [record]))

    assert found() == ""
    assert found(change=lambda scores: np.arange(len(scores.videos))) == "has other scenes than this package renders"
    assert found(fewer=3) == "lacks 3 of 60 test videos"
