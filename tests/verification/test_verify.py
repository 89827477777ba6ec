"""`bench verify`: what is sound passes, and every way to spoil a store or a table is found and named."""

import json
import re
import runpy
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crossvad.commands.table_command import spelled
from crossvad.datasets.published import manifest
from crossvad.evaluation import metrics
from crossvad.planning.cell import Cell
from crossvad.store.records import stamped
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store
from crossvad.verification.integrity import verify_store

WORDS = ("--budget", "smoke", "--quiet", "--method", "framepred", "--shots", "0,2", "--tuning", "finetune")


def page(bench, results, *words):
    """A page of two paragraphs with what a command prints between, and a list of its rows."""
    printed = bench(*words, "--results", results, "--format", "md").out
    path = results / "page.md"
    path.write_text(f"# Title\n\nText.\n\n{printed}\nMore text.\n")
    assert bench("verify", path, "--results", results, "--write").code == 0
    return path


def test_sound_results_pass(bench, results):
    page(bench, results, "table", "--rows", "method", "--columns", "shots", "--metric", "auc,macro_auc,delay")
    (results / "rows.csv").write_text(bench("table", "--results", results, "--format", "long").out)
    done = bench("verify", "--results", results)
    assert done.code == 0 and "no problems" in done.out, done.out
    assert "5 of 5 hold scores" in done.out
    assert "5 of 5 rows recomputed" in done.out and "1 of 1 command run again" in done.out


def test_an_empty_folder_is_sound(bench, tmp_path):
    (tmp_path / "nothing").mkdir()
    assert "no problems" in bench("verify", "--results", tmp_path / "nothing").out


