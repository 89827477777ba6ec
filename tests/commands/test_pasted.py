"""What an error says to type instead runs when it is typed."""

from __future__ import annotations

import shlex
import shutil

import pytest

from crossvad.planning.budgets import BUDGETS
from crossvad.store.store import Store
from made import committed_alone

METHODS = ["framediff", *(f"framediff[pool={pool}]" for pool in ("p99", "patch"))]
METHODS += ["extrapolate", *(f"extrapolate[pool={pool}]" for pool in ("p99", "patch"))]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory, make_grid, run_grid):
    """Cells that differ in everything: budget, target, support, steps, shots, method."""
    store = Store(tmp_path_factory.mktemp("crowded") / "results")
    for support in ("train-head", "test-head"):
        run_grid(
            store, make_grid("framepred", *METHODS, "support-mean", shots=[0, 2, 3], steps=[1, 2], support=support)
        )
    run_grid(store, make_grid("framediff", shots=[0], budget=BUDGETS["demo"]))
    return committed_alone(store, store.records())


@pytest.fixture
def stored(crowded, tmp_path):
    return shutil.copytree(crowded, tmp_path / "results")


@pytest.mark.parametrize("kind", ["scores", "matrix", "shots", "steps", "cameras", "roc", "speed"])
@pytest.mark.parametrize("asked", [(), ("--where", "budget=smoke,demo")], ids=["all", "budgets"])
def test_a_figure_of_too_much_says_what_to_type(bench, stored, kind, asked):
    words = ["plot", kind, *asked]
    done = bench(*words)
    if not done.code:
        assert kind in ("roc", "matrix") and not asked
        return
    problem, found, command = done.err.partition("; choose, such as: bench ")
    assert found, problem
    again = bench(*shlex.split(command))
    assert again.code == 0, again.err
