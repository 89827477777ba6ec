"""What cells cost, beside what they are worth."""

import pytest

from crossvad.evaluation.metric_cache import MetricCache
from crossvad.evaluation.metrics import METRICS
from crossvad.planning.protocol import FAIR
from crossvad.present.captions import caption
from crossvad.present.tables import side_by_side
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
    assert note.count("seconds and frames a second: as measured when cells were run") == 1


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
    with MetricCache(store) as cache:
        cache.recalled(record, FAIR, lambda: {"auc": 1.0})
    monkeypatch.delitem(METRICS, "fps")  # as it was before there was one
    with MetricCache(store) as cache:
        assert cache.recalled(record, FAIR, lambda: pytest.fail("it is computed anew")) == {"auc": 1.0}
