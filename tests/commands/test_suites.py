"""`bench suites`, and `bench matrix NAME`."""

from __future__ import annotations

import re
import shutil

import pytest

from crossvad.store.store import Store


def test_suites_are_listed_and_shown(bench, tmp_path):
    done = bench("suites", "list")
    assert done.code == 0 and all(name in done.out for name in ("cross-camera", "full", "paper", "quick"))
    shown = bench("suites", "show", "cross-camera")
    assert shown.code == 0 and "[[grid]]" in shown.out and "220 cells of 18 trainings" in shown.out
    assert "# ped2: not below data: bench datasets where ped2 says where to get it" in shown.out
    assert "# path:normal: not here, nor below data: a folder of one fixed camera's videos" in shown.out
    (tmp_path / "mine.toml").write_text(shown.out)
    assert bench("suites", "show", "mine.toml").code == 0  # what is shown is a suite itself
    assert "at hand" in bench("suites", "show", "mine.toml", "--data", made_street(tmp_path)).out
    lost = bench("suites", "show", "papr")
    assert lost.code == 2 and "papr: is no known suite; did you mean paper?" in lost.err


def made_street(folder):
    (folder / "data/normal").mkdir(parents=True)
    (folder / "data/normal/street.mp4").touch()
    return folder / "data"


def suite(tmp_path, north, south, more=""):
    text = f"""
        sources = ["path:{north}"]
        methods = ["ramp"]
        shots = [0]
        budget = "smoke"

        [[grid]]
        targets = ["path:{south}"]

        [[grid]]
        targets = ["path:{north}"]
        {more}
    """
    (tmp_path / "mine.toml").write_text(text)
    return tmp_path / "mine.toml"


def stored(tmp_path):
    return sorted({record.cell.target for record in Store(tmp_path / "results").records()})


def test_grids_run_one_after_another(bench, north, south, tmp_path):
    done = bench("matrix", suite(tmp_path, north, south))
    assert done.code == 0 and stored(tmp_path) == ["path:north", "path:south"]
    assert f"Grid 2 of 2 of {tmp_path / 'mine.toml'}: path:{north} → path:{north}" in done.err.replace("\n", "")
    planned = bench("matrix", suite(tmp_path, north, south), "--dry-run", "--quiet")
    assert planned.code == 0 and planned.out.count("what is to be run") == 2


def test_nothing_runs_where_a_later_grid_is_wrong(bench, north, south, tmp_path):
    done = bench("matrix", suite(tmp_path, north, south, 'tuning = ["finetun"]'))
    assert done.code == 2 and "mine.toml, line 12: finetun: is no known tuning; did you mean finetune?" in done.err
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'source = ["ped2"]\nmethods = [\n  "lmn",\n  "apnn",\n]',
            "line 4: apnn: is no known method; did you mean apn?",
        ),
        ('sources = ["synthetic-street"]\n[[grid]]\nsteps = [0]', "line 3: --steps: 0 is too small"),
        ('sources = ["nosuch"]\nprotocol = "fairr"', "line 2: fairr: is no protocol; did you mean fair?"),
        ('shots = [0]\nsource = ["a"]\nsources = ["b"]', "line 2: says both source and sources"),
        ('sources = ["a"]\n[[grid]]\nseeds = [1]\nseed = [2]', "line 3: says both seed and seeds"),
        ('sources = ["ped2"]\ngrid = [1]', "line 2: grid is no list of tables"),
        ('sources = ["ped2"]\n[grid]\nshots = [0]', "line 2: grid is no list of tables"),
        ('sources = ["ped2"]\nshots = [0,\nbudget = 3', "at line 3, column 1"),
        ("shots = [0]", "has no sources; write sources = "),
    ],
)
def test_show_names_the_line_of_a_mistake_as_a_run_does(bench, tmp_path, text, told):
    (tmp_path / "mine.toml").write_text(text)
    shown, run = bench("suites", "show", "mine.toml"), bench("matrix", "mine.toml", "--dry-run")
    assert shown.code == 2 and told in shown.err and shown.err.startswith("Error: mine.toml")
    assert run.code == 2 and ("nosuch" in text or told in run.err)


FAILING = """
from crossvad.adapters.base import Adapter

class Falls(Adapter):
    needs_source = stochastic = adapts = False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)

    def score(self, clips):
        raise RuntimeError("no luck")
"""


@pytest.mark.parametrize(("limit", "ran"), [([], 2), (["--max-failures", "1"], 1)])
def test_failures_of_all_grids_count_together(bench, north, south, tmp_path, limit, ran):
    (tmp_path / "falls.py").write_text(FAILING)
    words = ("--method", f"{tmp_path / 'falls.py'}:Falls", *limit)
    done = bench("matrix", suite(tmp_path, north, south), *words, "--quiet")
    failed = {r.cell.target for r in Store(tmp_path / "results").records() if r.status == "failed"}
    assert done.code == 1 and len(failed) == ran and "no luck" in done.err


def test_one_by_name_takes_options(bench, tmp_path):
    words = ("--target", "synthetic-plaza", "--method", "framediff", "--shots", "0", "--budget", "smoke", "--quiet")
    done = bench("matrix", "quick", *words)
    assert done.code == 0 and stored(tmp_path) == ["synthetic-plaza"], done.err
    lost = bench("matrix", "cross-camera", "--data", tmp_path / "gone")
    assert lost.code == 2 and "cross-camera, line " in lost.err and "is no folder, so there is no ucf in it" in lost.err


def test_show_says_of_its_grids_what_a_dry_run_does(bench, north, south, camera, tmp_path):
    """Notes that need no store are the same: what is not counted, and which cells are left out and why."""
    lone = camera("lone")
    shutil.rmtree(lone / "train")  # so that its scenes have no training video to adapt on
    path = suite(tmp_path, north, lone)
    path.write_text(path.read_text().replace("shots = [0]", "shots = [0, 2]"))
    shown, planned = bench("suites", "show", path), bench("matrix", path, "--dry-run", "--quiet")
    assert shown.code == planned.code == 0
    notes = re.findall(r"(left out: [^;]+|meta-training and [^;]+)", " ".join(planned.out.split()))
    assert {note[:8] for note in notes} == {"left out", "meta-tra"}
    assert all(f"# {note}" in " ".join(shown.out.split()) for note in notes)


def test_a_suite_is_shown_line_by_line_as_it_is_written(bench, tmp_path):
    """What poses as the end of a line is spelled out; those of Windows are ends of lines."""
    text = 'source = ["synthetic-street"]\r\n# a\u2028target = []\r\ntarget = ["synthetic-plaza"]\r\n'
    (tmp_path / "mine.toml").write_bytes(text.encode())
    done = bench("suites", "show", "mine.toml")
    assert done.code == 0 and done.out.split("\n")[:3] == [
        'source = ["synthetic-street"]', r"# a\u2028target = []", 'target = ["synthetic-plaza"]',
    ]  # fmt: skip
