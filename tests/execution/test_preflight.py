"""What is found wrong before anything is trained."""

import io
import shutil
from dataclasses import replace

import pytest
from rich.console import Console

from crossvad.datasets.clips import ClipSpec
from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from crossvad.execution import preflight
from crossvad.execution.progress import Reporter
from crossvad.execution.support import Unsuitable
from crossvad.planning.protocol import FAIR, PAPER, SupportPolicy, get_protocol

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
    with pytest.raises(preflight.Refused, match="has 40 frames, but one clip takes 50"):
        preflight.check_source(OwnFolder(south), ClipSpec(50, 49, (32, 32), 1))


def test_nothing_is_trained_on_what_it_is_scored_on(south):
    target = OwnFolder(south)

    class Leak(OwnFolder):
        def scenes(self, split):
            return super().scenes("test")

    with pytest.raises(Unsuitable, match="3 training videos of the source, such as a, are test videos of the target"):
        preflight.check_apart(Leak(south), target)


def test_nor_on_a_link_to_it(south, tmp_path):
    shutil.copytree(south, own := tmp_path / "own")
    test = next(video.source.path for video in OwnFolder(own).videos("test"))
    (own / "train" / f"linked{test.suffix}").symlink_to(test)
    with pytest.raises(Unsuitable, match="1 training videos of the source, such as linked, are test videos"):
        preflight.check_apart(OwnFolder(own), OwnFolder(own))


def test_a_target_needs_test_video_and_room_for_the_support_set(south):
    with pytest.raises(Unsuitable, match="has no test video, so nothing can be scored on it"):
        preflight.check_target(Without(south, "train"), CLIP, 0, TRAIN_HEAD)
    with pytest.raises(Unsuitable, match="has no training video to draw a support set from"):
        preflight.check_target(Without(south, "test"), CLIP, 1, TRAIN_HEAD)
    preflight.check_target(Without(south, "test"), CLIP, 0, TRAIN_HEAD)  # without shots none is drawn
    preflight.check_target(Without(south, "test"), CLIP, 32, TEST_HEAD)
    with pytest.raises(preflight.Refused, match=r"takes 41 frames, but .* video a has 40; choose at most --shots 36$"):
        preflight.check_target(Without(south, "test"), CLIP, 37, TEST_HEAD)


def test_a_protocol_counts_no_frame_that_a_support_set_spans(south):
    target, long = OwnFolder(south), ClipSpec(20, 19, (32, 32), 1)
    with pytest.raises(preflight.Refused, match="which 10 shots of 20 frames reach into; choose --protocol fair@13"):
        preflight.check_protocol(FAIR, target, long, 10)
    preflight.check_protocol(PAPER, target, long, 10)  # whose frames count from where the support set ends


def test_a_protocol_needs_a_frame_that_counts_and_its_label(south):
    """The longest video of the target has 45 frames."""
    longest, target = replace(FAIR, max_shots=45 - 16), OwnFolder(south)
    with pytest.raises(InputError, match="has no test frame after frame 45"):
        preflight.check_protocol(longest, target, CLIP, 0)
    preflight.check_protocol(replace(longest, max_shots=44 - 16), target, CLIP, 0)

    class Unlabelled(OwnFolder):
        def labels(self, video):
            if video == "c":
                raise InputError(video, "has no labels", "write them")
            return super().labels(video)

    with pytest.raises(InputError, match="c: has no labels"):
        preflight.check_protocol(FAIR, Unlabelled(south), CLIP, 0)


class Checked(OwnFolder):
    """A camera whose check finds what it is told to, and writes down which splits it was asked for."""

    def __init__(self, folder, *problems):
        super().__init__(folder)
        self.problems, self.asked = problems, []

    def check(self, splits=("train", "test")):
        self.asked.append({*splits})
        return [*self.problems]


def odd(severity, where):
    return Problem(severity, where, "is odd", "mend it")


