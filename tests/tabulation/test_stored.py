"""`bench results list`: what is stored, and by what it can be asked for."""

import csv
import io
from dataclasses import replace

import pytest

import crossvad
from crossvad.datasets.errors import InputError


@pytest.fixture(scope="module")
def results(tmp_path_factory, make_grid, run_grid):
    from crossvad.store.store import Store

    store = Store(tmp_path_factory.mktemp("stored") / "results")
    records = run_grid(store, make_grid("framepred", "ramp", shots=[0, 2], seeds=[0, 1]))
    store.keep(records[0].cell)
    store.write(replace(records[0], status="failed", reason="Traceback\nRuntimeError: no luck"))
    return store.root.parent


def test_every_value_that_can_be_asked_for_is_listed_with_its_cells(bench, results):
    done = bench("results", "list", "--results", results, "--format", "csv")
    rows = [(row["key"], row["value"], row["cells"]) for row in csv.DictReader(io.StringIO(done.out))]
    expected = [("method", "framepred", "4"), ("method", "ramp", "1"), ("source", "path:north", "5")]
    expected += [("shots", "0", "3"), ("shots", "2", "2"), ("seed", "1", "2"), ("place", "runs", "5")]
    assert set(expected) < set(rows)
    for key, value, cells in rows:
        chosen = crossvad.load_results(results, where={key: value})
        assert len(chosen) == int(cells)
    shown = bench("results", "list", "--results", results).out
    assert "5 cells: " in shown and "4 done" in shown and "1 failed" in shown and "RuntimeError: no luck" in shown


def test_conditions_narrow_the_list(bench, results):
    done = bench("results", "list", "--results", results, "--where", "method=ramp", "--format", "csv")
    assert "framepred" not in done.out and "method,ramp,1,1,0," in done.out
    none = bench("results", "list", "--results", results, "--where", "method=rmap")
    assert none.code == 2 and "no stored cell has method=rmap (did you mean ramp?)" in none.err


def test_of_a_name_that_no_cell_has_python_is_told_what_is_near(results):
    nothing = crossvad.load_results(results, where={"method": "rmap"})
    assert len(nothing) == 0 and "; no stored cell has method=rmap (did you mean ramp?)>" in repr(nothing)
    with pytest.raises(InputError, match="holds no such cell; no stored cell has method=rmap"):
        nothing.table()
