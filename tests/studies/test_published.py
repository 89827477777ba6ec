"""`results/published.csv`, its schema, and `bench table --published`."""

import csv
import io
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation import tidy
from crossvad.evaluation.columns import KEYS
from crossvad.evaluation.tidy import COLUMNS as TIDY
from crossvad.planning import registry
from crossvad.planning.cell import Cell
from crossvad.present import captions, tables
from crossvad.store.store import Record, Store
from crossvad.studies.published import COLUMNS, KINDS, NOT_STATED, WORDS, beside, caption, load

FILE = Path(__file__).parents[2] / "results" / "published.csv"
LINES = [*csv.reader(FILE.read_text(encoding="utf-8").splitlines())]
MEASURED = ["auc", "paper_auc"]


# --------------------------------------------------------------------------------------------------- the committed file


@pytest.fixture(scope="module")
def figures():
    return load()


def test_the_package_holds_the_committed_file(figures):
    assert (files("crossvad.studies") / "published.csv").read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
    assert len(figures) == len(load(FILE)) == 223 and figures.columns.tolist() == COLUMNS


def test_words_and_numbers_of_every_column(figures):
    for name, known in WORDS.items():
        assert set(figures[name]) <= set(known), name
    assert set(figures["ours"]) == {
        "", "apn[paper]", "mpn", "lmn", "lmn-recon", "memae", "framepred[paper]",
        "amc", "convae", "mdt", "mppca", "mppca[sf]", "rgan", "sdor", "stackrnn", "tsc", "unmasking", "zxvad",
    }  # fmt: skip
    assert all(registry.get_method(name).label == name for name in set(figures["ours"]) - {""})
    assert set(figures["kind"]) == set(KINDS)
    assert figures["auc"].between(50, 100).all() and figures["auc"].dtype == float
    assert {str(figures[name].dtype) for name in ("shots", "steps")} == {"Int64"}
    assert set(figures["shots"].dropna()) == {0, 1, 5, 10} and set(figures["steps"].dropna()) == {0, 1}
    texts = figures.drop(columns=["auc", "shots", "steps"])
    assert all((texts[name] == texts[name].str.strip()).all() for name in texts)
    assert (figures[["method", "paper", "read_in", "target"]] != "").all(axis=None)


def test_settings_agree_with_sources_and_shots(figures):
    same = figures["source"] == figures["target"]
    assert (same == figures["setting"].isin(["same-dataset", "ablation"])).all()
    assert ((figures["shots"] == 0).fillna(False) == (figures["setting"] == "zero-shot")).all()
    few = figures["setting"] == "few-shot"
    assert ((figures["shots"] > 0).fillna(False) | (figures["support"] == "prompt"))[few].all()
    assert figures[figures["shots"].isna()]["steps"].isna().all()
    assert (figures[figures["support"] == "test-head"]["shots"] > 0).all()
    assert (figures[figures["shots"] == 0]["support"] == "none").all()
    assert (figures[figures["setting"] == "ablation"]["ours"] == "").all()
    assert ((figures["verified"] == "user-report") == (figures["kind"] == "reproduction")).all()


def test_a_protocol_that_nobody_stated_is_not_made_up(figures):
    unknown = figures[figures["method"].isin(["MPPCA", "SDOR", "STEAL-Net", "Jigsaw", "AnomalyRuler-base"])]
    assert (unknown[["auc_over", "normalisation", "smoothing", "selection"]] == NOT_STATED).all(axis=None)
    avenue = figures[(figures["target"] == "avenue") & (figures["method"] == "MPN")]
    assert set(avenue["normalisation"]) == {"dataset-minmax"}  # by a special case of its code


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({"ours": "mpn", "source": "shanghaitech", "target": "ped2", "shots": 0}, {("paper", 90.17), ("quoted", 84.7)}),
        ({"ours": "mpn", "source": "ucf", "target": "avenue", "shots": 10}, {("paper", 85.91)}),
        ({"ours": "mpn", "target": "avenue", "shots": 1}, {("paper", 78.92), ("paper", 85.62), ("quoted", 78.9)}),
        ({"method": "rGAN", "source": "ucf", "target": "ped2", "shots": 10}, {("quoted", 78.32), ("quoted", 90.21)}),
        ({"ours": "apn[paper]", "source": "ped2"}, {("paper", 98.2)}),
        ({"ours": "apn[paper]", "source": "shanghaitech"}, {("paper", 77.5), ("reproduction", 74.7)}),
        ({"ours": "apn[paper]", "source": "ped1+ped2"}, {("paper", 96.5), ("paper", 98.2)}),
        ({"ours": "lmn-recon", "target": "avenue"}, {("reproduction", 77.9), ("reproduction", 72.122)}),
        ({"method": "AnomalyRuler-base", "target": "ubnormal"}, {("paper", 65.4)}),
        ({"method": "APN", "variant": "M=10 prototypes, FR"}, {("paper", 94.69)}),
    ],
)  # fmt: skip
def test_figures_by_hand(figures, which, expected):
    found = figures[np.logical_and.reduce([(figures[name] == value).fillna(False) for name, value in which.items()])]
    assert {*zip(found["kind"], found["auc"], strict=True)} == expected and len(found) == len(expected)


