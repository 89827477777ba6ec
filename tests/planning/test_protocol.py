import numpy as np
import pytest

from crossvad.adapters.published import EVALUATIONS, PublishedEvaluation
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.postprocessing import final
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.evaluation.tidy import table
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.protocol import FAIR, PAPER, SUPPORTS, SupportPolicy, get_protocol

LENGTHS = np.array([40, 12, 30])


def test_fair_counts_the_same_frames_at_every_shot_count():
    masks = [FAIR.mask(LENGTHS, shots) for shots in range(11)]
    assert all((mask == masks[0]).all() for mask in masks)
    assert np.flatnonzero(masks[0]).tolist() == [*range(26, 40), *range(52 + 26, 82)]


def test_paper_counts_from_frame_four_plus_shots():
    for shots in (0, 1, 10):
        expected = [*range(4 + shots, 40), *range(40 + min(12, 4 + shots), 52), *range(52 + 4 + shots, 82)]
        assert np.flatnonzero(PAPER.mask(LENGTHS, shots)).tolist() == expected


def test_paper_counts_what_a_methods_authors_count():
    rebuilt, clips = PAPER.of(EVALUATIONS["lmn-recon"]), PAPER.of(EVALUATIONS["memae"])
    assert rebuilt.mask(LENGTHS, 0).all() and rebuilt.mask(LENGTHS, 2).sum() == LENGTHS.sum() - 3 * 2
    # MemAE's labels are those of [8:-7] of each video, of which one of 12 frames has none.
    assert np.flatnonzero(clips.mask(LENGTHS, 0)).tolist() == [*range(8, 33), *range(52 + 8, 75)]
    # Ten clips of 16 frames are a support set of 25, and none of these counts.
    assert np.flatnonzero(clips.mask(LENGTHS, 10, seen=25)).tolist() == [*range(25, 33)]


@pytest.mark.parametrize("method", catalogue.METHODS)
def test_what_a_methods_authors_do_is_known_by_its_name(method):
    """Tables are read without any method, so that what its class says must be known by name, too."""
    cls = registry.get_method(method).cls
    assert cls.published_evaluation == EVALUATIONS.get(method, PublishedEvaluation())
    if cls.needs_source:  # its authors leave out what has no score, and nothing else
        clip = registry.get_method(method).build(BUDGETS["smoke"]).clip
        ends = (cls.published_evaluation.head, cls.published_evaluation.tail)
        assert ends == (clip.scored, clip.frames - 1 - clip.scored)
    assert cls.published_evaluation.smoothed == (not cls.needs_source or method.startswith(("apn", "mpn")))


def test_no_support_frame_is_ever_counted():
    for rules in (FAIR, get_protocol("fair@20")):
        for shots in range(rules.max_shots + 1):
            assert rules.first_frame(shots) >= shots + rules.max_clip - 1


def test_fair_at_more_shots():
    assert get_protocol("fair") is FAIR and get_protocol("paper") is PAPER
    more = get_protocol("fair@20")
    assert (more.name, more.max_shots, more.first_frame(0), more.first_frame(20)) == ("fair@20", 20, 36, 36)


@pytest.mark.parametrize("name", ["", "Fair", "fair@", "fair@x", "fair@-1", "fair@5.0", "papers"])
def test_unknown_protocol_is_refused(name):
    with pytest.raises(InputError, match=r"is no protocol; .*choose fair, paper, or fair@N"):
        get_protocol(name)


@pytest.mark.parametrize("support", ["train-head", "test-head"])
def test_masks_are_equal_across_a_grid(make_grid, run_grid, store, plugin, support):
    long = plugin(("frames=5", "frames=16"), name="long")
    middle = plugin(("frames=5", "frames=9, scored=4"), name="middle")
    methods = ("framepred", long, middle, "ramp", "extrapolate")
    grid = make_grid(*methods, tunings=("none", "finetune"), shots=[0, 1, 10], support=support)
    records = run_grid(store, grid)
    assert {record.status for record in records} == {"done"} and len(records) == 3 * 3 + 2
    masks = [final(ScoredCell(store.scores(r.cell), r.cell.shots), FAIR)[1] for r in records]
    assert all((mask == masks[0]).all() for mask in masks)
    rows = table(store, records, FAIR)
    assert set(rows["frames"]) == {14 + 19 + 10} and set(rows["videos"]) == {3}


def test_clips_that_reach_into_the_counted_frames_are_refused(make_grid, run_grid, store, plugin):
    with pytest.raises(InputError, match="10 shots of 18 frames"):
        run_grid(store, make_grid(plugin(("frames=5", "frames=18")), shots=[0, 10], support="test-head"))
    assert store.records() == []


def test_test_videos_that_end_before_the_first_counted_frame_are_refused_at_once(make_grid, run_grid, store, camera):
    target = camera()
    for name in "abc":
        for frame in sorted((target / "test" / name).iterdir())[20:]:
            frame.unlink()
    (target / "labels.csv").write_text("video,start,end\na,5,9\n")
    with pytest.raises(InputError, match="26"):
        run_grid(store, make_grid("framediff", targets=[OwnFolder(target)]))
    assert store.records() == []


def test_a_data_set_that_is_only_trained_on_needs_no_labels(make_grid, run_grid, store, camera):
    source, target = camera("one"), camera("two", seed=5)
    (source / "labels.csv").write_text("video,start,end\nnobody,0,1\n")
    records = run_grid(
        store, make_grid("framepred", sources=[OwnFolder(source)], targets=[OwnFolder(target)], shots=[0])
    )
    assert {record.status for record in records} == {"done"}
    with pytest.raises(InputError, match="nobody"):
        run_grid(store, make_grid("framepred", sources=[OwnFolder(target)], targets=[OwnFolder(source)], shots=[0]))


def test_a_cell_whose_support_reaches_into_counted_frames_has_no_number(make_grid, run_grid, store, plugin):
    """Run under paper, where such a clip counts later; not to be read under fair, whose mask is the same for all."""
    long = plugin(("frames=5", "frames=18"))
    records = run_grid(store, make_grid(long, shots=[0, 10], protocol=PAPER, support="test-head"))
    read = table(store, records, FAIR).set_index("shots")
    assert read["status"].to_dict() == {0: "done", 10: "skipped"} and read["auc"].isna().to_dict() == {
        0: False,
        10: True,
    }
    assert set(table(store, records, PAPER)["status"]) == {"done"}


# ---------------------------------------------------------------------------------------------------- support policies


@pytest.mark.parametrize(
    ("policy", "per_video", "shows_test_video"),
    [
        ("none", False, False),
        ("train-head", False, False),
        ("scene-head", False, True),
        ("test-head", True, True),
        ("test-head-clean", True, True),
    ],
)
def test_a_policy_says_what_adapts_as_one_and_what_it_shows(policy, per_video, shows_test_video):
    chosen = SupportPolicy(policy)
    assert (chosen.per_video, chosen.shows_test_video) == (per_video, shows_test_video)


def test_a_policy_is_stored_as_its_name(make_grid):
    by_name, by_itself = (
        make_grid("framepred", shots=[2], support=support) for support in ("scene-head", SupportPolicy.SCENE_HEAD)
    )
    assert [cell.key for cell in by_name.cells()] == [cell.key for cell in by_itself.cells()]
    assert {type(cell.support) for cell in by_itself.cells()} == {str}
    assert SUPPORTS == ("train-head", "scene-head", "test-head", "test-head-clean")