@pytest.mark.parametrize(
    "command",
    [
        ("table",),
        ("table", "--matrix", "--where", "shots=0"),
        ("table", "--protocol", "paper", "--where", "shots=0"),
        ("compare", "--where", "shots=0"),
        ("audit", "scores"),
    ],
    ids=" ".join,
)
def test_every_kind_of_table_is_made_again(bench, results, command):
    path = page(bench, results, *command)
    assert f": bench {' '.join(command)} -->" in path.read_text()
    done = bench("verify", "--results", results)
    assert done.code == 0 and "1 of 1 command run again" in done.out, done.out
    digits = list(re.finditer(r"[0-9](?=[0-9]*\.[0-9])", path.read_text().partition("-->")[2]))
    text, place = path.read_text(), digits[len(digits) // 2].start() + len(path.read_text().partition("-->")[0]) + 3
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
    done = bench("verify", "--results", results)
    assert done.code == 1 and "where stored scores" in done.out, "one digit was changed"


def test_a_table_on_a_page_is_wrong_in_its_caption(bench, results):
    path = page(bench, results, "table")
    path.write_text(path.read_text().replace("budget smoke", "budget paper"))
    assert bench("verify", "--results", results).code == 1


def test_a_table_without_its_command_is_named(bench, results):
    path = page(bench, results, "table")
    path.write_text(re.sub("<!--.*-->", "", path.read_text()))
    done = bench("verify", "--results", results)
    assert done.code == 1 and "a table, or a row, that no command prints" in done.out


def test_a_command_that_would_run_something_is_not_run(bench, results):
    (results / "page.md").write_text("<!-- a: bench run --source ped2 --target ped2 -->\n\n| a |\n|---|\n| 1 |\n")
    done = bench("verify", "--results", results)
    assert done.code == 1 and "bench run --source ped2 --target ped2 cannot be run again" in done.out


def test_a_table_whose_cells_are_gone(bench, results):
    page(bench, results, "table", "--where", "method=ramp")
    for record in Store(results).records():
        if record.cell.method == "ramp":
            shutil.rmtree(Store(results).place("cells", record.cell.key))
    done = bench("verify", "--results", results)
    assert done.code == 1 and "holds no such cell" in done.out


@pytest.mark.parametrize(
    "column", ["auc", "auc_low", "macro_auc", "ap", "eer", "delay", "paper_auc", "frames", "fps", "parameters"]
)
def test_a_csv_row_that_says_something_else(bench, results, column):
    lines = bench("table", "--results", results, "--format", "long").out.splitlines()
    place, cells = lines[0].split(",").index(column), lines[1].split(",")
    assert cells[place]
    cells[place] = str(float(cells[place]) + 0.001)
    (results / "rows.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    done = bench("verify", "--results", results)
    assert done.code == 1 and f"{column} " in done.out and "rows.csv" in done.out


def test_csv_rows_are_written_as_they_are_shown(bench, results):
    path = results / "rows.csv"
    path.write_text(bench("table", "--results", results, "--format", "long").out)
    right = path.read_text()
    assert bench("verify", "--results", results, "--write").code == 0 and path.read_text() == right
    path.write_text(re.sub(r"done,[\d.]+,", "done,12.3456,", right, count=1).replace(",cpu,", ",cuda,", 1))
    done = bench("verify", "--results", results)
    assert done.code == 1 and "auc 12.3456, not" in done.out and "device cuda, not cpu" in done.out
    assert bench("verify", "--results", results, "--write").code == 0 and path.read_text() == right


def test_csv_rows_without_scores_are_counted(bench, results):
    long = bench("table", "--results", results, "--format", "long").out
    (results / "rows.csv").write_text(long.replace("framediff", "gone"))
    done = bench("verify", "--results", results)
    assert done.code == 0 and "1 of 5 rows have no stored scores" in done.out


def test_a_csv_that_mixes_says_so(bench, results):
    lines = bench("table", "--results", results, "--format", "long").out.splitlines()
    head = lines[0].split(",")
    for column, other in (("device", "cuda"), ("budget", "paper"), ("frames", "7")):
        cells = lines[1].split(",")
        cells[head.index(column)] = other
        (results / "rows.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
        out = bench("verify", "--results", results).out
        assert "mixes" in out and other in out


def test_another_csv_and_a_broken_one(bench, results):
    (results / "other.csv").write_text("a,b\n1,2\n")
    assert "is no table of cells" in bench("verify", "--results", results).out
    (results / "published.csv").write_text("method\n")
    done = bench("verify", "--results", results)
    assert done.code == 1 and "lacks ours" in done.out


# ---- cells -----------------------------------------------------------------------------------------------------------


def spoil(store: Store, method: str, **changes) -> None:
    """Store a cell again with arrays replaced, hash and all, as if it had been run so."""
    (record,) = [r for r in store.records() if r.cell.method == method and not r.cell.shots]
    store.write(record, replace(store.scores(record.cell), **changes))


def problems_of(store: Store) -> list[str]:
    _, problems = verify_store(store)
    return [f"{problem.severity}: {problem.where}: {problem.problem}" for problem in problems]


def test_scores_that_were_changed_behind_the_records_back(results):
    store = Store(results)
    (record,) = [r for r in store.records() if r.cell.method == "ramp"]
    path = store.place("cells", record.cell.key) / "scores.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (found,) = problems_of(store)
    assert f"{record.cell.key}/scores.npz: is missing or was changed" in found
    path.unlink()
    assert "is missing or was changed" in problems_of(store)[0]


def test_cells_left_out_are_not_looked_at_and_one_that_cannot_be_read_is_named_all_the_same(results):
    """As `bench report` asks for: it shows some cells, and a broken one might have been among them."""
    store = Store(results)
    shown, changed, broken = [record.cell.key for record in store.records()][:3]
    path = store.cell_place(changed) / "scores.npz"
    path.write_bytes(path.read_bytes() + b" ")
    (store.cell_place(broken) / "record.json").unlink()
    others = {record.cell.key for record in store.records()} - {shown}
    sound, problems = verify_store(store, others)
    assert [cell.key for cell in sound] == [shown]
    assert [problem.problem for problem in problems] == ["has no record.json"]
    assert len(verify_store(store)[1]) == 2


def test_the_scores_of_one_cell_are_held_at_a_time(results, monkeypatch):
    held, read = [], Store.scores

    def counted(store, cell):
        scores = read(store, cell)
        held.append(weakref.ref(scores))
        assert sum(each() is not None for each in held) <= 2, "this one, and the one before"
        return scores

    monkeypatch.setattr(Store, "scores", counted)
    assert len(verify_store(Store(results))[0]) == len(held) == 5


def test_a_record_under_another_name(results):
    store = Store(results)
    place = store.cell_places()[0]
    place.rename(place.with_name("0123456789abcdef"))
    (found,) = problems_of(store)
    assert "0123456789abcdef: holds the record of another cell" in found


def test_a_record_whose_options_were_edited(results):
    """Say, the budget: even where its hash is made to fit, the name of its cell, which hashes that too, does not."""
    place = Store(results).cell_places()[0]
    raw = json.loads((place / "record.json").read_text())
    raw["cell"]["budget"] = "paper"
    (place / "record.json").write_text(json.dumps(stamped(raw)))
    assert "holds the record of another cell" in problems_of(Store(results))[0]
    (place / "record.json").write_text(json.dumps(raw))
    assert "was changed after it was written" in problems_of(Store(results))[0]


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ("facts", "fps", 1e6),
        ("facts", "device", "cuda"),
        ("facts", "train_seconds", 1.0),
        ("facts", "fusion", {"prediction": 1.0}),
        ("facts", "torch", "1.0"),
        ("facts", "more", 1),
        (None, "reason", "none"),
        (None, "finished", "2020-01-01T00:00:00+00:00"),
        (None, "status", "skipped"),
    ],
)
def test_any_field_of_a_record_that_was_edited(bench, results, where, name, value):
    place = Store(results).cell_places()[0]
    raw = json.loads((place / "record.json").read_text())
    (raw[where] if where else raw)[name] = value
    (place / "record.json").write_text(json.dumps(raw))
    done = bench("verify", "--results", results)
    assert done.code == 1 and f"{place.name}/record.json" in done.out and "was changed after it was written" in done.out
    done = bench("table", "--results", results)
    assert done.code == 2 and "was changed after it was written" in done.err, "nor is it shown"


def test_records_of_before_they_were_hashed_whole(bench, results):
    """They are read as they were, and refused by name, until they are stamped; what is stamped stays as it is."""
    before = bench("table", "--results", results).out
    for place in Store(results).cell_places():
        path = place / "record.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "stamp": ""}))
    assert bench("table", "--results", results).out == before
    done = bench("verify", "--results", results)
    assert done.code == 1 and "5 cells" in done.out and "written before records were hashed whole" in done.out
    for said in ("5 of 5 records were stamped", "0 of 5 records were stamped"):
        assert said in CliRunner().invoke(restamp(), [str(results / "runs/cells")]).output
    assert bench("verify", "--results", results).code == 0 and bench("table", "--results", results).out == before


def test_nothing_is_stamped_whose_scores_were_changed(results):
    place = Store(results).cell_places()[0]
    raw = json.loads((place / "record.json").read_text())
    (place / "record.json").write_text(json.dumps({**raw, "stamp": "", "digest": "0" * 64}))
    done = CliRunner().invoke(restamp(), [str(results / "runs/cells")])
    assert done.exit_code == 1 and "its scores are not those that it names; nothing was changed" in done.output


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("apn", "apn[paper]"),
        ("apn[score=0.0]", "apn[paper,score=0.0]"),
        ("apn[predicts=change,score=0.0,motion=1.0,perspective=source]", "apn"),
    ],
)
def test_a_cell_from_before_a_methods_defaults_were_others_is_named_by_todays(results, then, now):
    store = Store(results)
    place = store.cell_places()[0]
    raw = json.loads((place / "record.json").read_text())
    old = {**raw["cell"], "method": then, "method_version": "1.1"}
    (place / "record.json").write_text(json.dumps(stamped({**raw, "cell": old})))
    place.replace(place.with_name(Cell(**old).key))
    for said in ("1 of 5 records were stamped", "0 of 5 records were stamped"):
        assert said in CliRunner().invoke(restamp(), [str(results / "runs/cells")]).output
    (record,) = [record for record in store.records() if record.cell.method == now]
    assert record.cell.method_version == "1.2" and not problems_of(store)


