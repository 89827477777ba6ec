"""Of cells of several budgets, none of which is asked for, all that is of one budget takes the same, and says so."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from matplotlib.text import Text

import crossvad
from crossvad.datasets.errors import Mixed
from crossvad.store.store import Store
from made import committed_alone

COMMANDS = [
    ["table"],
    ["table", "--published"],
    ["table", "--paper", "1"],
    ["table", "--matrix", "--where", "shots=0"],
    ["compare", "--against", "ramp"],
    ["cameras", "--against", "ramp"],
    ["gain"],
    ["audit", "scores"],
    ["plot", "matrix"],
    ["plot", "roc"],
    ["plot", "scores", "--where", "method=framediff"],
    ["plot", "shots"],
    ["plot", "cameras"],
    ["plot", "speed"],
]


@pytest.fixture(scope="module")
def both(tmp_path_factory, make_grid, run_grid):
    """A results folder of one's own cells of two budgets: 12 of smoke, and then 6 of demo."""
    from crossvad.planning.budgets import BUDGETS

    store = Store(tmp_path_factory.mktemp("both") / "results")
    run_grid(store, make_grid("framediff", "support-mean", "ramp", shots=[0, 2]))
    run_grid(store, make_grid("framediff", "support-mean", "ramp", shots=[0, 1], budget=BUDGETS["demo"]))
    return store.root.parent


@pytest.fixture
def mixed(both, tmp_path):
    return shutil.copytree(both, tmp_path / "results")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_all_take_ones_own_cells_of_the_budget_that_ran_last_and_say_so(bench, mixed, words):
    done = bench(*words, *([] if words[0] == "plot" else ["--format", "md"]))
    told = " ".join(done.out.split())
    assert done.code == 0, done.err
    assert "your own cells of budget demo, which ran last" in told and "(--where budget=smoke)" in told


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_of_committed_cells_alone_they_take_the_budget_that_most_are_of(bench, mixed, words):
    store = Store(mixed)
    fewer = [each for each in store.records() if each.cell.budget == "smoke" or each.cell.method != "support-mean"]
    committed_alone(store, fewer)
    done = bench(*words, *([] if words[0] == "plot" else ["--format", "md"]))
    assert done.code == 0, done.err
    assert "cells of budget smoke, which most are of" in " ".join(done.out.split())


def test_a_budget_of_which_nothing_is_finished_is_not_taken(mixed):
    """The run of it was the last one, and all of it failed."""
    store = Store(mixed)
    for record in store.records():
        cell = replace(record.cell, budget="quick")
        store.write(replace(record, cell=cell, status="failed", reason="it fell", finished="2999-01-01T00:00:00"))
    assert {record.cell.budget for record in crossvad.load_results(mixed).of_one_budget.records} == {"demo"}


def test_what_the_budget_that_is_taken_lacks_is_looked_for_in_the_others(bench, mixed):
    store = Store(mixed)
    last = next(record for record in store.records() if record.cell.budget == "demo" and not record.cell.shots)
    scores = store.scores(last.cell)
    later = replace(last, cell=replace(last.cell, budget="quick"), finished="2999-01-01T00:00:00")
    store.write(later, scores)
    gain = bench("gain")
    assert gain.code == 2
    assert "no such adapted cell; your own cells of budget quick, which ran last; " in gain.err


def test_what_was_asked_for_is_shown_apart_or_refused(bench, mixed):
    asked = ("--where", "budget=demo,smoke")
    gain = bench("gain", *asked, "--format", "md")
    assert gain.code == 0 and "| budget" in gain.out and "which ran last" not in gain.out
    table = bench("table", *asked)
    assert (
        table.code == 2 and "would mix budgets demo, smoke; choose, such as: bench table --where budget=" in table.err
    )
    paper = bench("table", "--paper", "1", *asked)
    assert paper.code == 2 and "would mix budgets" in paper.err


@pytest.mark.parametrize("words", [("--rows", "budget,method"), ("--columns", "shots,budget"), ("--format", "long")])
def test_a_table_whose_rows_or_columns_tell_budgets_has_all_of_them(bench, mixed, words):
    for asked in ((), ("--where", "budget=demo,smoke")):
        done = bench("table", *words, *asked, *(["--format", "csv"] if "long" not in words else []))
        assert done.code == 0, done.err
        assert "demo" in done.out and "smoke" in done.out and "which ran last" not in done.out


def test_python_takes_the_same_and_is_told_in_its_words(mixed):
    stored = crossvad.load_results(mixed)
    assert len(stored) == len(stored.to_frame()) > len(stored.of_one_budget)
    (_, note), *_ = stored.table().parts
    assert "your own cells of budget demo, which ran last" in note
    with pytest.raises(Mixed, match=r'would mix budgets demo, smoke; add where={"budget": "(demo|smoke)"}$'):
        crossvad.load_results(mixed, where={"budget": ["demo", "smoke"]}).compare(against="ramp")


@pytest.mark.parametrize("kind", ["matrix", "shots", "cameras"])
def test_a_caption_speaks_in_the_words_of_its_reader(bench, mixed, kind):
    """What is not shown is asked for by an option of `bench`, and by an argument from Python."""
    asked, from_python = "(--where budget=smoke)", '(where={"budget": "smoke"})'
    stored = crossvad.load_results(mixed)
    figure = stored.plot(kind)
    drawn = " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())
    assert from_python in drawn and "--where" not in drawn
    assert from_python in repr(stored.table()) and asked in stored.table().parts[0][1]
    assert asked in " ".join(bench("plot", kind).out.split())
