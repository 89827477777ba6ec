"""`bench diagnostics`: what stored fits watched."""

import csv
import io
import json
from shutil import copytree

import pytest

from crossvad.store.store import Store


@pytest.fixture(scope="module")
def results(make_grid, run_grid, tmp_path_factory):
    """Two seeds of two methods that watch something, and one that does not."""
    folder = tmp_path_factory.mktemp("finished")
    run_grid(Store(folder), make_grid("apn", "memae-2d", "framepred", seeds=[0, 1]))
    return folder


@pytest.fixture
def finished(results, tmp_path):
    return Store(copytree(results, tmp_path / "results"))


def last(store: Store, method: str, name: str) -> list[float]:
    """The last values of a diagnostic in the fits' own curves, by seed."""
    fits = {r.cell.seed: r.cell.fit_key for r in store.records() if r.cell.method == method}
    curves = [json.loads((store.place("fits", fits[seed]) / "fit.json").read_text())["curves"] for seed in sorted(fits)]
    return [curve[name][-1][1] for curve in curves]


def test_each_fit_once(bench, finished):
    rows = list(csv.DictReader(io.StringIO(bench("diagnostics", "--format", "csv").out)))
    assert [(row["method"], row["seed"]) for row in rows] == [(m, s) for m in ("apn", "memae-2d") for s in "01"]
    ranks = [float(row["prototype rank"]) for row in rows[:2]]
    assert ranks == pytest.approx(last(finished, "apn", "prototype rank"), abs=1e-4)
    assert [row["prototype rank"] for row in rows[2:]] == ["", ""] and [row["slots in use"] for row in rows[:2]] == [
        "",
        "",
    ]


def test_seeds_are_averaged_openly(bench, finished):
    first, second = last(finished, "apn", "prototype rank")
    text = bench("diagnostics", "--where", "method=apn", "--format", "md").out
    assert f"{(first + second) / 2:.3f} ± {abs(first - second) / 2**0.5:.3f}" in text and "seeds 0, 1" in text
    assert "slots in use" not in text and "–" not in text
    both = bench("diagnostics").out
    assert "memae-2d" in both and "slots in use" in both and "–" in both


def test_nothing_to_show_is_said(bench, finished):
    assert bench("diagnostics", "--where", "method=framepred").code == 2
    wrong = bench("diagnostics", "--where", "speed=x")
    assert wrong.code == 2 and "write KEY=VALUE with a key of method, source, target" in wrong.err


def test_an_empty_store_is_said(bench):
    done = bench("diagnostics")
    assert done.code == 2 and "holds no such fit" in done.err
