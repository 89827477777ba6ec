"""Metrics that were computed before: recalled where all that decides them is as it was, and never in the way."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation import cell_evaluation, metric_cache, tidy
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.facts import SHOWN
from crossvad.store.store import Store


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    store = Store(tmp_path_factory.mktemp("finished"))
    run_grid(store, make_grid("framediff", "ramp", shots=[0]))
    return store


@pytest.fixture
def store(finished, tmp_path):
    """A results folder with two finished cells, nothing of which was computed before."""
    shutil.copytree(finished.root.parent, tmp_path / "results")
    (tmp_path / "results" / "runs" / "metrics.json").unlink(missing_ok=True)
    return Store(tmp_path / "results")


@pytest.fixture
def evaluated(monkeypatch):
    """Names of the protocols by which cells have been evaluated since."""
    names, evaluate = [], cell_evaluation.evaluate

    def watched(cell, protocol):
        names.append(protocol.name)
        return evaluate(cell, protocol)

    monkeypatch.setattr(cell_evaluation, "evaluate", watched)
    return names


def test_what_was_computed_before_is_recalled(store, evaluated):
    first = table(store, store.records(), FAIR)
    assert evaluated == ["fair", "fair"]
    pd.testing.assert_frame_equal(table(Store(store.root.parent), store.records(), FAIR), first, check_exact=True)
    assert evaluated == ["fair", "fair"]
    table(store, store.records(), PAPER)
    assert evaluated == ["fair", "fair", "paper", "paper"]
    table(store, store.records(), FAIR)
    assert len(evaluated) == 4, "what was added has not put out what was there"


def test_what_is_counted_stays_whole_and_all_else_is_as_it_was_computed(store):
    record = store.records()[0]
    rows = [table(Store(store.root.parent), [record], FAIR) for _ in range(2)][1]
    for name, number in cell_evaluation.cell_metrics(store, record, FAIR).items():
        assert rows[name].tolist() == pytest.approx([number], rel=0, abs=0, nan_ok=True)
        assert (rows[name].dtype.kind == "i") == isinstance(number, int), name


def test_tables_show_no_fact_that_is_not_at_hand():
    assert {*tidy.TOLD} <= {*SHOWN}


def test_only_the_cells_asked_for_are_evaluated(store, evaluated):
    table(store, store.records()[:1], FAIR)
    assert evaluated == ["fair"]
    table(store, store.records(), FAIR)
    assert evaluated == ["fair", "fair"]


def test_another_version_of_the_metrics_computes_anew(store, evaluated, monkeypatch):
    table(store, store.records(), FAIR)
    monkeypatch.setattr(metric_cache, "VERSION", metric_cache.VERSION + 1)
    table(store, store.records(), FAIR)
    assert len(evaluated) == 4


def test_other_scores_or_weights_compute_anew(store, evaluated):
    first = table(store, store.records(), FAIR)
    record = store.records()[0]
    scores = store.scores(record.cell)
    store.write(record, replace(scores, cues={cue: -row for cue, row in scores.cues.items()}))
    second = table(store, store.records(), FAIR)
    assert len(evaluated) == 3 and not first.equals(second)
    store.write(replace(record, facts=record.facts | {"fusion": {"prediction": 2.0}}), store.scores(record.cell))
    table(store, store.records(), FAIR)
    assert len(evaluated) == 4


def test_changed_scores_are_refused_although_their_metrics_are_known(store):
    table(store, store.records(), FAIR)
    path = store.cell_places()[0] / "scores.npz"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"scores\.npz: is missing or was changed"):
        table(store, store.records(), FAIR)


@pytest.mark.parametrize("count", [-5.5, 2.5, -1.0, np.nan, 1e300])
def test_counts_that_count_nothing_are_computed_again(store, evaluated, count):
    first = table(store, store.records(), FAIR)
    path = store.root / "metrics.json"
    written = json.loads(path.read_text())
    place = 16 * metric_cache.COLUMNS.index("videos")
    digits = np.array([count], "<f8").tobytes().hex()
    written["cells"] = {key: row[:place] + digits + row[place + 16 :] for key, row in written["cells"].items()}
    path.write_text(json.dumps(written))
    pd.testing.assert_frame_equal(table(store, store.records(), FAIR), first)
    assert len(evaluated) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"version": 1}', b'{"version": 1, "cells": [1]}'])
def test_a_corrupt_file_is_computed_again(store, evaluated, content):
    first = table(store, store.records(), FAIR)
    path = store.root / "metrics.json"
    path.write_bytes(content)
    pd.testing.assert_frame_equal(table(store, store.records(), FAIR), first)
    assert len(evaluated) == 4 and len(json.loads(path.read_text())["cells"]) == 2


def test_where_the_results_cannot_be_written_the_users_cache_keeps_them(store, evaluated, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "cache"))
    results = store.root.parent
    store.root.joinpath("cells").rename(results / "reference")
    shutil.rmtree(store.root)
    store.root.write_text("in the way")
    for _ in range(2):
        assert np.isfinite(table(store, store.records(), FAIR)["auc"]).all()
    assert len(evaluated) == 2 and len(list((tmp_path / "cache" / "metrics").iterdir())) == 1
    monkeypatch.setenv("CROSSVAD_CACHE", str(store.root))  # a file: nowhere is left
    assert len(table(store, store.records(), FAIR)) == 2 and len(evaluated) == 4


def test_what_was_computed_is_kept_although_a_later_cell_is_broken(store, evaluated):
    path = store.cell_places()[-1] / "scores.npz"
    whole = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(InputError):
        table(store, sorted(store.records(), key=lambda record: record.cell.key), FAIR)
    path.write_bytes(whole)
    table(store, store.records(), FAIR)
    assert len(evaluated) == 2
