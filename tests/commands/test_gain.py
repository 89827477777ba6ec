"""`bench gain`: what adaptation is worth, and how far it stepped."""

import csv
import io
import re
from shutil import copytree

import pytest

from crossvad.evaluation.comparison import ITSELF, counted, differences
from crossvad.planning.protocol import FAIR
from crossvad.present.tables import REVERTED
from crossvad.store.store import Store

WORDS = ("--budget", "smoke", "--quiet", "--shots", "0,1,3", "--steps", "2", "--seeds", "0,1", "--method", "framepred")
MILD = "finetune[learning_rate=1e-06]"
WILD = "finetune[learning_rate=1e30]"


@pytest.fixture(scope="module")
def results(make_grid, run_grid, tmp_path_factory):
    """Two seeds of a method, fine-tuned at a rate from the source, at one that hardly moves and one that diverges."""
    folder = tmp_path_factory.mktemp("finished")
    tunings = ("finetune", MILD, WILD)
    run_grid(Store(folder), make_grid("framepred", tunings=tunings, shots=[0, 1, 3], steps=[2], seeds=[0, 1]))
    return folder


@pytest.fixture
def finished(results, tmp_path):
    return Store(copytree(results, tmp_path / "results"))


def test_gains_are_the_paired_differences(bench, finished, north, south):
    found = differences(counted(finished, finished.records(), FAIR), ITSELF)
    text = bench("gain", "--format", "md").out
    assert text.startswith("<!-- bench gain -->")
    for line in found[found["method"] == "framepred"].to_dict("records"):
        gap = f"{line['auc']:.1f}: {line['difference']:+.1f} [{line['low']:+.1f}, {line['high']:+.1f}]"
        (row,) = [row for row in text.splitlines() if row.startswith("| framepred") and f"| {line['tuning']} " in row]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[{1: -2, 3: -1}[line["shots"]]].removesuffix(REVERTED) == gap
        assert cells[-3] == f"{line['auc'] - line['difference']:.1f}"
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    run = bench("run", *where, *WORDS, "--tuning", f"finetune,{MILD},{WILD}")  # all is there, and is shown
    assert run.code == 0 and "gain over K = 0" in run.out and "2 seeds" in text


def test_an_adaptation_that_was_taken_back_is_marked(bench, finished):
    for text in (bench("gain", "--format", "md").out, bench("table", "--format", "md").out):
        wild, mild = (
            next(row for row in text.splitlines() if re.match(rf"\| framepred +\| {re.escape(name)} ", row))
            for name in ("finetune[learning_rate=1e+30]", MILD)
        )
        assert wild.count(REVERTED) == 2 and REVERTED not in mild
        assert f"{REVERTED}: some adaptation raised its own support loss, and was taken back" in text
    mild_only = bench("gain", "--where", f"tuning={MILD},none", "--format", "md").out
    assert REVERTED not in mild_only


def test_rates_are_shown_with_what_they_left(bench, finished):
    rows = list(csv.DictReader(io.StringIO(bench("gain", "--rates", "--format", "csv").out)))
    assert {row["tuning"] for row in rows} == {"finetune"} and len(rows) == 2 * 2 * 4
    for seed in "01":
        for shots in "13":
            mine = [row for row in rows if (row["seed"], row["shots"]) == (seed, shots)]
            (chosen,) = [row for row in mine if row["chosen"] == "True"]
            assert float(chosen["left"]) == min(float(row["left"]) for row in mine)
    text = bench("gain", "--rates", "--format", "md").out
    assert "| 1e-05" in text and "| chosen" in text and "tuning finetune" in text and "seeds 0, 1" in text


def test_a_tuning_that_learns_beforehand_has_a_start_of_its_own(bench, north, south, tmp_path):
    where = ("--source", f"path:{north}", "--target", f"path:{south}")
    assert bench("run", *where, *WORDS, "--tuning", "none").code == 0
    done = bench("run", *where, *WORDS, "--tuning", "finetune,anil")
    assert done.code == 0 and "gain over K = 0" in done.out
    records = Store(tmp_path / "results").records()
    starts = {record.cell.tuning for record in records if record.cell.method == "framepred" and not record.cell.shots}
    assert starts == {"none", "anil"}
    text = bench("gain", "--where", "steps=2", "--format", "md").out
    assert [line.split("|")[2].strip() for line in text.splitlines() if "framepred" in line] == ["anil", "finetune"]


def test_nothing_to_show_is_said(bench, finished):
    assert bench("gain", "--where", "method=lmn").code == 2
    assert "holds no such adapted cell" in bench("gain", "--where", "shots=0").err
    wrong = bench("gain", "--rates", "--where", "source=x")
    assert wrong.code == 2 and "holds no such adapted cell" in wrong.err