# -------------------------------------------------------------------------------------------------------- broken files


@pytest.fixture
def broken(tmp_path):
    """A copy of the committed file with its lines changed: broken({line number: {column: text} or a whole line})."""

    def write(changes):
        lines = [line[:] for line in LINES]
        for number, change in changes.items():
            cells = dict(zip(COLUMNS, lines[number - 1], strict=True))
            lines[number - 1] = [*(cells | change).values()] if isinstance(change, dict) else change
        path = tmp_path / "mine.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
        return path

    return write


def refused(path, line, *words):
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.where == f"{path}, line {line}" and caught.value.fix
    assert all(word in str(caught.value) for word in words), caught.value


def test_an_unbroken_copy_is_read(broken, figures):
    assert load(broken({})).equals(figures)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_missing_column_is_refused(broken, name):
    refused(broken({1: [column for column in COLUMNS if column != name]}), 1, f"lacks {name}", "write the header")


def test_other_headers_are_refused(broken):
    refused(broken({1: [*COLUMNS, "fps"]}), 1, "has an unknown fps")
    refused(broken({1: COLUMNS[::-1]}), 1, "in another order")


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("word", ["Micro", "none "])
def test_an_unknown_word_is_refused(broken, name, word):
    refused(broken({7: {name: word}}), 7, f"{word!r} is no {name}; choose from", WORDS[name][-1])


def test_an_unknown_method_is_refused(broken):
    refused(broken({7: {"ours": "apn[prototypes=5]"}}), 7, "'apn[prototypes=5]' is no ours; choose from (empty), apn")


@pytest.mark.parametrize("auc", ["100.1", "-1", "", "nan", "inf", "1e1", "98.2 %", "98,2"])
def test_an_auc_out_of_range_is_refused(broken, auc):
    refused(broken({9: {"auc": auc}}), 9, f"{auc!r} is no AUC in percent", "0 to 100")


@pytest.mark.parametrize("name", ["shots", "steps"])
@pytest.mark.parametrize("count", ["few", "-1", "1.0", "²"])
def test_bad_counts_are_refused(broken, name, count):
    refused(broken({9: {name: count}}), 9, f"{count!r} is no number of {name}", "whole number")


@pytest.mark.parametrize("name", ["method", "paper", "read_in"])
def test_a_figure_that_nobody_stands_for_is_refused(broken, name):
    refused(broken({9: {name: ""}}), 9, f"{name} is empty")


def test_a_repeated_row_is_refused(broken):
    refused(broken({12: LINES[2]}), 12, "repeats line 3", "drop one")


def test_a_row_of_another_width_is_refused(broken):
    refused(broken({9: ["APN", "apn"]}), 9, f"has 2 cells, not {len(COLUMNS)}")


def test_lines_are_counted_as_an_editor_does(broken):
    refused(broken({3: {"note": "one\ntwo\nthree"}, 4: {"kind": "claimed"}}), 6, "'claimed' is no kind")


def test_what_is_no_csv_is_refused(tmp_path):
    for content in (None, b"\xff\xfe", b'"open'):
        path = tmp_path / "mine.csv"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=re.escape(str(path)) + r": cannot be read \(.+\); restore it"):
            load(path)
    path.write_bytes(b"")
    refused(path, 1, "lacks method")