def test_a_cell_that_was_run_since_is_not_written_over(results):
    store = Store(results)
    place = store.cell_places()[0]
    raw = json.loads((place / "record.json").read_text())
    old, new = (
        {**raw["cell"], "method": name, "method_version": v} for name, v in (("apn", "1.1"), ("apn[paper]", "1.2"))
    )
    for cell in (old, new):
        here = place.with_name(Cell(**cell).key)
        shutil.copytree(place, here)
        (here / "record.json").write_text(json.dumps(stamped({**raw, "cell": cell})))
    before = {file: file.read_bytes() for file in place.parent.rglob("*.*") if file.is_file()}
    done = CliRunner().invoke(restamp(), [str(results / "runs/cells")])
    assert done.exit_code == 0 and "is the same cell, run since" in done.output and "0 of 7 records" in done.output
    assert {file: file.read_bytes() for file in before} == before


def test_a_cell_from_before_there_were_versions_is_of_the_defaults_of_then():
    script = runpy.run_path(str(Path(__file__).parents[2] / "results/restamp.py"))
    named = {"method": "apn[cycles=1]", "method_digest": "0" * 16, "tuning": "none", "tuning_digest": ""}
    cell = script["stamp"]({"cell": named})["cell"]
    assert (cell["method"], cell["method_version"]) == ("apn[paper,cycles=1]", "1.2")


