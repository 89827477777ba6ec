import shutil
from dataclasses import replace
from itertools import pairwise

import pytest

from crossvad.datasets.errors import InputError
from crossvad.datasets.joined import Joined
from crossvad.datasets.own_folder import OwnFolder
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.protocol import FAIR, PAPER, get_protocol


def told(cells):
    return [(cell.method, cell.tuning, cell.support, cell.shots, cell.steps, cell.seed) for cell in cells]


def test_a_method_that_learns_nothing_is_run_once(make_grid):
    grid = make_grid("ramp", tunings=("finetune", "metasgd", "none"), shots=[0, 1, 5], steps=[1, 3], seeds=[0, 1])
    assert told(grid.cells()) == [("ramp", "none", "none", 0, 0, 0)]


@pytest.mark.parametrize("method", ["support-mean", "speed"])
def test_a_method_that_adapts_in_its_own_way_takes_shots_and_nothing_else(make_grid, method):
    grid = make_grid(method, tunings=("finetune", "metasgd", "none"), shots=[0, 5], steps=[1, 3], seeds=[0, 1])
    assert told(grid.cells()) == [
        (method, "none", "none", 0, 0, 0),
        (method, "none", "train-head", 5, 1, 0),
    ]
    assert {cell.shots for cell in make_grid(method, tunings=("none",), shots=[0, 5]).cells()} == {0}


def test_what_makes_no_difference_is_run_once(make_grid):
    grid = make_grid("framepred", tunings=("none", "finetune"), shots=[0, 2], steps=[1, 3])
    assert told(grid.cells()) == [
        ("framepred", "none", "none", 0, 0, 0),  # no tuning, or no shots to tune on
        ("framepred", "finetune", "train-head", 2, 1, 0),
        ("framepred", "finetune", "train-head", 2, 3, 0),
    ]


def test_a_tuning_that_learns_beforehand_keeps_its_zero_shots(make_grid):
    grid = make_grid("framepred", tunings=("metasgd",), shots=[0, 2], steps=[1, 3])
    assert told(grid.cells()) == [
        ("framepred", "metasgd", "none", 0, 0, 0),
        ("framepred", "metasgd", "train-head", 2, 1, 0),
        ("framepred", "metasgd", "train-head", 2, 3, 0),
    ]


def test_cells_of_one_fit_stand_together(make_grid):
    grid = make_grid("framepred", "memae", tunings=("none", "finetune", "metasgd"), shots=[0, 1, 2], seeds=[0, 1])
    keys = [cell.fit_key for cell in grid.cells()]
    assert len(set(keys)) == 4 == 1 + sum(before != after for before, after in pairwise(keys))


def one(grid):
    (cell,) = grid.cells()
    return cell


@pytest.fixture
def cell(make_grid):
    return one(make_grid("framepred", shots=[2]))


@pytest.mark.parametrize(
    ("changes", "new_fit"),
    [
        ({"seeds": [1]}, True),
        ({"budget": BUDGETS["quick"]}, True),
        ({"methods": [registry.get_method("framepred[pool=patch]")]}, False),
        ({"methods": [registry.get_method("apn[prototypes=5]")]}, True),
        ({"methods": [registry.get_method("memae")]}, True),
        ({"shots": [3]}, False),
        ({"steps": [2]}, False),
        ({"support": "test-head"}, False),
        ({"tunings": ("finetune[learning_rate=0.5]",)}, False),
    ],
    ids=str,
)
def test_key_changes_with_what_matters(make_grid, cell, changes, new_fit):
    changed = one(make_grid("framepred", **{"shots": [2], **changes}))
    assert changed.key != cell.key
    assert (changed.fit_key != cell.fit_key) == new_fit


def test_key_changes_with_what_a_budget_means(make_grid, cell):
    larger = replace(BUDGETS["smoke"], width=16)
    changed = one(make_grid("framepred", shots=[2], budget=larger))
    assert changed.key != cell.key and changed.fit_key != cell.fit_key


