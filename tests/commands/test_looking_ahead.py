"""What scores a frame by test video from after it is marked and named in every table, figure and page."""

import re
from pathlib import Path

import pytest

from camera_stores import put
from crossvad.planning.protocol import FAIR
from crossvad.present.figures.drawing import load
from crossvad.store.store import Store
from doubles import Ranked, Rising, spec

NOTE = "¶ (sdor): transductive, ranks frames by the whole test video or scene"
MARKED = r"\d\.\d+( \[[^]]*\])?¶"


@pytest.fixture
def results(tmp_path):
    """Two methods on two targets, one of which looks ahead."""
    store = Store(tmp_path / "results")
    for target in ("campus", "harbour"):
        for shots in (0, 1):
            put(store, "apn", target, shots=shots, shift=2.0)
        put(store, "framediff", target, trained=False)
        put(store, "sdor", target, trained=False, ahead=True)
    return ["--results", str(tmp_path / "results")]


@pytest.mark.parametrize(
    "command",
    [
        ["table", "--format", "md"],
        ["table", "--rows", "method", "--columns", "target", "--format", "md"],
        ["table", "--matrix", "--format", "md"],
        ["compare", "--against", "framediff", "--format", "md"],
        ["cameras", "--format", "md"],
        ["cameras", "--against", "framediff", "--format", "md"],
    ],
)
def test_tables_mark_it(bench, results, command):
    done = bench(*command, *results)
    assert done.code == 0, done.err
    lines = [line for line in done.out.splitlines() if line.startswith("|")]
    marked = [line for line in lines if "¶" in line]
    assert marked and all("sdor" in line and re.search(MARKED, line) for line in marked)
    assert len(marked) == len([line for line in lines if "sdor" in line])
    assert NOTE in " ".join(done.out.split())


@pytest.mark.parametrize("command", [["compare", "--against", "sdor"], ["audit", "scores"]])
def test_it_is_named_as_a_rival_and_in_the_audit(bench, results, command):
    done = bench(*command, "--where", "shots=0", "--format", "md", *results)
    assert done.code == 0, done.err
    assert NOTE in " ".join(done.out.split())


@pytest.mark.parametrize("name", ["shots", "cameras", "roc", "matrix"])
def test_captions_of_figures_name_it(results, name):
    store = Store(Path(results[1]))
    _, note = load(name)().picture(store, store.records(), FAIR)
    assert NOTE in note


def test_where_nothing_looks_ahead_nothing_is_said(bench, results):
    done = bench("table", "--format", "md", "--where", "method=apn,framediff", *results)
    assert done.code == 0 and "¶" not in done.out


def test_the_report_marks_it(bench, results, tmp_path):
    done = bench("report", "--out", str(tmp_path / "page.html"), *results)
    assert done.code == 0, done.err
    text = (tmp_path / "page.html").read_text()
    assert (
        '"marks": "¶"' in text or '"marks":"¶"' in text or r'"marks": "\u00b6"' in text or r'"marks":"\u00b6"' in text
    )
    assert "sdor): transductive, ranks frames" in text


def test_what_is_run_records_it(make_grid, run_grid, store):
    """So that a plug-in that is gone is marked, too."""
    ranked, rising = run_grid(store, make_grid(methods=[spec(Ranked), spec(Rising)], shots=[0]))
    assert ranked.facts["transductive"] is True and "transductive" not in rising.facts


def test_a_method_says_it_of_itself(bench):
    assert "transductive" in bench("methods", "info", "sdor").out
    assert "transductive" not in bench("methods", "info", "unmasking").out
