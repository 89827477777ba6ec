"""Cells by camera, and what is compared of them: AUCs against scikit-learn, and what is left out or refused."""

import doctest

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from camera_stores import CAMPUS, LENGTH, put, videos_of
from crossvad.datasets.errors import InputError
from crossvad.evaluation import camera_names
from crossvad.evaluation.camera_cells import counted_by_camera
from crossvad.evaluation.camera_statistics import camera_aucs, camera_difference, camera_draws, mean_interval
from crossvad.evaluation.cameras import ANY, ENTRY, compare_cameras
from crossvad.evaluation.comparison import ITSELF
from crossvad.evaluation.statistics import holm, pair_counts
from crossvad.planning.protocol import FAIR, PAPER

FIRST = 26  # the first frame that protocol fair counts


def found(store, against=(), protocol=FAIR, **conditions):
    """Compare the cells of a store that have these keys; rivals are among all."""
    cells = counted_by_camera(store, store.records(), protocol)
    chosen = cells
    for key, value in conditions.items():
        chosen = chosen[chosen[key] == value]
    return compare_cameras(chosen, against, cells)


def by_hand(store, record, cameras=CAMPUS):
    """AUC of each camera of a cell, from its counted frames alone."""
    names, _, tracks = videos_of(cameras)
    labels = np.concatenate(tracks)
    scores = store.scores(record.cell).cues["cue"]
    owners = np.repeat([name.partition("-")[0] for name in names], LENGTH)
    counted = np.tile(np.arange(LENGTH) >= FIRST, len(names))
    return {
        camera: roc_auc_score(labels[own], scores[own]) if len(set(labels[own])) > 1 else np.nan
        for camera in cameras
        if (own := counted & (owners == camera)).any()
    }


def test_aucs_are_those_of_each_camera_s_frames(store):
    record = put(store)
    cells = counted_by_camera(store, [record], FAIR)
    assert cells["camera"].tolist() == ["campus/gate", "campus/yard", "campus/hall"]
    assert [wins.auc for wins in cells["wins"]] == pytest.approx([*by_hand(store, record).values()])
    assert [len(wins.abnormal) for wins in cells["wins"]] == [3, 2, 2]


@pytest.mark.parametrize("support", ["test-head", "test-head-clean"])
def test_cells_that_adapt_by_video_are_told_apart_by_others_of_the_same_video(store, support):
    older = put(store, digest="old", cameras={"gate": (20, 45), "yard": (40, 60, 60), "hall": (30, 50)})
    told, adapted = put(store, shots=2), put(store, shots=2, support=support)
    cells = counted_by_camera(store, [adapted, told, older], FAIR)
    own = cells[cells["cell"] == adapted.cell.key]
    assert own["camera"].tolist() == ["campus/gate", "campus/yard", "campus/hall"]
    assert [wins.auc for wins in own["wins"]] == pytest.approx([*by_hand(store, adapted).values()])


def test_cells_of_which_no_cell_tells_the_cameras_are_left_out(store):
    put(store, shots=2, support="test-head")
    put(store, target="ped2", shots=2, support="scene-head")
    result = found(store)
    assert list(result.each.columns) == ["ped2/gate", "ped2/hall", "ped2/yard"]
    told = "left out: campus, adapted to by video, of which no cell tells the cameras apart (run K = 0)"
    assert told in result.left_out


def test_camera_names():
    assert doctest.testmod(camera_names, extraglobs={"np": np}).failed == 0
    named = camera_names.camera_names
    assert named("ped2", ["01", "02"], np.array([0, 0])) == ["ped2", "ped2"]
    plaza = named("s", ["plaza-test-01", "plaza-test-02", "old-gate-test-01"], np.array([0, 0, 1]))
    assert plaza == ["s/plaza", "s/plaza", "s/old-gate"]
    assert named("s", ["a", "b", "c"], np.array([0, 0, 1])) == ["s/1", "s/1", "s/2"]  # nothing that a and b share
    assert named("s", ["x-1", "x-2"], np.array([0, 1])) == ["s/1", "s/2"]  # one name for two
    assert named("ucf", ["Abuse028_x264", "Arson009_x264"], np.array([0, 1])) == ["ucf/Abuse028", "ucf/Arson009"]


