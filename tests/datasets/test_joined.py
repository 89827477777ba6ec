"""Several data sets as one source: their names, their scenes, and what is wrong with them."""

import numpy as np
import pytest

from crossvad.datasets.base import Dataset, Scene
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from miniatures import write_images


@pytest.fixture
def both(north, south):
    return Joined([OwnFolder(south), OwnFolder(north)])


def test_scenes_stay_apart_and_every_video_has_a_name_of_its_own(both, north):
    assert both.name == "path:north+path:south"
    assert [(scene.name, [video.name for video in scene.videos]) for scene in both.scenes("train")] == [
        ("path:north/north", ["path:north/monday", "path:north/tuesday"]),
        ("path:south/south", ["path:south/monday", "path:south/tuesday"]),
    ]
    assert both.videos("train")[0].source == OwnFolder(north).videos("train")[0].source
    assert both.scenes("test") == []
    with pytest.raises(InputError, match="is there to be trained on, so it has no labels"):
        both.labels("a")


def test_its_digest_is_of_its_parts_in_whatever_order(both, north, south, camera):
    assert both.digest("train") == Joined([OwnFolder(north), OwnFolder(south)]).digest("train")
    others = [OwnFolder(north).digest("train"), OwnFolder(south).digest("train")]
    assert both.digest("train") not in others
    assert both.digest("train") != Joined([OwnFolder(north), OwnFolder(camera("south", 6))]).digest("train")


def test_what_is_joined_twice_gives_its_parts(both, camera):
    more = Joined([both, OwnFolder(camera("east"))])
    assert [part.name for part in more.parts] == ["path:east", "path:north", "path:south"]
    assert more.name == "path:east+path:north+path:south"
    assert OwnFolder(camera("west")).parts[0].name == "path:west"  # of any other data set it is the only part


def test_two_of_one_name_are_refused(north, camera):
    with pytest.raises(InputError, match=r"path:north\+path:north: has path:north twice; name each data set once"):
        Joined([OwnFolder(north), OwnFolder(camera("north", 9))])


class Worn(Dataset):
    """A data set with a problem, whose training videos are those of a camera."""

    def __init__(self, name, folder, problem="is worn"):
        self.name, self.camera, self.problem = name, OwnFolder(folder), problem

    def scenes(self, split):
        return [Scene(self.name, self.camera.scenes(split)[0].videos)]

    def labels(self, video):
        raise AssertionError("a source needs none")

    def check(self, splits=("train", "test")):
        return [Problem("error", self.name, f"{self.problem} in {' and '.join(splits)}", "mend it")]


def test_the_training_files_of_every_part_are_checked(north, south):
    joined = Joined([Worn("b", south), Worn("a", north)])
    assert [problem.problem for problem in joined.check()] == ["is worn in train"] * 2
    assert joined.check(["test"]) == []


def test_cameras_that_keep_plain_images_are_two(tmp_path):
    """As many images of one size and of the same names: what they show is all that tells one from the other."""
    for camera, level in (("east", 20), ("west", 90)):
        for split in ("train", "test"):
            write_images(tmp_path / camera / split / "monday", np.full((5, 8, 8), level, np.uint8), "bmp")
    parts = [OwnFolder(tmp_path / camera) for camera in ("east", "west")]
    assert len({part.videos("train")[0].source.identity for part in parts}) == 2
    assert [problem for problem in Joined(parts).check() if problem.severity == "error"] == []


def test_parts_that_share_video_are_named(north):
    problems = Joined([OwnFolder(north), Worn("again", north)]).check(["train"])
    assert [(problem.severity, problem.where, problem.problem) for problem in problems[1:]] == [
        ("error", "again+path:north", "has training videos of path:north that are again's too")
    ]