def restamp():
    """The command of results/restamp.py."""
    return runpy.run_path(str(Path(__file__).parents[2] / "results/restamp.py"))["main"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cell": {}}'])
def test_a_record_that_cannot_be_read(bench, results, text):
    place = Store(results).cell_places()[0]
    (place / "record.json").write_text(text)
    (found,) = problems_of(Store(results))
    assert "record.json" in found
    (place / "record.json").unlink()
    assert "has no record.json" in problems_of(Store(results))[0]


def test_labels_of_another_run(results):
    store = Store(results)
    (record,) = [r for r in store.records() if r.cell.method == "framediff"]
    labels = store.scores(record.cell).labels.copy()
    labels[30] ^= 1
    spoil(store, "framediff", labels=labels)
    assert any("has other labels than cell" in found for found in problems_of(store))


def test_videos_of_another_run(results):
    store = Store(results)
    (record,) = [r for r in store.records() if r.cell.method == "framediff"]
    spoil(store, "framediff", videos=store.scores(record.cell).videos[::-1])
    assert any("has other videos than cell" in found for found in problems_of(store))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": np.zeros(3, np.uint8)}, "labels has 3 for 121"),
        ({"units": np.zeros(1, np.int64)}, "units has 1 for 3"),
        ({"cues": {"prediction": np.zeros(5)}}, "cue 'prediction' has 5 frames of 121"),
        ({"labels": np.full(121, 2, np.uint8)}, "a label is neither 0 nor 1"),
        ({"support_labels": np.ones(2, np.uint8)}, "a support frame is labelled abnormal, under support none"),
        ({"support": {"prediction": np.zeros(2)}}, "support scores at 0 shots"),
        ({"cues": {"prediction": np.r_[np.zeros(50), np.nan, np.zeros(70)]}}, "cue 'prediction' is nan at frame 10"),
        ({"cues": {"prediction": np.r_[np.zeros(50), np.inf, np.zeros(70)]}}, "cue 'prediction' is inf at frame 10"),
    ],
)
def test_arrays_that_do_not_fit(results, changes, said):
    spoil(Store(results), "framediff", **changes)
    assert said in "\n".join(problems_of(Store(results)))


def ped2_scores() -> Scores:
    known = manifest.load("ped2", "frames")
    labels = [known.labels(name, facts.frames or 0) for name, facts in known.test.items()]
    frames = sum(map(len, labels))
    return Scores(
        videos=list(known.test),
        lengths=np.array([len(each) for each in labels]),
        units=np.zeros(len(labels), np.int64),
        labels=np.concatenate(labels),
        cues={"prediction": np.random.default_rng(0).normal(size=frames)},
        support={},
        support_units=np.empty(0, np.int64),
        support_labels=np.empty(0, np.uint8),
        heldout={},
    )


@pytest.fixture
def ped2(store, sound):
    """A store with a cell on UCSD Ped2: write(scores) puts it there."""
    (record,) = [r for r in Store(sound).records() if r.cell.method == "ramp"]

    def write(scores: Scores) -> list[str]:
        store.write(Record(replace(record.cell, target="ped2"), "done", facts={"fusion": {}}), scores)
        return problems_of(store)

    return write


def test_labels_are_held_against_the_manifest(ped2):
    scores = ped2_scores()
    assert ped2(scores) == []
    labels = scores.labels.copy()
    labels[180] ^= 1
    assert "labels of 02 differ from the manifest's, first at frame 0" in ped2(replace(scores, labels=labels))[0]


def test_frames_are_held_against_the_manifest(ped2):
    scores = ped2_scores()
    lengths = scores.lengths.copy()
    lengths[:2] += [1, -1]
    assert "01 has 181 frames, and 180 in the manifest" in ped2(replace(scores, lengths=lengths))[0]
    named = replace(scores, videos=["99", *scores.videos[1:]])
    assert "99 is no test video of ped2" in ped2(named)[0]


def test_the_names_that_copies_use_are_known(ped2):
    scores = ped2_scores()
    assert ped2(replace(scores, videos=[f"Test0{name}" for name in scores.videos])) == []