def test_a_mean_and_its_differences_are_those_of_the_pure_functions(store):
    for seed in range(3):
        put(store, seed=seed, shots=2, shift=2 + seed / 4)
    put(store, "framediff", shift=2.2, trained=False)
    result = found(store, ["framediff"]).entries.set_index("method")
    cells = counted_by_camera(store, store.records(), FAIR).sort_values("camera")
    wins = {method: [list(fit["wins"]) for _, fit in of.groupby("seed")] for method, of in cells.groupby("method")}
    draws = camera_draws(wins["apn"][0])
    apn, rival = (camera_aucs(wins[method], draws) for method in ("apn", "framediff"))
    row, gap = result.loc["apn"], camera_difference(apn, rival)
    assert row[["auc", "difference"]].tolist() == pytest.approx([100 * apn.measured.mean(), 100 * gap.mean])
    assert (row["low"], row["high"]) == pytest.approx(tuple(100 * np.array(mean_interval(apn))))
    expected = 100 * np.array([gap.low, gap.high, gap.detectable])
    assert row[["difference_low", "difference_high", "detectable"]].tolist() == pytest.approx(expected.tolist())
    assert (row["p"], row["p_holm"], row["seeds"], row["cameras"], row["videos"]) == (gap.p, gap.p, 3, 3, 7)
    worst = int(np.argmin(apn.by_camera))
    assert (row["worst"], row["worst_camera"]) == (100 * apn.by_camera[worst], sorted(set(cells["camera"]))[worst])
    assert 0 < row["ahead"] < 3 and row["ahead"] == (apn.by_camera > rival.by_camera).sum()
    assert result.loc["framediff", ["difference", "p", "ahead", "p_holm"]].isna().all()


def test_p_values_pair_the_fits_that_two_rows_share(store):
    """Those of one method with the same seeds, adapted and not; of other methods or seeds there is nothing to pair."""
    for seed in (0, 1, 2):
        put(store, "apn", seed=seed, shift=2.0 + seed)
        put(store, "apn", seed=seed, shots=2, shift=2.5 + seed)
        put(store, "lmn", seed=seed + (seed == 2), shift=1.0 + seed)
    compared = found(store)
    keys, p = compared.p_values("street")
    names = [(key[ENTRY.index("method")], key[ENTRY.index("shots")]) for key in keys]
    adapted, start, other = (names.index(name) for name in (("apn", 2), ("apn", 0), ("lmn", 0)))
    aucs = [compared.fits[key][0] for key in keys]
    assert p[adapted, start] == camera_difference(aucs[adapted], aucs[start], True).p
    assert p[adapted, start] != camera_difference(aucs[adapted], aucs[start], False).p
    better, worse = sorted((start, other))
    assert p[start, other] == p[other, start] == camera_difference(aucs[better], aucs[worse], False).p


def test_several_rivals_are_adjusted_together(store):
    for method, shift in (("apn", 2.0), ("lmn", 1.0)):
        put(store, method, shift=shift)
        put(store, method, shift=shift + 1, shots=2)
    put(store, "framediff", shift=0.2, trained=False)
    rows = found(store, ["framediff", ITSELF]).entries
    assert len(rows) == 5 * 2
    tested = rows.dropna(subset="p")
    assert sorted(zip(tested["method"], tested["shots"], tested["against"], strict=True)) == sorted(
        [(method, shots, "framediff") for method in ("apn", "lmn") for shots in (0, 2)]
        + [(method, 2, ITSELF) for method in ("apn", "lmn")]
    )
    assert tested["p_holm"].tolist() == holm(tested["p"].to_numpy()).tolist()
    with pytest.raises(InputError, match="--against mpn: is in none of these cells unadapted"):
        found(store, ["framediff", "mpn"])


def test_against_itself_seeds_of_one_fit_are_paired(store):
    for seed in range(3):
        for shots in (0, 2):
            put(store, seed=seed, shots=shots, shift=0.5 + seed + shots / 4)
    rows = found(store, [ITSELF]).entries.set_index("shots")
    cells = counted_by_camera(store, store.records(), FAIR).sort_values("camera")
    fits = {k: [list(fit["wins"]) for _, fit in of.groupby("seed")] for k, of in cells.groupby("shots")}
    draws = camera_draws(fits[0][0])
    sides = [camera_aucs(fits[shots], draws) for shots in (2, 0)]
    assert rows.loc[2, "p"] == camera_difference(*sides, same_fits=True).p != camera_difference(*sides).p


