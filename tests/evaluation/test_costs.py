"""What cells cost, beside what they are worth."""

import pandas as pd
import pytest

from crossvad.evaluation.metric_cache import COLUMNS, MetricCache
from crossvad.evaluation.metrics import METRICS
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.present.captions import caption
from crossvad.present.figures import speed
from crossvad.present.tables import side_by_side
from crossvad.store import profiles
from crossvad.verification.reproduction import verify_csv
from profile_made import profile
from tidy_rows import frame, row

COSTS = ["train_seconds", "prepare_seconds", "adapt_seconds", "fps"]


def test_costs_stand_beside_auc():
    trained = row("lmn", train_seconds=12.25, adapt_seconds=0.0341, fps=431.0)
    rows = frame(trained, row("framediff", tuning="none", adapt_seconds=0.0, fps=9876.5))
    table = side_by_side(rows, ["method"], [], ["auc", *COSTS])
    assert table.loc["lmn"].tolist() == ["80.0 [78.0, 83.0]", "12.2", "–", "0.034", "431.0"]
    assert table.loc["framediff"].tolist()[1:] == ["–", "–", "0.000", "9876.5"]  # which was not trained
    note = caption(rows, "auc", *COSTS)
    assert "AUC in %" in note and "seconds in %" not in note
    assert note.count("seconds: as measured when cells were run") == note.count("frames/s: of the model alone") == 1


def test_over_seeds_they_are_means():
    rows = frame(*(row("lmn", seed=seed, train_seconds=10.0 + 2 * seed) for seed in (0, 1)))
    table = side_by_side(rows, ["method"], [], ["train_seconds"])
    assert table.loc["lmn"].tolist() == ["11.0 ± 1.4"]
    assert "±: standard deviation over seeds" in caption(rows, "train_seconds")


def test_they_are_recorded_and_not_computed(store, make_grid, run_grid, monkeypatch):
    """So that the numbers that were computed of a cell before there were costs are still known."""
    (record, *_) = run_grid(store, make_grid("framepred", shots=[0]))
    assert all(METRICS[name].of_frames is None and METRICS[name].of_maps is None for name in COSTS)
    assert record.facts["train_seconds"] > 0 and record.facts["fps"] > 0 and record.facts["adapt_seconds"] == 0
    with MetricCache(store, FAIR) as cache:
        kept = cache.recalled(record, lambda: dict.fromkeys(COLUMNS, 1.0))
    monkeypatch.delitem(METRICS, "fps")  # as it was before there was one
    with MetricCache(store, FAIR) as cache:
        assert cache.recalled(record, lambda: pytest.fail("it is computed anew")).tolist() == kept.tolist()


def test_a_speed_that_was_profiled_counts_before_the_one_of_a_run(store, make_grid, run_grid):
    records = run_grid(store, make_grid("framepred", shots=[0, 2]))
    ran = table(store, records, FAIR)
    assert not ran["profiled"].any() and ran["fps"].tolist() == [record.facts["fps"] for record in by_shots(records)]
    version, smoke = records[0].cell.method_version, {"budget": "smoke", "size": 32, "width": 8, "channels": 1}
    profiles.keep(store, profile("framepred", method_version=version, throughput=77.0, **smoke))
    rows = table(store, records, FAIR)
    assert rows["profiled"].all() and rows["fps"].tolist() == [77.0, 77.0]
    assert "(framepred)" not in speed.Speed().caption(rows, speed.Speed().points(rows))
    mixed = pd.concat([rows, ran.assign(method="lmn")])
    told = speed.Speed().caption(mixed, speed.Speed().points(mixed))
    assert "as `bench profile` measured it (framepred); as measured when the cells ran (lmn)" in told


def test_a_file_of_rows_stays_true_when_its_methods_are_profiled(store, make_grid, run_grid, tmp_path):
    records = run_grid(store, make_grid("framepred", shots=[0]))
    version, smoke = records[0].cell.method_version, {"budget": "smoke", "size": 32, "width": 8, "channels": 1}
    for name in ("before", "after"):
        table(store, records, FAIR).to_csv(tmp_path / f"{name}.csv", index=False, float_format="%.4f")
        profiles.keep(store, profile("framepred", method_version=version, throughput=77.0, **smoke))
    for name in ("before", "after"):
        assert verify_csv(tmp_path / f"{name}.csv", store)[1] == [], name


def by_shots(records):
    return sorted(records, key=lambda record: record.cell.shots)