# ------------------------------------------------------------------------------------------------------------ matching


def cell(method="lmn", source="ped2", target="ped2", shots=0, auc=80.0, **more):
    known = {"method": method, "source": source, "target": target, "protocol": "fair", "shots": shots, "seed": 0}
    known |= {"tuning": "finetune" if shots else "none", "support": "train-head" if shots else "none"}
    known |= {"steps": int(shots > 0), "budget": "quick", "status": "done", "device": "cpu", "version": "0.1.0"}
    known |= {"auc": auc, "auc_low": auc - 2, "auc_high": auc + 3, "paper_auc": auc + 5, "frames": 1800, "videos": 12}
    return {**dict.fromkeys(TIDY, np.nan), **known, **more}


def figure(auc, ours="lmn", source="ped2", target="ped2", shots=None, **more):
    known = dict.fromkeys(COLUMNS, "") | {"method": "X", "ours": ours, "kind": "paper", "source": source}
    return {**known, "target": target, "shots": shots, "steps": None, "auc": auc, "read_in": "Table 1", **more}


def lines(cells, published):
    """Rows of the table as dicts, with the keys among them."""
    frame = pd.DataFrame(published, columns=COLUMNS).astype({"shots": "Int64", "steps": "Int64"})
    return beside(pd.DataFrame(cells, columns=TIDY), frame).reset_index().to_dict("records")


def test_each_figure_is_a_line_of_its_own():
    made = [figure(93.7, kind="reproduction"), figure(97.0, note="b", variant="a"), figure(89.125, kind="reproduction")]
    found = lines([cell(seed=0, auc=80.0), cell(seed=1, auc=84.0)], made)
    assert [(line["published"], line["kind"]) for line in found] == [
        ("97.0", "paper"),
        ("93.7", "reproduction"),
        ("89.125", "reproduction"),
    ]
    assert {(line["auc"], line["paper_auc"]) for line in found} == {("82.0 ± 2.8", "87.0 ± 2.8")}
    assert [line["note"] for line in found] == ["a; b", "", ""] and {line["read_in"] for line in found} == {"Table 1"}
    assert [*found[0]][:5] == ["method", "tuning", "source", "target", "shots"]


def test_without_a_figure_there_is_a_dash():
    (line,) = lines([cell("ramp")], [figure(97.0)])
    assert line["auc"] == "80.0 [78.0, 83.0]" and line["paper_auc"] == "85.0"
    assert {line[name] for name in ("published", "kind", "read_in", "note")} == {tables.MISSING}


@pytest.mark.parametrize(
    "changed",
    [{"shots": 5}, {"ours": "mpn"}, {"ours": ""}, {"source": "ped1"}, {"source": ""}, {"target": "ped1"}],
)
def test_what_differs_does_not_match(changed):
    matching = {"ours": "lmn", "source": "ucf", "target": "ped2", "shots": 10}
    measured = [cell(source="ucf", shots=10)]
    assert lines(measured, [figure(90.0, **matching)])[0]["published"] == "90.0"
    assert lines(measured, [figure(90.0, **matching | changed)])[0]["published"] == tables.MISSING


def test_unstated_shots_are_none_at_all_on_the_same_data_set_only():
    measured = [cell(), cell(shots=5), cell(source="ucf"), cell(source="ucf", shots=5)]
    found = lines(measured, [figure(97.0), figure(70.0, source="ucf"), figure(60.0, source="", target="")])
    assert {(line["source"], line["shots"]): line["published"] for line in found} == {
        ("ped2", 0): "97.0",
        ("ped2", 5): tables.MISSING,
        ("ucf", 0): tables.MISSING,
        ("ucf", 5): tables.MISSING,
    }


def test_options_make_another_method_or_data_set():
    measured = [cell("lmn[items=20]"), cell(target="avenue[labels=masks]", source="avenue[labels=masks]")]
    found = lines(measured, [figure(97.0), figure(88.5, source="avenue", target="avenue")])
    assert [line["published"] for line in found] == [tables.MISSING] * 2


