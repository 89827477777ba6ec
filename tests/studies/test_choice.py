import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from crossvad.datasets.planting.kind_names import ALL_KINDS, KIND_NAMES
from crossvad.studies.choice import against_best, by_entry, of_one_way, summary, told_kinds
from crossvad.studies.planted_rows import COLUMNS, left_out_rows


def rows_of(levels, scenes=12, seeds=(0, 1), shots=(0, 10), seed=0, source="ped2"):
    """Rows of some methods, level and noise of each; what is hard in a scene is hard for all."""
    random = np.random.default_rng(seed)
    hard = {(s, number): random.normal(0, 8, len(ALL_KINDS)) for s in seeds for number in range(scenes)}
    lines = []
    for method, (level, noise) in levels.items():
        for shot in shots if not method.startswith("framediff") else shots[:1]:
            for (s, number), base in hard.items():
                aucs = (level + shot / 5 + base + random.normal(0, noise, len(ALL_KINDS))).clip(0, 100)
                known = [
                    method,
                    "1.1",
                    source,
                    "d",
                    "quick",
                    "finetune" if shot else "none",
                    shot,
                    shot,
                    s,
                    1,
                    number,
                    "ped2",
                ]
                lines.append([*known, *aucs])
    return pd.DataFrame(lines, columns=COLUMNS)


ROWS = rows_of({"apn": (60, 3), "apn[pool=p99]": (60.3, 3), "apn[score=0.0]": (50, 3), "framediff": (80, 3)})


def test_means_are_over_scenes_then_kinds_and_not_of_the_square():
    table = summary(ROWS, 10)
    for method in ("apn", "framediff"):
        mine = [
            line
            for line in ROWS.to_dict("records")
            if line["method"] == method and line["shots"] == (10 if method == "apn" else 0)
        ]
        kinds = {kind: np.mean([line[kind] for line in mine]) for kind in ALL_KINDS}
        got = table.loc["ped2", method]
        assert {kind: got[kind] for kind in ALL_KINDS} == pytest.approx(kinds)
        assert got["mean"] == pytest.approx(np.mean([kinds[kind] for kind in KIND_NAMES]))
        # Of resamples, about the standard deviation of scenes' means over the root of their number.
        scenes = [np.mean([line[kind] for kind in KIND_NAMES]) for line in mine]
        assert got["error"] == pytest.approx(np.std(scenes, ddof=1) / np.sqrt(len(scenes)), rel=0.1)


def test_a_kind_that_no_method_tells_is_in_no_mean():
    """Standing still is told by nobody, and the worse a method tells anything the nearer to chance it reads there."""
    rows = ROWS.assign(
        stopped=ROWS["method"].map({"apn": 20.0, "apn[pool=p99]": 21.0, "apn[score=0.0]": 49.0, "framediff": 10.0}),
        texture=ROWS["method"].map({"apn": 40.0, "apn[pool=p99]": 40.0, "apn[score=0.0]": 40.0, "framediff": 56.0}),
    )
    told = [kind for kind in KIND_NAMES if kind != "stopped"]
    assert told_kinds(ROWS) == [*KIND_NAMES] and told_kinds(rows) == told
    for method in ("apn", "framediff"):
        of_kinds = summary(rows, 10).loc[("ped2", method), told].mean()
        assert summary(rows, 10).loc[("ped2", method), "mean"] == pytest.approx(of_kinds)
    assert told_kinds(rows.assign(**dict.fromkeys(KIND_NAMES, 50.0))) == [*KIND_NAMES]


def test_what_does_not_adapt_reads_the_same_at_any_number_of_shots():
    for kind in ALL_KINDS:
        assert summary(ROWS, 0).loc[("ped2", "framediff"), kind] == summary(ROWS, 10).loc[("ped2", "framediff"), kind]
    assert len(by_entry(ROWS, 10)) == 4 * 24


def test_the_best_that_is_trained_is_the_choice_and_ties_are_ties():
    found = against_best(ROWS, 10).loc["ped2"]
    best = found.index[found["best"]]
    assert list(best) == [max(["apn", "apn[pool=p99]"], key=lambda name: summary(ROWS, 10).loc[("ped2", name), "mean"])]
    tied = found[(found["low"] <= 0) & (found["high"] >= 0)].index
    assert set(tied) == {"apn", "apn[pool=p99]"}
    assert found.loc["framediff", "low"] > 0 and found.loc["framediff", "baseline"]
    assert found.loc["apn[score=0.0]", "high"] < 0 and not found.loc["apn[score=0.0]", "baseline"]
    assert found.index[0] == "framediff", "the best first"


def test_intervals_are_of_the_same_scenes():
    """What is hard in a scene is hard for both: their difference is known far better than either."""
    rows = ROWS[ROWS["seed"] == 0]
    found = against_best(rows, 10).loc["ped2"]
    best, line = found.index[found["best"]][0], found.loc["apn[score=0.0]"]
    gaps = by_entry(rows, 10)["mean"].loc["ped2"].unstack("method").eval(f"`apn[score=0.0]` - `{best}`")
    reach = t.ppf(1 - 0.05 / 3, len(gaps) - 1) * gaps.std() / np.sqrt(len(gaps))  # one-sided, three other rows
    assert line["difference"] == pytest.approx(gaps.mean())
    assert [line["low"], line["high"]] == pytest.approx([gaps.mean() - reach, gaps.mean() + reach], abs=0.15 * reach)
    assert line["high"] - line["low"] < summary(rows, 10).loc[("ped2", best), "error"] * 2.5  # else 6.5 times