@pytest.mark.parametrize(
    ("support", "shots", "splits"),
    [
        ("train-head", [0, 2], {"train", "test"}),
        ("train-head", [0], {"test"}),
        ("test-head", [2], {"test"}),
        ("scene-head", [2], {"test"}),
    ],
)
def test_only_the_splits_that_a_grid_reads_are_checked(make_grid, north, south, support, shots, splits):
    source, target = Checked(north), Checked(south)
    grid = make_grid("framepred", sources=[source], targets=[target], shots=shots, support=support)
    preflight.check_files(grid, Reporter(quiet=True))
    assert source.asked == [{"train"}] and target.asked == [splits]


def test_warnings_are_told_and_the_first_error_stops(make_grid, north, south):
    told = io.StringIO()
    reporter = Reporter(Console(file=told, width=200))
    target = Checked(south, odd("warning", "a.avi"))
    preflight.check_files(make_grid("framepred", targets=[target]), reporter)
    note, *labels = told.getvalue().splitlines()
    assert note == "note: a.avi: is odd; mend it"
    assert labels[1:] == [  # of the target alone, as its file counts
        "labels of path:south: video a: 8 abnormal frames, 32..39",
        "labels of path:south: video c: 6 abnormal frames, 30..35",
        "labels of path:south: test videos that are normal throughout: 1",
    ]
    target.problems += (odd("error", "b.avi"),)
    with pytest.raises(InputError, match=r"^b\.avi: is odd; mend it$"):
        preflight.check_files(make_grid("framepred", targets=[target]), reporter)
    target.problems += (odd("error", "c.avi"), odd("warning", "d.avi"), odd("error", "e.avi"))
    with pytest.raises(
        InputError, match=r"^b\.avi: .*\(2 more: bench datasets check path:south, with the same --data\)$"
    ):
        preflight.check_files(make_grid("framepred", targets=[target]), reporter)
    assert told.getvalue().count("d.avi") == 1


def refusal(make_grid, method, tuning, **declared):
    """What `check_tuning` says of a method with other declarations; nothing if it passes."""
    grid = make_grid(method, tunings=(tuning,), shots=[2])
    adapter = grid.methods[0].build(grid.budget)
    for name, value in declared.items():
        setattr(adapter, name, value)
    cell = replace(grid.cells()[0], tuning=tuning)
    try:
        preflight.check_tuning(cell, adapter, grid.tunings[0].build())
    except preflight.Refused as error:
        return str(error)
    return ""


RATED = "finetune[learning_rate=0.001]"


@pytest.mark.parametrize(
    ("method", "tuning", "declared", "why"),
    [
        ("framepred", "finetune", {}, ""),
        ("framepred", "finetune", {"extra_inputs": ("flow",)}, "no learning_rate can be chosen on frames as another"),
        ("framepred", RATED, {"extra_inputs": ("flow",)}, ""),
        ("framepred", "finetune", {"needs_source": False}, "is fitted on no source"),
        ("framepred", "maml", {"needs_source": False}, "is fitted on no source"),
        ("framepred", RATED, {"needs_source": False}, ""),
        ("apn", "norm", {}, "apn: has no normalisation statistics, which tuning norm would move"),
    ],
)
def test_a_method_must_have_what_its_tuning_moves(make_grid, method, tuning, declared, why):
    said = refusal(make_grid, method, tuning, **declared)
    assert why in said and bool(why) == bool(said)


def test_without_a_tuning_nothing_is_asked_of_a_method(make_grid):
    grid = make_grid("apn", shots=[0])
    adapter = grid.methods[0].build(grid.budget)
    adapter.needs_source, adapter.extra_inputs = False, ("flow",)
    preflight.check_tuning(grid.cells()[0], adapter, None)