def test_a_metric_that_is_wrong_is_found(results, ped2, monkeypatch):
    """A perfect detector must get 100 %, and shuffled labels 50: both notice AUCs that are turned round or drift."""
    right = metrics.micro_auc
    monkeypatch.setattr(metrics, "micro_auc", lambda labels, scores: 1 - right(labels, scores))
    assert sum("a perfect detector's AUC is 0" in found for found in problems_of(Store(results))) == 5
    monkeypatch.setattr(metrics, "micro_auc", lambda labels, scores: min(1.0, right(labels, scores) + 0.2))
    assert "under shuffled labels AUC is" in ped2(ped2_scores())[0]


def test_shuffled_labels_do_not_cry_wolf(ped2):
    assert [found for seed in range(3) for found in ped2(replace(ped2_scores(), cues={
        "prediction": np.random.default_rng(seed).normal(size=2010)}))] == []  # fmt: skip


def test_other_code_is_named(bench, plugin, north, south, tmp_path):
    mine = plugin()
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--quiet", "--shots", "0")
    assert bench("run", *words, "--method", f"{mine},framepred").code == 0
    assert "other code" not in bench("verify").out
    for place in Store(tmp_path / "results").cell_places():
        raw = json.loads((place / "record.json").read_text())
        if raw["cell"]["method"] == "framepred":
            store, record = Store(tmp_path / "results"), None
            record = next(r for r in store.records() if r.cell.method == "framepred")
            store.write(replace(record, cell=replace(record.cell, method_version="0.9")), store.scores(record.cell))
    done = bench("verify")
    assert done.code == 0 and "1 cell of another version" in done.out.replace("\n", " ")


# ---- the committed cells ---------------------------------------------------------------------------------------------


def test_kept_cells_speak_for_themselves(bench, results, tmp_path):
    store = Store(results)
    before = bench("table", "--results", results, "--format", "long").out
    assert "3 cells lie in" in bench("keep", "--results", results, "--where", "method=framepred,ramp").out
    shutil.rmtree(store.root)
    alone = Store(results)
    assert {r.cell.method for r in alone.records()} == {"framepred", "ramp"}
    after = bench("table", "--results", results, "--format", "long").out
    expected = [line for line in before.splitlines() if line.startswith(("method,", "framepred,", "ramp,"))]
    assert after.splitlines() == [re.sub(",runs$", ",reference", line) for line in expected]
    assert bench("keep", "--results", results).code == 0, "keeping what is kept changes nothing"


def test_kept_cells_are_not_run_again(results, make_grid, run_grid, bench):
    bench("keep", "--results", results)
    shutil.rmtree(results / "runs")
    grid = make_grid("framepred", "framediff", "ramp", "random", shots=[0, 2])
    records = run_grid(Store(results), grid)
    assert len(records) == 5 and not (results / "runs/cells").exists()


def test_ones_own_runs_do_not_spoil_what_is_committed(bench, results, make_grid, run_grid):
    """Tables are of the committed cells where there are any: whoever clones the project, runs and verifies."""
    bench("keep", "--results", results)
    page(bench, results, "table")
    (results / "rows.csv").write_text(bench("table", "--results", results, "--format", "long").out)
    run_grid(Store(results), make_grid("framepred", "extrapolate", shots=[0, 2], seeds=[0, 1]))
    assert "extrapolate" in bench("table", "--results", results).out
    done = bench("verify", "--results", results)
    assert done.code == 0 and "8 of 8 hold scores" in done.out and "5 of 5 rows recomputed" in done.out, done.out


def test_a_table_that_differs_is_one_problem(bench, results):
    path = page(bench, results, "table")
    path.write_text(path.read_text().replace("\n| ramp", "\n| lamp").replace("\n| random", "\n| tandem"))
    done = bench("verify", "--results", results)
    assert done.code == 1 and "and 1 more line" in done.out and done.out.count("where stored scores give") == 1


def test_ones_own_run_comes_first(results, bench):
    store = Store(results)
    bench("keep", "--results", results)
    spoil(store, "ramp", cues={"ramp": np.zeros(121)})
    (record,) = [r for r in store.records() if r.cell.method == "ramp"]
    assert not store.scores(record.cell).cues["ramp"].any()


def test_spelled_commands_leave_out_where_things_lie():
    words = ["--results", "x y", "--where", "a=b c", "--format=md", "--quiet"]
    assert spelled("bench table", words) == "bench table --where 'a=b c'"
