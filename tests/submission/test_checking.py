"""`bench submit check`: what is sound passes, and every way to spoil a submission is found and named."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import camera_stores
import submissions_made as made
from crossvad.planning import registry
from crossvad.store.store import Store
from crossvad.submission import rendered
from crossvad.submission.checking import check
from crossvad.submission.fairness import version_numbers
from crossvad.submission.layout import CARD, FIGURES, STATEMENT, SUMS


def told(folder: Path) -> str:
    return "\n".join(f"{problem.where}: {problem.problem}" for problem in check(folder).errors)


def place(folder: Path, method: str = "apn", shots: int = 0, seed: int = 0) -> Path:
    store = Store(folder, only="reference")
    return next(store.cell_place(record.cell.key) for record in store.records()
                if (record.cell.method, record.cell.shots, record.cell.seed) == (method, shots, seed))  # fmt: skip


def test_a_sound_one_passes_and_is_not_written_to(bench, submission):
    before = {path: path.stat().st_mtime_ns for path in submission.rglob("*")}
    done = bench("submit", "check", submission, "--quiet")
    assert done.code == 0 and "a lab" in done.out and "street → campus" in done.out, done.out
    assert "labels are the sender's own" in " ".join(done.out.replace("│", " ").split())
    assert bench("table", "--results", submission).code == 0
    assert {path: path.stat().st_mtime_ns for path in submission.rglob("*")} == before


def test_all_that_is_wrong_is_told_at_once(bench, submission):
    (submission / CARD).write_text((submission / CARD).read_text().replace("a lab", ""))
    shutil.rmtree(place(submission, "random"))
    made.sum_again(submission)
    done = bench("submit", "check", submission, "--quiet")
    text = " ".join(done.out.replace("│", " ").split())
    assert done.code == 1 and "by says nothing" in text and "lacks random" in text and "has 14 rows" in text


SPOILS = {  # what is done, and what is then said; the manifest is written anew where True
    "scores": (lambda at: (place(at) / "scores.npz").write_bytes(b"PK"), "was changed after it was packed", False),
    "scores, summed": (lambda at: (place(at) / "scores.npz").write_bytes(b"PK"), "is missing or was changed", True),
    "record": (lambda at: edit(place(at) / "record.json", '"cpu"', '"gpu"'), "was changed after it was written", True),
    "extra": (lambda at: (at / "run.sh").write_text("rm"), "run.sh: is no part of a submission", False),
    "hidden": (lambda at: (at / ".git").mkdir(), ".git: is no part of a submission", False),
    "deep": (lambda at: (place(at) / "more").mkdir(), "more: is no part of a submission", False),
    "link": (lambda at: relink(place(at) / "scores.npz"), "scores.npz: is a link", False),
    "linked folder": (lambda at: relink(at / "reference"), "reference: is a link", False),
    "pipe": (lambda at: ((at / CARD).unlink(), os.mkfifo(at / CARD)), "card.toml: is no plain file", False),
    "large": (lambda at: os.truncate(at / STATEMENT, 2**24), "submission.json: has 16777216 bytes", False),
    "no manifest": (lambda at: (at / SUMS).unlink(), "SHA256SUMS: is missing", False),
    "path out": (lambda at: append(at / SUMS, f"{'0' * 64}  ../secret\n"), "../secret: is missing", False),
    "no sum": (lambda at: append(at / SUMS, "what is this\n"), "is no sum and file", False),
    "figures": (lambda at: raise_figure(at / FIGURES), "raw scores say otherwise: auc 99.9", True),
    "no figures": (lambda at: (at / FIGURES).unlink(), "figures.csv: is missing", True),
    "other figures": (lambda at: (at / FIGURES).write_bytes(b"\xff\xfe"), "figures.csv: cannot be read", True),
    "statement": (lambda at: (at / STATEMENT).write_text("[]"), "submission.json: cannot be read", True),
    "later": (lambda at: edit(at / STATEMENT, '"schema": 1', '"schema": 2'), "written by a later version", True),
    "boards": (lambda at: edit(at / STATEMENT, '"campus"', '"harbour"'), "are not those of the cells", True),
    "card": (lambda at: (at / CARD).write_text("by = 3"), "by is no text", True),
    "no card": (lambda at: (at / CARD).unlink(), "card.toml: is missing", True),
    "escape": (lambda at: (at / CARD).write_text('by = "\\u001b[2J"'), "by is no text that can be shown", True),
    "no start": (lambda at: [shutil.rmtree(place(at, seed=seed)) for seed in (0, 1)], "as it was before", True),
    "no seed": (lambda at: shutil.rmtree(place(at, shots=10, seed=1)), "K = 10, steps = 1) lacks seed 1", True),
    "no rival": (lambda at: shutil.rmtree(place(at, "framediff")), "lacks framediff", True),
    "no cells": (lambda at: shutil.rmtree(at / "reference"), "holds no sound cell", True),
    "no scores": (lambda at: (place(at) / "scores.npz").unlink(), "is missing or was changed", True),
    "loose code": (lambda at: code(at), "is code that no cell names", True),
}  # fmt: skip


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def relink(path: Path) -> None:
    other = path.parents[2] / f"elsewhere-{path.name}"
    path.rename(other)
    path.symlink_to(other)


def raise_figure(path: Path) -> None:
    head, first, *rest = path.read_text().splitlines(keepends=True)
    values = first.split(",")
    values[head.split(",").index("auc")] = "99.9"
    path.write_text("".join([head, ",".join(values), *rest]))


def code(folder: Path) -> None:
    (folder / "plugins" / ("0" * 64)).mkdir(parents=True)
    (folder / "plugins" / ("0" * 64) / "evil.py").write_text("print()")


@pytest.mark.parametrize("name", SPOILS)
def test_a_spoilt_one_is_refused_by_name(bench, submission, name):
    spoil, says, sums = SPOILS[name]
    assert told(submission) == ""
    spoil(submission)
    if sums:
        made.sum_again(submission)
    assert says in told(submission)
    assert bench("submit", "check", submission, "--quiet").code == 1


def spoilt_cell(folder: Path, method: str = "apn", **changes) -> None:
    """Put another cell in the place of one, hashed and named as it should be, and figures of all."""
    store = Store(folder.parent / "again")
    for record in Store(folder, only="reference").records():
        scores = Store(folder, only="reference").scores(record.cell)
        own = record.cell.method == method
        fields = {name: changes[name] for name in changes if hasattr(record.cell, name)} if own else {}
        arrays = {name: make(scores) for name, make in changes.get("arrays", {}).items()} if own else {}
        store.write(replace(record, cell=replace(record.cell, **fields)), replace(scores, **arrays))
    shutil.rmtree(folder)
    made.pack(folder, store)


def test_scores_that_are_no_numbers_are_found(submission):
    cells = Store(submission, only="reference")
    path = place(submission)
    with np.load(path / "scores.npz") as file:
        arrays = {**file}
    arrays["cues/cue"][40] = np.nan
    record = next(record for record in cells.records() if cells.cell_place(record.cell.key) == path)
    own = Store(submission.parent / "own")
    own.write(record, replace(cells.scores(record.cell), cues={"cue": arrays["cues/cue"]}))
    shutil.copytree(own.place("cells", record.cell.key), path, dirs_exist_ok=True)
    made.sum_again(submission)
    assert "cue 'cue' is nan at frame 40" in told(submission) and path.name in told(submission)


def test_later_versions_than_there_are_cannot_be(submission):
    spoilt_cell(submission, method_version="99.1")
    assert "apn: is of version 99.1, and this package has" in told(submission)
    spoilt_cell(submission, method_version="1", harness_version=77)
    assert "cells are of harness 77" in told(submission)
    assert version_numbers("1.10") > version_numbers("1.9") and version_numbers("1.1+flow.10") > version_numbers(
        "1.1+flow.9"
    )


def test_two_versions_of_one_method_are_told(submission):
    store = Store(submission.parent / "two")
    for record in Store(submission, only="reference").records():
        scores = Store(submission, only="reference").scores(record.cell)
        version = "0.9" if (record.cell.method, record.cell.seed) == ("lmn", 1) else record.cell.method_version
        store.write(replace(record, cell=replace(record.cell, method_version=version)), scores)
    shutil.rmtree(submission)
    made.pack(submission, store)
    assert "method lmn: stands for 2 versions" in told(submission)


def test_a_cell_that_saw_test_video_is_unfair(submission):
    store = Store(submission.parent / "own")
    record = camera_stores.put(store, "apn", shots=10, seed=2, support="test-head")
    shutil.copytree(store.place("cells", record.cell.key), submission / "reference" / record.cell.key)
    made.sum_again(submission)
    assert f"cell {record.cell.key}" in told(submission) and "the very test video that is scored" in told(submission)


def test_rendered_targets_are_held_against_what_this_package_renders(tmp_path):
    """Labels, and which copy: of a target whose videos a sender made up."""
    dataset = registry.get_dataset("synthetic-plaza", Path())
    test, train = dataset.digest("test"), dataset.digest("train")
    assert rendered.rendered("path:synthetic-plaza") is None and rendered.rendered("ped2") is None
    store = Store(tmp_path / "results")
    made.put_grid(store, target="synthetic-plaza")
    folder = made.pack(tmp_path / "out", store)
    assert (
        f"synthetic-plaza: its test split is another copy (synthetic-plaza) than this package renders ({test})"
        in told(folder)
    )
    assert "has other labels than this package renders" in told(folder) and train != test


def test_code_is_shown_and_never_run(bench, submission, tmp_path, monkeypatch):
    marker, evil = tmp_path / "ran", tmp_path / "evil.py"
    evil.write_text(f"import pathlib\npathlib.Path({str(marker)!r}).touch()\nclass Evil: pass\n")
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "again")
    for record in Store(submission, only="reference").records():
        cell = replace(record.cell, method="evil.py:Evil") if record.cell.method == "apn" else record.cell
        store.write(replace(record, cell=cell), Store(submission, only="reference").scores(record.cell))
    shutil.rmtree(submission / "reference")
    shutil.copytree(store.root / "cells", submission / "reference")
    made.sum_again(submission)
    assert "evil.py:Evil: is code that is not there" in told(submission)
    assert "says nothing of evil.py:Evil" in told(submission)
    raw = json.loads((submission / STATEMENT).read_text())
    for name, total in (("evil.py:Evil", "0" * 64), ("../../evil.py:Evil", "0" * 64), ("evil.py:Evil", "../..")):
        raw["plugins"] = [{"name": name, "sha256": total, "bytes": 3}]
        (submission / STATEMENT).write_text(json.dumps(raw))
        made.sum_again(submission)
        assert "names a file that is not there" in told(submission)
    bench("submit", "check", submission, "--quiet")
    assert not marker.exists()


def test_what_lies_beside_a_submission_hides_nothing_else_that_is_wrong(submission):
    (submission / "notes.txt").write_text("to do")
    (submission / "pictures").mkdir()
    (submission / CARD).write_text((submission / CARD).read_text().replace("a lab", ""))
    made.sum_again(submission)
    text = told(submission)
    assert "notes.txt: is no part" in text and "pictures: is no part" in text and "by says nothing" in text


def test_where_something_lies_among_the_cells_nothing_is_read_and_that_is_said(submission):
    (place(submission) / "maps.npz").write_bytes(b"PK")
    (submission / CARD).write_text("by = 3")
    found = check(submission)
    assert "maps.npz: is no part of a submission" in told(submission) and "by is no text" not in told(submission)
    assert "is not looked at any further" in found.problems[-1].problem and not found.records


def test_more_bytes_than_a_submission_may_have_are_told(submission, monkeypatch):
    assert told(submission) == ""
    monkeypatch.setattr("crossvad.submission.layout.MOST_BYTES", 2**20 - 1)
    with (place(submission) / "record.json").open("ab") as file:
        file.write(b" " * 2**19)
    with (place(submission, shots=10) / "record.json").open("ab") as file:
        file.write(b" " * 2**19)
    assert "holds 1 MB, more than 0" in told(submission)


def test_many_strays_are_counted(submission):
    for number in range(30):
        (submission / f"stray-{number:02}").write_text("")
    text = told(submission)
    assert text.count("is no part of a submission") == 10 and "has 20 more such problems" in text
