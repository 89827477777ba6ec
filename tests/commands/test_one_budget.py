"""Of cells of several budgets, none of which is asked for, all that is of one budget takes the same, and says so."""

from __future__ import annotations

import shutil

import pytest

import crossvad
from crossvad.datasets.errors import Mixed
from crossvad.store.store import Store

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
    assert "your own cells of budget demo, which ran last" in told and "--where budget=demo,smoke" in told


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_of_committed_cells_alone_they_take_the_budget_that_most_are_of(bench, mixed, words):
    store = Store(mixed)
    for record in store.records():
        if record.cell.budget == "smoke" or record.cell.method != "support-mean":
            store.keep(record.cell)
    shutil.rmtree(store.root)
    done = bench(*words, *([] if words[0] == "plot" else ["--format", "md"]))
    assert done.code == 0, done.err
    assert "cells of budget smoke, which most are of" in " ".join(done.out.split())


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


def test_python_takes_the_same_and_is_told_in_its_words(mixed):
    stored = crossvad.load_results(mixed)
    assert len(stored) == len(stored.to_frame()) > len(stored.of_one_budget)
    (_, note), *_ = stored.table().parts
    assert "your own cells of budget demo, which ran last" in note
    with pytest.raises(Mixed, match=r'would mix budgets demo, smoke; add where={"budget": "(demo|smoke)"}$'):
        crossvad.load_results(mixed, where={"budget": ["demo", "smoke"]}).compare(against="ramp")
