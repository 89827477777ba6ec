"""What is found wrong before anything is trained."""

import pytest

from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.execution import preflight
from crossvad.execution.support import Unsuitable
from crossvad.planning.protocol import FAIR, PAPER, SupportPolicy

CLIP = ClipSpec(5, 4, (32, 32), 1)
TRAIN_HEAD, TEST_HEAD = SupportPolicy.TRAIN_HEAD, SupportPolicy.TEST_HEAD


class Without(OwnFolder):
    """A camera that has video of one split alone."""

    def __init__(self, folder, split):
        super().__init__(folder)
        self.only = split

    def scenes(self, split):
        return super().scenes(split) if split == self.only else []


def test_a_sound_pair_passes(north, south):
    source, target = OwnFolder(north), OwnFolder(south)
    preflight.check_source(source, CLIP)
    preflight.check_apart(source, target)
    preflight.check_target(target, CLIP, 10, TRAIN_HEAD)
    preflight.check_protocol(FAIR, target, CLIP, 10)


def test_a_source_needs_training_video_of_a_clip_each(south):
    with pytest.raises(Unsuitable, match="has no training video, so nothing can be trained on it"):
        preflight.check_source(Without(south, "test"), CLIP)
    with pytest.raises(InputError, match="has 40 frames, but one clip takes 50"):
        preflight.check_source(OwnFolder(south), ClipSpec(50, 49, (32, 32), 1))


def test_nothing_is_trained_on_what_it_is_scored_on(south):
    target = OwnFolder(south)

    class Leak(OwnFolder):
        def scenes(self, split):
            return super().scenes("test")

    with pytest.raises(Unsuitable, match="3 training videos of the source, such as a, are test videos of the target"):
        preflight.check_apart(Leak(south), target)


def test_a_target_needs_test_video_and_room_for_the_support_set(south):
    with pytest.raises(Unsuitable, match="has no test video, so nothing can be scored on it"):
        preflight.check_target(Without(south, "train"), CLIP, 0, TRAIN_HEAD)
    with pytest.raises(Unsuitable, match="has no training video to draw a support set from"):
        preflight.check_target(Without(south, "test"), CLIP, 1, TRAIN_HEAD)
    preflight.check_target(Without(south, "test"), CLIP, 0, TRAIN_HEAD)  # without shots none is drawn
    preflight.check_target(Without(south, "test"), CLIP, 32, TEST_HEAD)
    with pytest.raises(InputError, match=r"takes 41 frames, but .* has 40; choose at most --shots 36|at most"):
        preflight.check_target(Without(south, "test"), CLIP, 37, TEST_HEAD)


def test_a_protocol_counts_no_frame_that_a_support_set_spans(south):
    target, long = OwnFolder(south), ClipSpec(20, 19, (32, 32), 1)
    with pytest.raises(InputError, match="which 10 shots of 20 frames reach into; choose --protocol fair@13"):
        preflight.check_protocol(FAIR, target, long, 10)
    preflight.check_protocol(PAPER, target, long, 10)  # whose frames count from where the support set ends


def test_a_protocol_needs_a_frame_that_counts(south, monkeypatch):
    target = OwnFolder(south)
    monkeypatch.setattr(type(FAIR), "first_frame", lambda self, shots, seen=0: 99)
    with pytest.raises(InputError, match="has no test frame after frame 99"):
        preflight.check_protocol(FAIR, target, CLIP, 0)


def test_every_video_that_a_grid_reads_is_named(make_grid, north, south):
    grid = make_grid("framepred", shots=[2])
    needed = {video.source.stamp for video in preflight.needed_videos(grid)}
    source, target = OwnFolder(north), OwnFolder(south)
    wanted = [*source.videos("train"), *target.videos("test"), target.videos("train")[0]]
    assert needed == {video.source.stamp for video in wanted}
    assert needed <= {video.source.stamp for video in preflight.all_videos(grid)}
    bare = {video.source.stamp for video in preflight.needed_videos(make_grid("framepred", shots=[0]))}
    assert needed - bare == {target.videos("train")[0].source.stamp}