def test_against_itself_only_seeds_of_one_fit_count(store):
    """What a fit has of its seed, two points of AUC and more a seed, is no gain."""
    for seed in range(3):
        put(store, seed=seed, shift=0.5 + seed)
    put(store, seed=2, shots=2, shift=2.6)
    result = found(store, [ITSELF])
    (row,) = result.entries.dropna(subset="p").to_dict("records")
    cells = counted_by_camera(store, store.records(), FAIR)
    auc = {
        shots: 100 * np.mean([wins.auc for wins in of["wins"]])
        for shots, of in cells[cells["seed"] == 2].groupby("shots")
    }
    assert row["difference"] == pytest.approx(auc[2] - auc[0])
    assert result.left_out == ["apn (finetune, K = 2) less apn (K = 0): of seed 2, which both have"]
    put(store, seed=3, shots=5)
    result = found(store, [ITSELF])
    rows = result.entries.set_index("shots")
    assert np.isnan(rows.loc[5, "difference"]) and rows.loc[2, "difference"] == pytest.approx(auc[2] - auc[0])
    assert "apn (finetune, K = 5) less apn (K = 0): no seed that both have" in result.left_out


def test_only_cameras_that_all_have_are_counted(store):
    for target in ("campus", "ped2", "ped1"):
        put(store, "framediff", target, trained=False)
        put(store, target=target)
    put(store, "lmn")
    put(store, "lmn", "ped2")
    result = found(store, ["framediff"])
    assert {name.partition("/")[0] for name in result.each.columns} == {"campus", "ped2"}
    assert result.left_out == ["left out: ped1/gate, ped1/hall, ped1/yard (not of lmn (K = 0))"]
    assert set(result.entries["cameras"]) == {6}
    assert found(store, ["framediff"], method="apn").entries["cameras"].tolist() == [9]
    rival_lacks = found(store, ["lmn"], method="apn")  # rivals have to be there, too
    assert rival_lacks.entries["cameras"].tolist() == [6] and "not of lmn (K = 0)" in rival_lacks.left_out[0]


def test_nothing_that_counts_is_refused(store):
    put(store, source="campus")
    with pytest.raises(InputError, match=r"no camera that counts; .* \(left out: campus for methods .* trained there"):
        found(store, ["framediff"])


def test_nothing_in_common_is_refused(store):
    put(store)
    put(store, "lmn", "ped2")
    with pytest.raises(InputError, match=r"no camera that all .*; apn \(K = 0\) is on campus/gate, .* alone: narrow"):
        found(store)


def test_a_camera_without_both_classes_is_left_out_and_told(store):
    cameras = {**CAMPUS, "roof": (60, 60), "lane": (10,), "late": (20, 26)}  # the last two: abnormal throughout
    record = put(store, cameras=cameras)
    result = found(store)
    assert list(result.each.columns) == ["campus/gate", "campus/hall", "campus/yard"]
    assert result.left_out == [
        "left out: 3 cameras without frames of both classes (campus/lane, campus/late, campus/roof)"
    ]
    assert [name for name, auc in by_hand(store, record, cameras).items() if np.isnan(auc)] == ["roof", "lane", "late"]


def test_a_camera_of_which_no_frame_counts_is_left_out(store):
    put(store, short="yard")
    result = found(store)
    assert list(result.each.columns) == ["campus/gate", "campus/hall"]
    assert result.left_out == ["left out: 1 camera without frames of both classes (campus/yard)"]


def test_what_was_trained_on_the_target_is_left_out(store):
    for source, target in (("ped2", "ped2[videos=1-6]"), ("ped2", "campus"), ("ped1+ped2", "campus")):
        put(store, source=source, target=target)
        put(store, "framediff", source=source, target=target, trained=False)
    result = found(store, ["framediff"])
    assert {name.partition("/")[0] for name in result.each.columns} == {"campus"}
    assert "left out: ped2[videos=1-6] for methods that were trained there" in result.left_out
    assert found(store, method="framediff").entries["cameras"].tolist() == [6]  # it was trained nowhere


