"""What is to be run, said before anything is."""

import math

import pytest

import crossvad
from crossvad.datasets.words import duration
from crossvad.store.store import Store

SMOKE = {"methods": ["framepred"], "budget": "smoke", "shots": [0, 2], "seeds": [0, 1]}


@pytest.fixture
def estimate(north, south, tmp_path):
    """Of two seeds of framepred and the rows that no table goes without, by the name of the results folder."""
    return lambda name: crossvad.estimate(source=north, target=south, **SMOKE, results=tmp_path / name).frame


def test_what_is_not_there_is_counted_and_its_hours_are_not_known(estimate, tmp_path):
    told = estimate("empty")
    assert told.loc["framepred", ["cells", "in the store", "trainings"]].tolist() == [4, 0, 2]
    assert told.loc["framediff", ["cells", "trainings", "training, h"]].tolist() == [1, 0, 0.0]
    assert math.isnan(told.loc["framepred", "training, h"]) and math.isnan(told.loc["all", "scoring, h"])
    assert told.loc["all", "cells"] == told["cells"][:-1].sum()
    assert not (tmp_path / "empty").exists()


def test_hours_are_what_stored_cells_took(estimate, north, south, tmp_path):
    done = crossvad.run(source=north, target=south, **SMOKE | {"seeds": [0]}, results=tmp_path / "some", quiet=True)
    told = estimate("some")
    assert told.loc["framepred", ["cells", "in the store", "trainings"]].tolist() == [4, 2, 1]
    assert told.loc["framediff", ["cells", "in the store", "scoring, h"]].tolist() == [1, 1, 0.0]
    facts = [record.facts for record in done.records if record.cell.method == "framepred"]
    (seconds,) = {each["train_seconds"] for each in facts}
    assert told.loc["framepred", "training, h"] == pytest.approx(seconds / 3600)
    slowest, fastest = (121 / choose(each["fps"] for each in facts) for choose in (min, max))  # frames of the target
    adapting = max(each["adapt_seconds"] for each in facts)
    assert 2 * fastest <= 3600 * told.loc["framepred", "scoring, h"] <= 2 * slowest + adapting


def test_a_training_that_rows_share_is_counted_once(north, south, tmp_path):
    both = SMOKE | {"methods": ["framepred", "framepred[pool=p99]"], "precision": ["float32", "bf16"]}
    told = crossvad.estimate(source=north, target=south, **both, results=tmp_path).frame
    assert told["trainings"].drop("all").sum() == told.loc["all", "trainings"] == 2  # of two seeds


def test_what_is_not_known_is_not_swallowed(north, south, tmp_path):
    with pytest.raises(TypeError, match="shot"):
        crossvad.estimate(source=north, target=south, shot=5, results=tmp_path)


def test_the_command_runs_nothing(bench, north, south, tmp_path):
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--method", "framepred")
    for command in ("run", "matrix"):
        done = bench(command, *words, "--dry-run", "--quiet")
        assert done.code == 0 and "nothing was run" in done.out and "framepred" in done.out
    assert not Store(tmp_path / "results").records()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (0.2, "< 1 s"), (40, "40 s"), (59.7, "1 min"), (90, "2 min"), (3599, "1.0 h"), (12240, "3.4 h")],
)
def test_times_are_told_as_one_says_them(seconds, told):
    assert duration(seconds) == told


def test_what_takes_seconds_is_not_said_to_take_no_hours(estimate, north, south, tmp_path):
    crossvad.run(source=north, target=south, **SMOKE | {"seeds": [0]}, results=tmp_path / "some", quiet=True)
    told = crossvad.estimate(source=north, target=south, **SMOKE, results=tmp_path / "some")
    assert list(told.parts[0][0].columns) == ["cells", "in the store", "trainings", "training", "scoring"]
    assert told.parts[0][0].loc["framepred", "training"].endswith(" s") and "0.00" not in repr(told)
