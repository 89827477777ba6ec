"""`bench ablate` and what it reads: variants of APN, their cues one by one, and the paper's figures beside them."""

import csv
import io
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.postprocessing import final, only
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.planning import registry
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.store import Store
from crossvad.studies.ablation import ABLATIONS, CUES, measured, summary
from crossvad.tabulation.ablation import texts

PUBLISHED = pd.read_csv(str(files("crossvad.studies") / "ablations.csv"))


def test_every_published_figure_has_its_row():
    for line in PUBLISHED.itertuples():
        assert line.variant in ABLATIONS[line.ablation].variants and line.score in CUES
    assert not PUBLISHED.duplicated(["ablation", "variant", "score", "target"]).any()
    assert PUBLISHED["auc"].between(50, 100).all()


@pytest.mark.parametrize("name", ABLATIONS)
def test_variants_differ_and_the_papers_is_among_them(name):
    options = [registry.get_method(text).options for text in ABLATIONS[name].variants.values()]
    assert len(set(options)) == len(options) and registry.get_method("apn[paper]").options in options


@pytest.fixture(scope="module")
def finished(tmp_path_factory, make_grid, run_grid):
    """Two variants at two seeds, and two that are not there."""
    store = Store(tmp_path_factory.mktemp("ablation"))
    grid = make_grid("apn[paper,prototypes=0,cycles=0]", "apn[paper]", shots=[0], seeds=[0, 1])
    return store, run_grid(store, grid)


def test_each_cue_is_read_as_if_the_method_had_no_other(finished):
    store, records = finished
    rows = measured("components", store, records, FAIR)
    bare, full = "AE", "AE with APU, CAU R = 2"
    assert [*zip(rows["variant"], rows["score"], rows["seed"], strict=True)] == [
        *((bare, "FP", seed) for seed in (0, 1)),
        *((full, score, seed) for seed in (0, 1) for score in CUES),
    ]
    assert rows["prototype rank"].isna().tolist() == [True] * 2 + [False] * 6
    record = records[2]
    scores = store.scores(record.cell)
    mask = np.concatenate([np.arange(n) >= 26 for n in scores.lengths])
    for score, cue in (("FP", "prediction"), ("FR", "feature")):
        (row,) = rows[(rows["variant"] == full) & (rows["score"] == score) & (rows["seed"] == 0)].itertuples()
        assert row[4] == pytest.approx(100 * micro_auc(scores.labels[mask], scores.cues[cue][mask]))
        values, kept = final(ScoredCell(only(scores, [cue])), PAPER)
        assert row[5] == pytest.approx(100 * micro_auc(scores.labels[kept], values))


def test_only_some_cues(finished):
    store, records = finished
    scores = store.scores(records[2].cell)
    some = only(scores, ["feature"])
    assert set(some.cues) == set(some.heldout) == {"feature"} and some.support == {}
    assert set(scores.cues) == {"prediction", "feature"}


def test_summary_is_over_seeds_beside_the_published(finished):
    store, records = finished
    rows = measured("components", store, records, FAIR)
    table = summary("components", rows, "ped2")
    full = "AE with APU, CAU R = 2"
    missing = [("AE with APU, no CAU", "FP & FR"), ("AE with APU, CAU R = 1", "FP & FR")]
    assert [*table.index] == [("AE", "FP"), *missing, *((full, score) for score in CUES)]
    assert table["published"].tolist()[:1] == [95.6] and table["published"].tolist()[3:] == [93.6, 95.6, 98.2]
    assert table.loc[missing, "fair AUC"].isna().all()
    values = rows[(rows["variant"] == full) & (rows["score"] == "FR")]["fair AUC"].tolist()
    assert table.loc[(full, "FR"), "fair AUC"] == pytest.approx(sum(values) / 2)
    assert table.loc[(full, "FR"), "fair AUC ±"] == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))
    assert summary("components", rows, "path:south")["published"].isna().all()


def test_nothing_measured_is_an_empty_row(finished):
    table = summary("collapse", measured("collapse", finished[0], [], FAIR), "ped2")
    assert len(table) == 5 and table.isna().all(axis=None)


def test_scores_with_a_cue_that_says_nothing_are_marked(finished):
    rows = measured("components", *finished, FAIR)
    assert not rows["stuck"].any() and "§" not in texts(summary("components", rows, "ped2")).to_string()
    rows.loc[(rows["score"] == "FR") & (rows["seed"] == 1), "stuck"] = 60.0  # of one seed is enough
    table = texts(summary("components", rows, "ped2"))
    assert [cell.endswith("§") for cell in table.loc[("AE with APU, CAU R = 2", "FR")]] == [True, True] + [False] * 3
    assert table.to_string().count("§") == 2


def ablate(bench, north, south, *words):
    places = ("--source", f"path:{north}", "--target", f"path:{south}")
    return bench("ablate", "resolution", *places, "--budget", "smoke", "--quiet", *words)


def test_command(bench, north, south, tmp_path):
    done = ablate(bench, north, south)
    assert (done.code, done.err) == (0, "")
    assert all(word in done.out for word in ("Table 6", "APU at 1/4", "FP & FR", "budget smoke", "prototype rank"))
    records = Store(tmp_path / "results").records()
    variants = {"apn[paper]", "apn[paper,resolution=1/2]", "apn[paper,resolution=1/4]"}
    assert {record.cell.method for record in records} == variants
    lines = [*csv.DictReader(io.StringIO(ablate(bench, north, south, "--format", "csv").out))]
    assert [line["variant"] for line in lines] == [f"APU at {place}" for place in ("1/1", "1/2", "1/4") for _ in CUES]
    assert all(0 <= float(line["fair AUC"]) <= 100 for line in lines) and {line["published"] for line in lines} == {""}
    text = ablate(bench, north, south, "--format", "md").out
    assert text.startswith("<!-- bench ablate resolution ") and "\n| variant" in text  # for bench verify
    assert "–" in text and "trained on path:north, scored on path:south" in text


def test_a_variant_that_fails_is_told_and_gives_exit_code_1(bench, north, south, monkeypatch):
    broken = {
        "APU at 1/1": "apn[paper]",
        "APU at 1/2": "apn[paper,levels=7,resolution=1/2]",
    }  # poolings that 32 pixels do not survive
    monkeypatch.setitem(ABLATIONS, "resolution", replace(ABLATIONS["resolution"], variants=broken))
    places = ("--source", f"path:{north}", "--target", f"path:{south}")
    done = bench("ablate", "resolution", *places, "--budget", "smoke", "--format", "csv")
    assert done.code == 1 and "refused: apn[paper,resolution=1/2,levels=7]" in done.err
    assert "Traceback" not in done.err and len(done.out.splitlines()) == 1 + 3 + 1


def test_unknown_ablation_is_refused(bench):
    done = bench("ablate", "everything")
    assert done.code == 2 and "components" in done.err
