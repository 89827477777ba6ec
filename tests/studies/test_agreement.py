import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from crossvad.datasets.planting.kind_names import ALL_KINDS
from crossvad.studies.agreement import FEWEST_METHODS, OVER_PAIRS, PROXIES, agreement, entries, spearman
from crossvad.studies.planted_rows import left_out_rows
from tidy_rows import failed, frame, row

from .test_planted_rows import row as planted_row


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=20))
def test_spearman_is_scipy_s_ties_included(pairs):
    first, second = np.array(pairs, float).T
    got = spearman(first, second)
    if np.ptp(first) and np.ptp(second):
        assert got == pytest.approx(spearmanr(first, second).statistic, abs=1e-9)
    else:
        assert np.isnan(got)


def test_of_two_entries_there_is_no_ranking():
    assert np.isnan(spearman(np.array([1.0, 2.0]), np.array([3.0, 4.0])))


def joined(pairs=("ped2 ped1", "street plaza"), methods=12, noise=0.0, seed=0):
    """Entries at K = 0 and K = 10 of some methods, and one that does not adapt."""
    random = np.random.default_rng(seed)
    lines = []
    for pair in pairs:
        source, target = pair.split()
        for number in range(methods):
            for shots in (0, 10) if number else (0,):
                auc = 50 + 3 * number + shots / 10
                known = {"source": source, "target": target, "method": f"m{number}", "shots": shots, "auc": auc}
                lines.append(known | dict.fromkeys(PROXIES, auc + random.normal(0, noise)))
    return pd.DataFrame(lines)


def test_what_ranks_alike_agrees_and_what_does_not_does_not():
    same = agreement(joined(), "hurried")
    assert set(same) == {("ped2", "ped1"), ("street", "plaza"), (OVER_PAIRS, "")}
    for one in same.values():
        assert (one.correlation, one.low, one.high) == pytest.approx((1, 1, 1))
    assert same["ped2", "ped1"].entries == 23 and same["ped2", "ped1"].methods == 12
    upside_down = agreement(joined().assign(square=lambda rows: -rows["auc"]), "square")
    assert upside_down[OVER_PAIRS, ""].high == pytest.approx(-1)


def test_the_mean_is_over_pairs_and_the_interval_over_methods():
    rows = joined(noise=12.0)
    found = agreement(rows, "texture")
    each = [spearmanr(part["texture"], part["auc"]).statistic for _, part in rows.groupby(["source", "target"])]
    assert [found[pair].correlation for pair in list(found)[:2]] == pytest.approx(each)
    overall = found[OVER_PAIRS, ""]
    assert overall.correlation == pytest.approx(np.mean(each))
    assert overall.low < overall.correlation < overall.high <= 1
    # By loops, with other draws: methods drawn again with both of their entries, the same in either pair.
    random, names, resampled = np.random.default_rng(9), sorted(set(rows["method"])), []
    for _ in range(400):
        picked = random.choice(names, len(names))
        values = []
        for _, part in rows.groupby(["source", "target"]):
            again = pd.concat([part[part["method"] == name] for name in picked])
            values.append(spearmanr(again["texture"], again["auc"]).statistic)
        resampled.append(np.mean(values))
    assert [overall.low, overall.high] == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=0.08)
    assert agreement(rows, "texture") == found, "the same every time"


def test_pairs_of_too_few_entries_are_left_out_of_the_mean():
    rows = joined(noise=12.0)
    few = rows[(rows["source"] == "street") & rows["method"].isin(["m0"])]
    both = pd.concat([rows[rows["source"] == "ped2"], few])
    found, alone = agreement(both, "texture"), agreement(rows[rows["source"] == "ped2"], "texture")
    assert found[OVER_PAIRS, ""] == alone[OVER_PAIRS, ""] == alone["ped2", "ped1"]
    assert np.isnan(found["street", "plaza"].correlation) and found["street", "plaza"].entries == 1
    assert np.isnan(agreement(few, "texture")[OVER_PAIRS, ""].correlation)


@pytest.mark.parametrize(("methods", "known"), [(4, False), (5, False), (6, True)])
def test_of_less_than_six_methods_there_is_no_interval(methods, known):
    for one in agreement(joined(methods=methods, noise=6.0), "texture").values():
        assert not np.isnan(one.correlation) and (not np.isnan(one.low)) is (not np.isnan(one.high)) is known


def test_intervals_of_six_methods_hold_the_truth(monkeypatch):
    """Ranks that agree by 0.79: in 93 of 100 cases, of four methods in 69; give or take 3 deviations."""
    monkeypatch.setattr("crossvad.studies.agreement.RESAMPLES", 100)
    random, trials, held = np.random.default_rng(0), 60, 0
    truth = 6 / np.pi * np.arcsin(0.8 / 2)
    for _ in range(trials):
        auc, proxy = random.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], FEWEST_METHODS).T
        names = [f"m{number}" for number in range(len(auc))]
        rows = pd.DataFrame({"source": "s", "target": "t", "method": names, "auc": auc, "mean": proxy})
        found = agreement(rows, "mean")["s", "t"]
        held += found.low <= truth <= found.high
    assert held / trials >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / trials)


def test_entries_are_methods_at_a_number_of_shots_means_over_seeds():
    planted = pd.concat([
        planted_row("apn", source="street", hurried=60.0), planted_row("apn", source="street", seed=1, hurried=70.0),
        planted_row("apn", source="street", shots=0, steps=0, tuning="none", hurried=40.0),
        planted_row("framediff", source="street", shots=0, steps=0, tuning="none", hurried=80.0),
        planted_row("lmn", source="street"), planted_row("apn", source="ped2"),
        left_out_rows("street", "d", "quick", 1, ["empty"]),
    ])  # fmt: skip
    cells = frame(
        row("apn", shots=10, steps=10, auc=71.0),
        row("apn", shots=10, steps=10, auc=73.0, seed=1),
        row("apn", shots=10, steps=10, auc=10.0, support="test-head"),
        row("apn", shots=10, steps=10, auc=20.0, support="scene-head"),
        row("apn", shots=10, steps=50, auc=30.0),
        row("apn", shots=10, steps=10, auc=30.0, budget="demo"),
        row("apn", auc=50.0),
        row("framediff", auc=90.0),
        row("framediff", auc=91.0, target="ped1"),
        failed(method="lmn", shots=10, steps=10),
        row("mpn", auc=60.0),
    )
    found = entries(planted, cells).set_index(["target", "method", "shots"])
    assert len(found) == 4
    assert found["auc"].to_dict() == {
        ("ped2", "apn", 10): 72.0, ("ped2", "apn", 0): 50.0,
        ("ped2", "framediff", 0): 90.0, ("ped1", "framediff", 0): 91.0,
    }  # fmt: skip
    assert found.loc[("ped2", "apn", 10), "hurried"] == 65 and found.loc[("ped2", "apn", 0), "hurried"] == 40
    assert found["mean"].loc[("ped2", "apn", 10)] == 65  # of the one kind that a row tells
    assert {*ALL_KINDS} <= {*found}


def test_where_there_is_no_training_video_the_first_test_video_is_the_support():
    cells = frame(row("apn", shots=10, steps=10, auc=20.0, support="scene-head"))
    assert entries(planted_row("apn", source="street"), cells)["auc"].tolist() == [20.0]