def test_key_ignores_the_protocol(make_grid, cell):
    for rules in (PAPER, get_protocol("fair@20"), replace(FAIR, smooth="gaussian")):
        assert one(make_grid("framepred", shots=[2], protocol=rules)).key == cell.key


def test_key_ignores_where_the_folders_lie(make_grid, cell, north, south, tmp_path):
    moved = [OwnFolder(shutil.copytree(camera, tmp_path / camera.name)) for camera in (north, south)]
    assert one(make_grid("framepred", shots=[2], sources=moved[:1], targets=moved[1:])).key == cell.key


def edit(camera, name):
    frame = camera / name / "003.png"
    frame.write_bytes(frame.read_bytes() + b"more")


@pytest.mark.parametrize(
    ("which", "video", "new_key", "new_fit"),
    [
        ("source", "train/tuesday", True, True),
        ("source", "test/a", False, False),
        ("target", "test/a", True, False),
        ("target", "train/monday", True, False),
    ],
)
def test_key_follows_the_files_it_depends_on(make_grid, cell, north, south, tmp_path, which, video, new_key, new_fit):
    source, target = shutil.copytree(north, tmp_path / "north"), shutil.copytree(south, tmp_path / "south")
    edit(source if which == "source" else target, video)
    changed = one(make_grid("framepred", shots=[2], sources=[OwnFolder(source)], targets=[OwnFolder(target)]))
    assert (changed.key != cell.key) == new_key
    assert (changed.fit_key != cell.fit_key) == new_fit


def test_training_video_of_the_target_matters_only_where_it_is_the_support(make_grid, south, tmp_path):
    copy = shutil.copytree(south, tmp_path / "south")
    edit(copy, "train/monday")
    for changes in ({"shots": [0]}, {"shots": [2], "support": "test-head"}):
        assert one(make_grid("framepred", **changes)) == one(
            make_grid("framepred", targets=[OwnFolder(copy)], **changes)
        )


def test_two_cameras_of_one_name_are_told_apart(make_grid, camera):
    """Folders are named after their last part, and names are what cells go by."""
    first, second = OwnFolder(camera("one/entrance", 1)), OwnFolder(camera("two/entrance", 2))
    try:
        cells = make_grid("framepred", sources=[first], targets=[second]).cells()
    except InputError as error:
        assert "path:entrance" in str(error)
    else:
        assert {cell.source_digest for cell in cells} == {first.digest("train")}


def test_more_shots_than_the_protocol_keeps_out_are_refused(make_grid):
    with pytest.raises(InputError, match=r"--shots 11: is more than the 10.*fair@11"):
        make_grid("framepred", shots=[0, 11])
    assert make_grid("framepred", shots=[0, 11], protocol=get_protocol("fair@11")).cells()
    assert make_grid("framepred", shots=[0, 11], protocol=PAPER).cells()


@pytest.mark.parametrize("changes", [{"shots": [0, -1]}, {"steps": [0]}, {"seeds": [-3]}])
def test_numbers_too_small_are_refused(make_grid, changes):
    with pytest.raises(InputError, match=f"--{next(iter(changes)).replace('seeds', 'seed')}: .* is too small"):
        make_grid("framepred", **changes)


def test_a_cell_tells_what_it_is(make_grid, cell):
    assert str(cell) == "framepred: path:north → path:south (finetune, 2 shots x 1 step, seed 0)"
    assert str(one(make_grid("ramp"))) == "ramp: path:north → path:south (none, 0 shots, seed 0)"


def test_a_joined_source_is_its_parts_and_no_other_data_set_may_have_the_name_of_one(make_grid, north, south, camera):
    joined = Joined([OwnFolder(north), OwnFolder(south)])
    (cell,) = make_grid("framepred", sources=[joined], shots=[0]).cells()
    assert cell.source == "path:north+path:south" and cell.source_digest == joined.digest("train")
    with pytest.raises(InputError, match="path:south: is the name of two different data sets"):
        make_grid("framepred", sources=[joined], targets=[OwnFolder(camera("south", 9))])
