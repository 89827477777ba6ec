"""Real surveillance video, where it is at hand: UCSD Ped2, and the part of Ped1 that is public as video."""

import os
from pathlib import Path

import pytest

from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import FAIR
from crossvad.planning.registry import get_dataset
from crossvad.store.store import Store

ROOT = Path(os.environ.get("CROSSVAD_DATA") or Path(__file__).parents[2] / "shared/data")
pytestmark = pytest.mark.skipif(not (ROOT / "ped2").is_dir(), reason=f"no real video: {ROOT} holds no ped2")
needs_ped1 = pytest.mark.skipif(not (ROOT / "ped1").is_dir(), reason=f"no real video: {ROOT} holds no ped1")


@pytest.fixture(scope="module")
def rows(make_grid, run_grid, tmp_path_factory):
    """The rows that learn nothing, on Ped2, by method."""
    ped2, store = get_dataset("ped2", ROOT), Store(tmp_path_factory.mktemp("ped2"))
    grid = make_grid("random", "ramp", "framediff", "extrapolate", sources=[ped2], targets=[ped2])
    return table(store, run_grid(store, grid), FAIR).set_index("method")


def test_all_of_ped2_is_scored(rows):
    assert set(rows["status"]) == {"done"} and set(rows["frames"]) == {2010 - 12 * 26} and set(rows["videos"]) == {12}


KNOWN = {"random": 48.5, "ramp": 70.5, "framediff": 84.0, "extrapolate": 72.0}


@pytest.mark.parametrize(("method", "auc"), KNOWN.items())
def test_rows_that_learn_nothing_stay_where_they_are(rows, method, auc):
    """At 32 pixels. Only the decoder may move them, and that by little."""
    assert rows.loc[method, "auc"] == pytest.approx(auc, abs=3 if method == "random" else 1)


def test_info_tells_the_known_facts_of_ped2(bench):
    told = bench("datasets", "info", "ped2", "--data", ROOT)
    words = " ".join(told.out.split())
    assert told.code == 0 and "train │ ped2 │ 16 │ 2550" in words and "layout: frames" in words
    for labels in ("this copy", "published, frames"):
        assert f"│ {labels} │ 12 │ 2010 │ 1648 │ 82.0 % │ 4 │ 7 │ 7 │ 7 │" in words


def test_ped2_has_no_problems(bench):
    checked = bench("datasets", "check", "ped2", "--data", ROOT)
    assert (checked.code, checked.out) == (0, "ped2: no problems\n")


@needs_ped1
def test_ped1_is_a_part_and_says_so(bench):
    told = bench("datasets", "info", "ped1", "--data", ROOT)
    assert told.code == 0 and "│ 17 │ 3400 │" in " ".join(told.out.split()) and "layout: videos" in told.out
    checked = bench("datasets", "check", "ped1", "--data", ROOT)
    words = " ".join(checked.out.split())
    assert checked.code == 0 and "has no training video" in words and "error" not in words


@needs_ped1
def test_ped1_needs_its_support_said(bench):
    words = ("--target", "ped1", "--data", ROOT, "--method", "framepred", "--budget", "smoke", "--quiet")
    done = bench("run", "--source", "ped2", *words)
    assert done.code == 2 and done.err.startswith("Error: ped1, scene ped1: has no training video")
    assert "--support test-head" in done.err