def test_what_differs_from_seed_to_seed_is_added():
    found = against_best(ROWS, 10).loc["ped2"]
    best, line = found.index[found["best"]][0], found.loc["apn[score=0.0]"]
    gaps = by_entry(ROWS, 10)["mean"].loc["ped2"].unstack("method").eval(f"`apn[score=0.0]` - `{best}`")
    parts = [(gaps.std() ** 2 / len(gaps), len(gaps) - 1), (gaps.groupby("seed").mean().std() ** 2 / 2, 1)]
    whole = sum(part for part, _ in parts)
    reach = t.ppf(1 - 0.05 / 3, whole**2 / sum(part**2 / each for part, each in parts)) * np.sqrt(whole)
    assert line["high"] - line["difference"] == pytest.approx(reach, rel=0.15)


def test_sources_have_a_best_each_and_scenes_that_only_one_was_shown_do_not_count():
    other = rows_of({"apn": (40, 1), "apn[pool=p99]": (70, 1)}, seeds=(0,), source="street", seed=3)
    more = rows_of({"apn": (99, 0)}, seeds=(1,), source="street")
    found = against_best(pd.concat([ROWS, other, more]), 10)
    assert found["best"].groupby("source").sum().to_dict() == {"ped2": 1, "street": 1}
    assert (
        found.loc[("street", "apn"), "difference"]
        == pytest.approx(
            against_best(other, 10).loc[("street", "apn"), "difference"]
            * (-1 if found.loc[("street", "apn"), "best"] else 1),
            abs=1e-6,
        )
        or found.loc[("street", "apn"), "best"]
    )


def equal(methods, seeds=1, scenes=10, fit=0.0, noise=8.0, random=None):
    """Rows of methods that are equally good; of each seed a fit, which is the same on all of its scenes."""
    hard = random.normal(75, 6, (seeds, scenes))
    shape = methods, seeds, scenes
    aucs = hard + random.normal(0, fit, (methods, seeds, 1)) + random.normal(0, noise, shape)
    known = dict(zip(COLUMNS, ["", "1", "ped2", "d", "quick", "none", 0, 0, 0, 1, 0, "ped2"], strict=False))
    lines = [
        known | {"method": f"m{m}", "seed": s, "number": n} | dict.fromkeys(ALL_KINDS, aucs[m, s, n])
        for m, s, n in np.ndindex(shape)
    ]
    return pd.DataFrame(lines)


@pytest.mark.parametrize(("case", "trials"), [({"methods": 12}, 40), ({"methods": 2, "seeds": 3, "fit": 6.0}, 80)])
def test_a_method_as_good_as_any_is_seldom_called_worse_than_the_best(case, trials):
    """However many there are to be picked from, and however much fits differ: 5 in 100, give or take 3 deviations."""
    random = np.random.default_rng(3)
    worse = [(against_best(equal(**case, random=random), 0)["high"] < 0).sum() for _ in range(trials)]
    asked = trials * case["methods"]
    assert sum(worse) / asked <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / asked)


def test_a_method_that_is_worse_is_called_so_though_it_has_several_seeds():
    random = np.random.default_rng(3)
    rows = equal(methods=4, seeds=3, scenes=20, fit=1.0, random=random)
    kinds = [*ALL_KINDS]
    rows.loc[rows["method"] == "m0", kinds] -= 20
    assert against_best(rows, 0).loc[("ped2", "m0"), "high"] < 0


def test_scenes_that_all_show_the_same_difference_are_as_sure_as_so_few_can_be():
    rows = equal(methods=2, scenes=3, noise=0.0, random=np.random.default_rng(3))
    rows.loc[rows["method"] == "m0", [*ALL_KINDS]] -= 5.0
    line = against_best(rows, 0).loc[("ped2", "m0")]
    assert line["difference"] == pytest.approx(-5) and line["low"] < -5 < 0 < line["high"]
    assert line["high"] == pytest.approx(5 - 10 * 0.05 ** (1 / 3))


def test_of_one_scene_nothing_is_known():
    one = rows_of({"apn": (60, 1), "lmn": (61, 1)}, scenes=1, seeds=(0,))
    assert np.isnan(summary(one, 10)["error"]).all()
    assert np.isnan(against_best(one, 10).loc["ped2"].query("not best")["low"]).all()


def test_of_two_scenes_no_difference_goes_beyond_what_can_be():
    two = rows_of({"apn": (50, 40), "lmn": (50, 40)}, scenes=2, seeds=(0,), seed=1)
    (line,) = against_best(two, 10).loc["ped2"].query("not best").itertuples()
    assert -100 <= line.low < line.difference < line.high <= 100 and 100 in (-line.low, line.high)


def test_rows_of_one_way_to_adapt_are_taken():
    rows = rows_of({"apn": (60, 1)}, scenes=1, seeds=(0,))
    own = rows[rows["shots"] == 10].assign(method="support-mean", tuning="none", steps=1)
    longer = rows[rows["shots"] == 10].assign(steps=50)
    maml = pd.concat([rows[rows["shots"] == 0].assign(tuning="maml"), rows[rows["shots"] == 10].assign(tuning="maml")])
    nobody = left_out_rows("ped2", "d", "quick", 1, ["empty"])
    every = pd.concat([rows, own, longer, maml, nobody], ignore_index=True)
    taken = of_one_way(every, "finetune", 10, 10)
    assert sorted(zip(taken["method"], taken["tuning"], taken["shots"], taken["steps"], strict=True)) == [
        ("", "", 0, 0), ("apn", "finetune", 10, 10), ("apn", "none", 0, 0), ("support-mean", "none", 10, 1),
    ]  # fmt: skip
    learned = of_one_way(every, "maml", 10, 10)
    assert sorted(zip(learned["method"], learned["tuning"], learned["shots"], strict=True)) == [
        ("", "", 0), ("apn", "maml", 0), ("apn", "maml", 10), ("support-mean", "none", 10),
    ]  # fmt: skip
