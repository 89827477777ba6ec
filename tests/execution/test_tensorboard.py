"""Training curves for TensorBoard: what was logged, and nothing without it."""

import json

import pytest

from crossvad.execution import tensorboard


def test_curves_are_those_of_the_fit(store, make_grid, run_grid):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    (record,) = run_grid(store, make_grid("apn", shots=[0]))
    key = record.cell.fit_key
    seen = events.EventAccumulator(str(store.place("curves", key))).Reload()
    curves = json.loads((store.place("fits", key) / "fit.json").read_text())["curves"]
    assert set(seen.Tags()["scalars"]) == set(curves) and "loss" in curves
    for name, curve in curves.items():
        found = [(event.step, event.value) for event in seen.Scalars(name)]
        assert [step for step, _ in found] == [step for step, _ in curve]
        assert [value for _, value in found] == pytest.approx([value for _, value in curve])


def test_without_it_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with tensorboard.curve_writer(tmp_path / "curves") as write:
        write(1, {"loss": 1.0})
    assert not list(tmp_path.iterdir())
