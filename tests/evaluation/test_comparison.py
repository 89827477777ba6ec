"""`bench compare`: paired differences and ranks over stored cells, against the pure functions and by hand."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation.cell_evaluation import counted_frames
from crossvad.evaluation.comparison import ENTRY, ITSELF, better_or_worse, by_target, counted, differences, ranks
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.evaluation.statistics import average_ranks, critical_difference, holm, pair_counts, paired_difference
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.present import gain_table
from crossvad.store.store import Store
from crossvad.tabulation import table


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    """Two seeds of one method at 0 and 2 shots by two tunings, and two that learn nothing."""
    store = Store(tmp_path_factory.mktemp("compare"))
    grid = make_grid("framepred", "framediff", "ramp", tunings=("finetune",), shots=[0, 2], seeds=[0, 1])
    return store, run_grid(store, grid)


def wins_of(store, records, method, shots):
    found = []
    for record in records:
        if (record.cell.method, record.cell.shots) == (method, shots):
            c = counted_frames(ScoredCell(store.scores(record.cell), shots, record.facts["fusion"]), FAIR)
            found.append(pair_counts(c.labels, c.scores, c.videos))
    return found


def test_differences_are_those_of_the_cells(finished):
    store, records = finished
    rows = differences(counted(store, records, FAIR), "framediff").set_index(["method", "shots"])
    assert set(rows.index) == {("framepred", 0), ("framepred", 2), ("ramp", 0)}  # not the rival itself
    rival = wins_of(store, records, "framediff", 0)
    for (method, shots), row in rows.iterrows():
        own = wins_of(store, records, method, shots)
        expected = paired_difference(own, rival)
        assert row["seeds"] == len(own) == (2 if method == "framepred" else 1)
        assert row["difference"] == pytest.approx(100 * (np.mean([w.auc for w in own]) - rival[0].auc))
        assert (row["low"], row["high"]) == pytest.approx((100 * expected.low, 100 * expected.high))
        assert row["p"] == pytest.approx(expected.p)
    assert rows["p_holm"].tolist() == pytest.approx(holm(rows["p"].to_numpy()).tolist())


def test_against_itself_is_against_the_same_method_unadapted(finished):
    store, records = finished
    (row,) = differences(counted(store, records, FAIR), ITSELF).to_dict("records")
    assert (row["method"], row["shots"], row["seeds"]) == ("framepred", 2, 2)
    adapted, bare = (wins_of(store, records, "framepred", shots) for shots in (2, 0))
    expected = paired_difference(adapted, bare, same_fits=True)
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(
        (100 * expected.mean, 100 * expected.low, 100 * expected.high)
    )


def test_what_a_fit_has_of_its_seed_is_no_gain(finished):
    """Of two seeds at K = 0 and one at K = 2 the gain is that of the one."""
    store, records = finished
    cells = counted(store, records, FAIR)
    (row,) = differences(cells[(cells["shots"] == 0) | (cells["seed"] == 1)], ITSELF).to_dict("records")
    adapted, bare = (wins_of(store, records, "framepred", shots) for shots in (2, 0))
    assert (row["seeds"], row["difference"]) == (1, pytest.approx(100 * (adapted[1].auc - bare[1].auc)))
    assert row["fewer"] and row["start"] == pytest.approx(100 * np.mean([wins.auc for wins in bare]))
    (row,) = differences(cells[(cells["shots"] == 0) == (cells["seed"] == 0)], ITSELF).to_dict("records")
    assert np.isnan([row["difference"], row["p"]]).all() and row["auc"] == pytest.approx(100 * adapted[1].auc)


def test_a_table_of_gains_begins_with_what_they_are_over(finished):
    """Where each K has seeds of its own, with the mean over all; and it says that gains are of fewer."""
    store, records = finished
    cells = counted(store, records, FAIR)
    cells = cells[cells["method"] == "framepred"]
    fewer = cells[(cells["shots"] == 0) | (cells["seed"] == 1)]
    both = pd.concat([fewer, cells[(cells["shots"] == 2) & (cells["seed"] == 0)].assign(shots=5)])
    tables = {name: gain_table.gains(differences(of, ITSELF)) for name, of in (("one", fewer), ("both", both))}
    aucs = [100 * wins.auc for wins in wins_of(store, records, "framepred", 0)]
    assert tables["one"]["K = 0"].tolist() == [f"{aucs[1]:.1f}"]
    assert tables["both"]["K = 0"].tolist() == [f"{np.mean(aucs):.1f}"]
    assert "of the seeds that are there adapted and not" in gain_table.note(differences(fewer, ITSELF), "fair")
    assert "of the seeds that are there" not in gain_table.note(differences(cells, ITSELF), "fair")


def test_a_learned_tuning_starts_from_its_own_zero_shots():
    wins = [pair_counts(np.array([0, 1, 0, 1]), np.array(s), np.array([0, 0, 1, 1])) for s in
            ([1.0, 2, 3, 4], [2.0, 1, 4, 3], [1.0, 2, 4, 3])]  # fmt: skip
    fixed = {
        "method": "m",
        "source": "a",
        "target": "b",
        "seed": 0,
        "budget": "quick",
        "frames": ((),),
        "reverted": 0,
        "transductive": False,
        "untrained": False,
    }
    fixed |= {"place": "runs", "postprocessing": "", "videos": 1, "of_videos": float("nan")}
    cells = pd.DataFrame([
        fixed | {"support": "none", "tuning": "none", "shots": 0, "steps": 0, "wins": wins[0]},
        fixed | {"support": "none", "tuning": "metasgd", "shots": 0, "steps": 0, "wins": wins[1]},
        fixed | {"support": "train-head", "tuning": "metasgd", "shots": 5, "steps": 1, "wins": wins[2]},
        fixed | {"support": "train-head", "tuning": "finetune", "shots": 5, "steps": 1, "wins": wins[2]},
    ])  # fmt: skip
    rows = differences(cells, ITSELF).set_index(["tuning", "shots"])["difference"]
    start, learned, adapted = (100 * w.auc for w in wins)
    assert rows["metasgd", 0] == pytest.approx(learned - start)  # what meta-learning did before any shot
    assert rows["metasgd", 5] == pytest.approx(adapted - learned)
    assert rows["finetune", 5] == pytest.approx(adapted - start)


def test_different_frames_are_not_compared(finished):
    """Under protocol paper the test set shrinks with K, so K = 2 cannot be paired with K = 0."""
    store, records = finished
    paper = counted(store, records, PAPER)
    assert paper.empty or set(paper["support"]) == {"none"}  # run on training video: no support set of that protocol
    cells = counted(store, records, FAIR)
    other = cells["shots"] == 2
    cells.loc[other, "frames"] = cells.loc[other, "frames"].map(lambda known: (known[0] - 1, *known[1:]))
    with pytest.raises(InputError, match="framepred, K = 2: and framediff on path:south count different frames"):
        differences(cells, "framediff")


def test_a_rival_that_was_not_run(finished):
    store, records = finished
    with pytest.raises(InputError, match="--against lmn: is in none of these cells unadapted"):
        differences(counted(store, records, FAIR), "lmn")


def made(**aucs):
    """Cells of methods on pairs: name=[(source, target, auc), …]; a single normal frame and 100 abnormal ones."""
    rows = []
    for method, pairs in aucs.items():
        for source, target, auc in pairs:
            labels = np.array([0] + [1] * 100, np.uint8)
            scores = np.array([0.0] + [1.0] * auc + [-1.0] * (100 - auc))
            wins = pair_counts(labels, scores, np.arange(101))
            assert round(100 * wins.auc) == auc
            fixed = {"support": "none", "tuning": "none", "shots": 0, "steps": 0, "budget": "quick", "seed": 0}
            rows.append(fixed | {"method": method, "source": source, "target": target, "wins": wins, "frames": ()})
    return pd.DataFrame(rows)


def test_ranks_by_hand():
    cells = made(
        a=[("s", "x", 90), ("s", "y", 80), ("s", "z", 10)],
        b=[("s", "x", 80), ("s", "y", 80)],
        c=[("s", "x", 70), ("s", "y", 60), ("s", "z", 20)],
    )
    table, groups, critical = ranks(cells)
    # Pair s -> z lacks b, so it is left out: it would rank a over c for what b was never asked.
    assert table.set_index("method")["rank"].to_dict() == {"a": 1.25, "b": 1.75, "c": 3.0}
    assert set(table["pairs"]) == {2} and critical == pytest.approx(2.343 * np.sqrt(3 * 4 / 12), rel=1e-3)
    assert [sorted(name.split(",")[0] for name in group) for group in groups] == [["a", "b", "c"]]


def test_sources_of_one_target_are_one_data_set():
    """Untrained, `b` reads the same after each; by pairs it would be first on three of five."""
    aucs = {"a": ((90, 80, 88), (70, 71)), "b": ((85, 85, 85), (60, 60)), "c": ((10, 20, 30), (50, 40))}
    cells = made(**{
        name: [*((f"s{n}", "x", auc) for n, auc in enumerate(x)), *((f"s{n}", "y", auc) for n, auc in enumerate(y))]
        for name, (x, y) in aucs.items()
    })  # fmt: skip
    table, _, critical = ranks(cells)
    assert table.set_index("method")["rank"].to_dict() == {"a": 1, "b": 2, "c": 3}
    assert {*table["targets"]} == {2} and {*table["pairs"]} == {5} and critical == critical_difference(3, 2)
    assert ranks(cells[cells["target"] == "x"])[1] == [], "of one target there is no mean of ranks"


def test_equal_methods_are_seldom_told_apart_whatever_the_sources():
    """Six on three targets of four sources, where each method has a way with a target: 5 in 100, and 3 deviations."""
    random, trials, told = np.random.default_rng(0), 200, 0
    columns = pd.MultiIndex.from_product([range(4), range(3)], names=["source", "target"])
    for _ in range(trials):
        aucs = np.tile(random.normal(size=(6, 3)), 4) + random.normal(0, 0.5, (6, 12))
        targets = by_target(pd.DataFrame(aucs, columns=columns))
        means = average_ranks(targets.to_numpy().T)
        told += np.ptp(means) > critical_difference(6, targets.shape[1])
    assert told / trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


def test_one_pair_has_no_ranks():
    table, groups, _ = ranks(made(a=[("s", "x", 90)], b=[("s", "x", 80)]))
    assert table.empty and groups == []


def test_command(bench, north, south):
    cameras = ("--budget", "smoke", "--quiet", "--shots", "0")
    for source, target in ((north, south), (south, north)):
        words = ("--source", f"path:{source}", "--target", f"path:{target}")
        assert bench("run", *words, *cameras, "--method", "framepred").code == 0
    done = bench("compare", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert done.code == 0 and len(rows) == 2 * 6
    tidy = {(r["method"], r["target"]): float(r["auc"])
            for r in csv.DictReader(io.StringIO(bench("table", "--format", "long").out))}  # fmt: skip
    for row in rows:
        gap = tidy[row["method"], row["target"]] - tidy["framediff", row["target"]]
        assert float(row["difference"]) == pytest.approx(gap, abs=2e-4)
    md = bench("compare", "--where", "method=framepred,framediff,ramp", "--format", "md").out
    assert md.startswith("<!-- bench compare --where method=framepred,framediff,ramp -->\n")
    assert "critical difference" in md and "| rank" in md
    alone = csv.DictReader(io.StringIO(bench("compare", "--where", "method=ramp", "--format", "csv").out))
    assert [{**row, "p_holm": ""} for row in alone] == [
        {**row, "p_holm": ""} for row in rows if row["method"] == "ramp"
    ]  # the rival need not be among the rows
    assert "is in none of these cells" in bench("compare", "--against", "lmn").err
    assert bench("compare", "--where", "method=lmn").code == 2


def test_the_pairs_own_metric_is_the_tables(finished):
    store, records = finished
    for row in counted(store, records, FAIR).itertuples():
        keys = ("method", "shots", "seed")
        (record,) = [r for r in records if all(getattr(r.cell, key) == getattr(row, key) for key in keys)]
        c = counted_frames(ScoredCell(store.scores(record.cell), row.shots, record.facts["fusion"]), FAIR)
        assert row.wins.auc == pytest.approx(micro_auc(c.labels, c.scores), abs=1e-12)


def test_marks_by_hand(bench, finished):
    entries = {"method": ["a", "b", "c", "d"], "difference": [5.0, -5.0, 5.0, 0.0], "p_holm": [0.01, 0.049, 0.051, 1.0]}
    fixed = {key: "x" for key in ENTRY if key != "method"}
    found = pd.DataFrame(entries).assign(**fixed)
    tidy = pd.DataFrame({"method": ["e", "d", "c", "b", "a", "a"]}).assign(**fixed)
    assert better_or_worse(tidy, found).tolist() == [0, 0, 0, -1, 1, 1]


def test_marks_in_a_table(bench, finished, monkeypatch):
    store, _ = finished
    where = ("table", "--results", store.root.parent, "--rows", "method", "--where", "shots=0")
    plain = bench(*where, "--format", "csv").out
    monkeypatch.setattr(table, "better_or_worse", lambda tidy, found: (tidy["method"] == "framediff").astype(int))
    marked = bench(*where, "--against", "framepred", "--format", "csv").out
    assert [line for line in marked.splitlines() if "↑" in line] == [
        f'{line[:-1]} ↑"' for line in plain.splitlines() if line.startswith("framediff")
    ]
    done = bench(*where, "--against", "framepred", "--format", "md")
    assert "better or worse than framepred at K = 0, p < 0.05" in done.out
    assert bench(*where, "--against", "framepred", "--metric", "ap").code == 2
    assert bench(*where, "--against", "framepred", "--published").code == 2
