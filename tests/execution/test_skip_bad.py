"""A data set without the training videos that cannot be read."""

from crossvad.datasets.base import Dataset, Scene, Video
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.joined import Joined
from crossvad.execution.skip_bad import Readable

LOST, WORN = InputError("b", "is cut short", "fetch it again"), Problem("error", "z", "is worn", "mend it")


class Source(str):
    """A source that is its own name."""


class Two(Dataset):
    """Two training scenes, one of which has a single video; all videos are test videos too."""

    name = "two"

    def scenes(self, split):
        return [
            Scene("left", (Video("a", Source("a")), Video("b", Source("b")))),
            Scene("right", (Video("c", Source("c")),)),
        ]

    def labels(self, video):
        return f"labels of {video}"

    def masks(self, video):
        return f"masks of {video}"

    def tracks(self, video):
        return f"tracks of {video}"

    def check(self, splits=("train", "test")):
        return [Problem("error", LOST.where, LOST.problem, LOST.fix), WORN]


def test_what_cannot_be_read_is_left_out_of_the_training_alone():
    readable = Readable(Two(), {Source("b"): LOST, Source("c"): LOST})
    assert [(scene.name, [video.name for video in scene.videos]) for scene in readable.scenes("train")] == [
        ("left", ["a"])
    ]
    assert readable.scenes("test") == Two().scenes("test") and readable.name == "two"


def test_a_problem_of_a_video_that_is_left_out_does_no_harm():
    readable = Readable(Two(), {Source("b"): LOST})
    assert [problem.severity for problem in readable.check()] == ["warning", "error"]


def test_ground_truth_is_the_whole_data_set_s():
    readable = Readable(Two(), {})
    assert readable.labels("a") == "labels of a" and readable.masks("a") == "masks of a"
    assert readable.tracks("a") == "tracks of a"


class Other(Two):
    name = "other"

    def scenes(self, split):
        return [Scene("far", (Video("a", Source("d")),))]


def test_parts_of_a_joined_source_are_left_without_the_same_videos():
    readable = Readable(Joined([Two(), Other()]), {Source("b"): LOST, Source("c"): LOST})
    assert [(part.name, [video.name for video in part.videos("train")]) for part in readable.parts] == [
        ("other", ["a"]),
        ("two", ["a"]),
    ]
    assert [scene.name for scene in readable.scenes("train")] == ["other/far", "two/left"]
    assert Readable(Two(), {}).parts[0].videos("train") == Two().videos("train")