def test_untrained_methods_stand_beside_every_source(store):
    for source in ("street", "town"):
        put(store, source=source)
        put(store, source=source, shots=2)
    put(store, "framediff", source="street", trained=False)
    put(store, "support-mean", source="street", shots=2, tuning="none", trained=False)
    rows = found(store, ["framediff"]).entries.set_index(["source", "method", "shots"])
    methods = [("apn", 0), ("apn", 2), ("framediff", 0), ("support-mean", 2)]
    assert sorted(rows.index) == [(source, *each) for source in ("street", "town") for each in methods]
    assert rows.loc[("town", "apn", 2), "difference"] == pytest.approx(
        rows.loc[("town", "apn", 2), "auc"] - rows.loc[("street", "framediff", 0), "auc"]
    )
    put(store, "framediff", source="town", trained=False)
    twice = found(store, ["framediff"]).cells
    assert not twice.duplicated(["source", "method", "shots", "seed", "camera"]).any()  # the one that is its own
    alone = found(store, method="framediff").entries
    assert alone["source"].tolist() == [ANY] and len(alone) == 1


def test_seeds_that_are_not_on_all_cameras_are_left_out(store):
    for target in ("campus", "ped2"):
        for seed in (0, 1):
            put(store, target=target, seed=seed)
    put(store, seed=2)
    result = found(store)
    assert result.entries["seeds"].tolist() == [2]
    assert result.left_out == ["left out: seed 2 of apn (K = 0) (not on all cameras)"]


def test_no_seed_on_all_cameras_is_refused(store):
    put(store, seed=0)
    put(store, target="ped2", seed=1)
    with pytest.raises(InputError, match=r"apn \(K = 0\): has no seed that was run on all of these cameras"):
        found(store)


def test_another_seed_of_the_drawn_cameras_is_other_cameras_and_of_a_rendered_street_the_same(store):
    for target in ("synthetic-cameras", "synthetic-cameras[seed=11]"):
        put(store, target=target, source="synthetic-cameras[seed=12]")
    assert len(found(store).each.columns) == 6  # of two data sets of three cameras
    for target in ("synthetic-street", "synthetic-street[seed=1]"):
        put(store, target=target, source="synthetic-cameras[seed=12]")
    with pytest.raises(InputError, match=r"synthetic-street and synthetic-street\[seed=1\] twice"):
        found(store)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            [{"shots": 2}, {"shots": 2, "support": "scene-head"}],
            "would mix supports scene-head, train-head; add --where support=",
        ),
        ([{}, {"shots": 2}, {"shots": 2, "support": "scene-head"}], "add --where support=none,"),
        (
            [{"target": target} for target in ("ped1", "ped1[videos=1-7]", "path:Tom's")],
            r"cameras of ped1 and ped1\[videos=1-7\] twice; add --where 'target=path:Tom'\"'\"'s,ped1'$",
        ),
    ],
)
def test_what_does_not_compare_is_refused(store, cells, said):
    for each in cells:
        put(store, **each)
    with pytest.raises(InputError, match=said):
        found(store)


def test_different_frames_are_not_compared(store):
    """Under protocol paper the test set shrinks with K."""
    put(store)
    put(store, shots=2, support="test-head")
    with pytest.raises(InputError, match=r"K = 2\): and apn \(K = 0\) on campus count different frames"):
        found(store, protocol=PAPER)


def test_each_camera_s_auc_is_a_mean_over_seeds(store):
    records = [put(store, seed=seed, shift=seed) for seed in range(2)]
    result = found(store)
    expected = pd.DataFrame([by_hand(store, record) for record in records]).mean()
    (row,) = result.each.to_dict("records")
    assert row == pytest.approx({f"campus/{name}": 100 * auc for name, auc in expected.items()})
    assert result.each.index.names == ENTRY


def test_cues_are_fused_as_they_are_for_the_whole_target(store):
    """Per-camera scores are those of the table, of which each camera's are taken."""
    record = put(store)
    (wins,) = counted_by_camera(store, [record], FAIR).query("camera == 'campus/yard'")["wins"]
    scores = store.scores(record.cell)
    own = np.repeat(scores.units == 1, LENGTH) & np.tile(np.arange(LENGTH) >= FIRST, len(scores.videos))
    owners = np.repeat(np.arange(len(scores.videos)), LENGTH)
    np.testing.assert_allclose(wins.wins, pair_counts(scores.labels[own], scores.cues["cue"][own], owners[own]).wins)