def test_every_video_that_a_grid_reads_is_named(make_grid, north, south):
    grid = make_grid("framepred", shots=[2])
    needed = {video.source.stamp for video in preflight.needed_videos(grid)}
    source, target = OwnFolder(north), OwnFolder(south)
    wanted = [*source.videos("train"), *target.videos("test"), target.videos("train")[0]]
    assert needed == {video.source.stamp for video in wanted}
    assert needed <= {video.source.stamp for video in preflight.all_videos(grid)}
    bare = {video.source.stamp for video in preflight.needed_videos(make_grid("framepred", shots=[0]))}
    assert needed - bare == {target.videos("train")[0].source.stamp}


@pytest.mark.parametrize("name", ["a\nb", "tab\there", "bi\u202edi"])
@pytest.mark.parametrize("part", ["", "test/b"], ids=["camera", "video"])
def test_a_name_that_no_table_could_show_is_refused(make_grid, run_grid, store, camera, name, part):
    """Before hours are spent on cells that nobody could read."""
    folder = camera()
    strange = (folder / part).rename((folder / part).with_name(name))
    with pytest.raises(InputError, match="has characters in its name that cannot be seen; rename it"):
        run_grid(store, make_grid("framediff", targets=[OwnFolder(folder if part else strange)], shots=[0]))
    assert not store.records()


def test_a_support_set_longer_than_a_clean_head_is_refused(make_grid, run_grid, store, camera):
    """Its end may be abnormal, of which nobody would hear."""
    target = OwnFolder(camera())
    (target.directory / "labels.csv").write_text("video,start,end\na,25,40\n")
    few = {"protocol": get_protocol("fair@22"), "tunings": ("finetune[learning_rate=1e-3]",)}
    grid = make_grid("framepred", targets=[target], support="test-head-clean", shots=[21, 22], **few)
    done, refused = run_grid(store, grid)
    assert (done.status, refused.status) == ("done", "refused") and not store.scores(done.cell).support_labels.any()
    assert "22: takes 26 frames, and a clean head is one of 25 normal frames; choose at most" in refused.reason


def test_without_a_clean_head_the_oracle_is_refused(make_grid, run_grid, store, camera):
    target = OwnFolder(camera())
    (target.directory / "labels.csv").write_text("video,start,end\na,0,9\nb,9,12\nc,20,36\n")
    with pytest.raises(InputError, match="has no test video whose first 25 frames are normal"):
        run_grid(store, make_grid("framepred", targets=[target], support="test-head-clean"))


def test_a_tuning_that_finds_nothing_to_move_is_refused(make_grid, run_grid, store):
    with pytest.raises(InputError, match="apn: has no normalisation statistics, which tuning norm would move"):
        run_grid(store, make_grid("apn", tunings=("norm",)))


def test_a_part_of_a_joined_source_that_cannot_be_one_is_named(north, south):
    preflight.check_source(Joined([OwnFolder(north), OwnFolder(south)]), CLIP)
    with pytest.raises(Unsuitable, match=r"^path:south: has no training video"):
        preflight.check_source(Joined([OwnFolder(north), Without(south, "test")]), CLIP)
    with pytest.raises(InputError, match=r"^path:north, video monday: has 40 frames, but one clip takes 50"):
        preflight.check_source(Joined([OwnFolder(north), OwnFolder(south)]), ClipSpec(50, 49, (32, 32), 1))


def test_joined_data_sets_are_no_target(north, south):
    joined = Joined([OwnFolder(north), OwnFolder(south)])
    with pytest.raises(Unsuitable, match=r"is joined to be trained on, and is no target; choose one of path:north, "):
        preflight.check_target(joined, CLIP, 0, TRAIN_HEAD)


def test_no_part_of_a_joined_source_may_be_scored(north, south):
    class Leak(OwnFolder):
        def scenes(self, split):
            return super().scenes("test")

    with pytest.raises(Unsuitable, match="3 training videos of the source, such as path:south/a, are test videos"):
        preflight.check_apart(Joined([OwnFolder(north), Leak(south)]), OwnFolder(south))