def test_a_figure_stands_beside_every_tuning_and_support():
    measured = [cell(shots=5), cell(shots=5, tuning="metasgd"), cell(shots=5, tuning="metasgd", support="test-head")]
    found = lines(measured, [figure(90.0, shots=5, support="test-head", steps=1)])
    assert [line["tuning"] for line in found] == ["finetune", "metasgd", "metasgd"]
    assert [line["support"] for line in found] == ["train-head", "train-head", "test-head"]
    assert {line["published"] for line in found} == {"90.0"}


def test_a_missing_cell_keeps_its_figure():
    (line,) = lines([cell(), cell(seed=1, auc=np.nan, paper_auc=np.nan, status="failed")], [figure(97.0)])
    assert [line[name] for name in (*MEASURED, "published")] == [tables.MISSING, tables.MISSING, "97.0"]


def test_caption_says_what_was_left_out_and_that_it_is_no_contest(figures):
    tidy = pd.DataFrame([cell(), cell(seed=1), cell("mpn", "shanghaitech"), cell("ramp")], columns=TIDY)
    found = caption(tidy, figures)
    assert "; 8 of 223 published figures match" in found  # six of LMN on Ped2, two of MPN from ShanghaiTech
    for words in ("at full size and by each paper's own protocol", "measured: at budget quick", "no contest"):
        assert words in found
    assert found.endswith(captions.caption(tidy, *MEASURED))


# --------------------------------------------------------------------------------------------------------- the command


def keep(monkeypatch, rows):
    """Let the store hold made-up cells, whose tidy rows these are."""
    keys = [key for key in KEYS if key != "protocol"]
    decided = dict.fromkeys(("budget_digest", "method_version", "tuning_version", "source_digest", "target_digest"), "")
    cells = [Cell(**{key: row[key] for key in keys}, **decided) for row in rows]
    records = [Record(cell, "done", finished=cell.method) for cell in cells]
    monkeypatch.setattr(Store, "records", lambda self: records)

    def table(store, chosen, protocol):
        asked = {record.cell for record in chosen}
        held = [row for row, cell in zip(rows, cells, strict=True) if cell in asked]
        return pd.DataFrame(held, columns=TIDY)

    monkeypatch.setattr(tidy, "table", table)


@pytest.fixture
def known(monkeypatch):
    """A store of made-up cells."""
    cells = [cell(seed=seed, auc=80.0 + seed) for seed in range(3)] + [cell("ramp"), cell("mpn", "shanghaitech")]
    keep(monkeypatch, cells)


def test_command(bench, known):
    rows = [*csv.DictReader(io.StringIO(bench("table", "--published", "--format", "csv").out))]
    found = [(row["method"], row["kind"], row["published"]) for row in rows]
    assert found == [
        ("lmn", "paper", "97.0"),
        *(("lmn", "reproduction", auc) for auc in ("89.0", "90.2", "96.97", "93.7", "96.35")),
        ("ramp", tables.MISSING, tables.MISSING),
        ("mpn", "paper", "90.17"),
        ("mpn", "quoted", "84.7"),
    ]
    assert {(row["auc"], row["paper_auc"]) for row in rows if row["method"] == "lmn"} == {("81.0 ± 1.0", "86.0 ± 1.0")}
    md = bench("table", "--published", "--format", "md", "--where", "method=mpn")
    assert md.out.count("\n| mpn ") == 2 and "lmn" not in md.out and "2 of 223 published figures match" in md.out
    rich = bench("table", "--published")
    assert rich.code == 0 and "reproduction" in rich.out and "no contest" in rich.out and "8 of 223" in rich.out


@pytest.mark.parametrize(
    "other", ["--matrix", "--format long", "--metric eer", "--rows method", "--columns target", "--columns shots"]
)
def test_what_the_table_could_not_show_is_refused(bench, known, other):
    done = bench("table", "--published", *other.split())
    assert done.code == 2 and not done.out and done.err.startswith("Error: --published: has a shape of its own")
    assert f"does not go with {other if 'format' in other else other.split()[0]}; drop one" in done.err


def test_figures_never_stand_beside_mixed_budgets(bench, monkeypatch):
    keep(monkeypatch, [cell(), cell(budget="paper")])
    done = bench("table", "--published", "--where", "budget=quick,paper")
    assert done.code == 2 and "would mix budgets" in done.err
    assert "of budget quick, which ran last" in " ".join(bench("table", "--published").out.split())
    assert "measured: at budget paper" in bench("table", "--published", "--where", "budget=paper").out
