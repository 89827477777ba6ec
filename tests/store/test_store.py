import itertools
import json
import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crossvad.adapters.base import Adapter
from crossvad.datasets.errors import InputError
from crossvad.evaluation.tidy import table
from crossvad.execution.decoding import Decoder
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import FAIR
from crossvad.store.records import SCHEMA
from crossvad.store.scores import Scores, load_scores, save_scores
from crossvad.store.store import Record, Store

CELL = Cell(
    method="framepred", source="a", target="b", tuning="none", support="none", shots=0, steps=0, seed=0, budget="smoke",
    budget_digest="b", method_version="1.1", tuning_version="", source_digest="s", target_digest="t",
)  # fmt: skip


def scores(value: float = 1.0) -> Scores:
    return Scores(
        videos=["x", "ÿ y"],
        lengths=np.array([2, 1]),
        units=np.array([0, 0]),
        labels=np.array([0, 1, 0], np.uint8),
        cues={"prediction": np.array([np.nan, value, 2.0])},
        support={},
        support_units=np.empty(0, np.int64),
        support_labels=np.empty(0, np.uint8),
        heldout={"prediction": np.array([0.5])},
    )


def snapshot(store: Store) -> dict[str, tuple[bytes, int]]:
    """Every file of a store: content and time of change."""
    files = [path for path in store.root.rglob("*") if path.is_file()]
    return {str(path.relative_to(store.root)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def leftovers(store: Store) -> list[str]:
    return [path.name for path in store.root.glob("*/.*")]


@pytest.mark.parametrize("name", ["labels", "support_labels"])
@pytest.mark.parametrize("label", [2, 255])
def test_a_label_that_is_none_is_refused_before_anything_is_counted_by_it(tmp_path, name, label):
    save_scores(replace(scores(), **{name: np.array([0, label, 0], np.uint8)}), tmp_path / "scores.npz")
    with pytest.raises(ValueError, match="a label is neither 0 nor 1"):
        load_scores(tmp_path / "scores.npz")


def test_what_is_written_is_read_back(store):
    store.write(Record(CELL, "done", facts={"fps": 12.5, "fusion": {}}), scores())
    record, read = store.record(CELL), store.scores(CELL)
    assert (record.status, record.facts, record.cell) == ("done", {"fps": 12.5, "fusion": {}}, CELL)
    for name, value in vars(scores()).items():
        np.testing.assert_equal(getattr(read, name), value)
    assert store.records() == [record] and leftovers(store) == []


def test_an_empty_store_holds_nothing(store):
    assert store.record(CELL) is None and store.records() == []
    with pytest.raises(InputError, match="is missing or was changed"):
        store.scores(CELL)


def test_a_failure_is_replaced_when_the_cell_is_done(store):
    store.write(Record(CELL, "failed", "Traceback: no"))
    store.write(Record(CELL, "done"), scores())
    (record,) = store.records()
    assert (record.status, record.reason) == ("done", "") and leftovers(store) == []


def test_an_error_in_the_middle_leaves_what_was_there(store):
    store.write(Record(CELL, "done"), scores())
    before = snapshot(store)
    with pytest.raises(RuntimeError), store.writing("cells", CELL.key) as draft:
        (draft / "record.json").write_text("half")
        raise RuntimeError
    assert snapshot(store) == before and leftovers(store) == []


def test_what_has_its_name_is_on_the_disk(store, monkeypatch):
    """Else a power cut leaves names with nothing in them, of all that was made in the seconds before."""
    on_disk, sync, rename = set(), os.fsync, Path.replace

    def renamed(draft: Path, place: Path) -> Path:
        if place.parent.name == "cells":
            assert {path.stat().st_ino for path in draft.iterdir()} == on_disk and len(on_disk) == 2
        return rename(draft, place)

    monkeypatch.setattr(os, "fsync", lambda file: on_disk.add(os.fstat(file).st_ino) or sync(file))
    monkeypatch.setattr(Path, "replace", renamed)
    store.write(Record(CELL, "done"), scores())
    assert store.scores(CELL).videos == scores().videos


def test_a_draft_is_no_result(store):
    with store.writing("cells", CELL.key) as draft:
        (draft / "record.json").write_text("half")
        assert store.record(CELL) is None and store.records() == []


@pytest.mark.parametrize("tamper", [lambda p: p.write_bytes(p.read_bytes() + b"0"), lambda p: p.unlink()])
def test_tampered_scores_are_refused(store, tamper):
    store.write(Record(CELL, "done"), scores())
    tamper(store.place("cells", CELL.key) / "scores.npz")
    with pytest.raises(InputError, match=r"scores\.npz: is missing or was changed; remove its folder"):
        store.scores(CELL)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"cell": {"method": "x"}}'])
def test_a_foreign_record_is_named(store, content):
    place = store.place("cells", CELL.key)
    place.mkdir(parents=True)
    (place / "record.json").write_text(content)
    with pytest.raises(InputError, match=r"record\.json: .*remove its folder"):
        store.records()


def test_a_record_of_a_later_version_is_named(store):
    """Whatever else it may hold by then."""
    store.write(Record(CELL, "done"), scores())
    path = store.place("cells", CELL.key) / "record.json"
    assert json.loads(path.read_text())["schema"] == SCHEMA
    path.write_text(json.dumps({"schema": SCHEMA + 1, "cells": []}))
    with pytest.raises(InputError, match=r"record\.json: was written by a later version of crossvad; update"):
        store.record(CELL)


def test_a_folder_in_which_nothing_can_be_written_is_refused(tmp_path):
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(InputError, match=r"results: cannot hold results .*; choose a writable --results folder"):
        Store(tmp_path / "results").check_writable()


def test_reading_leaves_a_folder_as_it_is(tmp_path):
    store = Store(tmp_path / "results")
    assert store.records() == [] and store.cell_places() == [] and not store.root.parent.exists()
    store.check_writable()
    assert [path.name for path in store.root.parent.rglob("*")] == ["runs"]


@pytest.mark.parametrize(
    "words", [["run", "--target", "TARGET"], ["run", "--target", "TARGET", "--skip-bad"], ["score", "VIDEO"]]
)
def test_nothing_is_decoded_where_nothing_can_be_stored(bench, north, south, tmp_path, monkeypatch, words):
    for name in ("fill", "frames"):
        monkeypatch.setattr(Decoder, name, lambda *_: pytest.fail("decodes"))
    (tmp_path / "results").write_text("in the way")
    places = {"TARGET": f"path:{south}", "VIDEO": south / "test" / "a"}
    done = bench(*(places.get(word, word) for word in words), "--source", f"path:{north}", "--budget", "smoke")
    assert done.code == 2 and "results: cannot hold results" in done.err


def write_often(store: Store, value: float) -> None:
    for _ in range(60):
        store.write(Record(CELL, "done", facts={"value": value}), scores(value))


def test_concurrent_writers_of_one_cell(store):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(store, float(n))) for n in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        for record in store.records():
            assert record.status == "done" and record.facts["value"] in (0, 1, 2)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    (record,) = store.records()
    assert store.scores(CELL).cues["prediction"][1] == record.facts["value"] and leftovers(store) == []


# ------------------------------------------------------------------------------------------------ killed at any moment

SLOW = ("def loss(self, clips):", "def loss(self, clips):\n        import time; time.sleep(0.02)")
SLOWER = ("def score(self, clips):", "def score(self, clips):\n        import time; time.sleep(0.02)")


def whole(store: Store) -> int:
    """Assert that whatever the store shows is complete; return how many cells and fits that is."""
    for record in store.records():
        assert record.status == "done" and len(store.scores(record.cell).labels) == 121
    fits = list((store.root / "fits").glob("[!.]*"))
    for fit in fits:
        assert json.loads((fit / "fit.json").read_text())["curves"]["loss"]
        assert {path.name for path in fit.iterdir()} == {"fit.json", "model.safetensors"}
    return len(store.records()) + len(fits)


def numbers(store: Store) -> pd.DataFrame:
    rows = table(store, store.records(), FAIR)
    return rows.drop(columns=["train_seconds", "adapt_seconds", "fps"])


def test_a_grid_killed_again_and_again_ends_like_one_that_was_not(start_bench, plugin, north, south, tmp_path):
    """Kill at growing numbers of finished pieces, and a little later each time, so that the blow falls anywhere."""
    words = ["run", "--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0,1,3"]
    words += ["--method", plugin(SLOW, SLOWER), "--method", "framepred", "--seeds", "0,1", "--quiet", "--results"]
    log = tmp_path / "log"

    stores = (Store(tmp_path / f"broken {number}") for number in itertools.count())
    broken, pieces, kills = next(stores), 0, 0
    while kills < 4:
        process = start_bench(*words, broken.root.parent, log=log)
        deadline = time.monotonic() + 600
        while process.is_alive() and whole(broken) <= pieces + 1:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.002)
        time.sleep(0.03 * kills)
        process.kill()
        process.join()
        pieces, kills = whole(broken), kills + (process.exitcode == -signal.SIGKILL)
        if process.exitcode != -signal.SIGKILL:  # it was done before the blow fell, as where others keep us from it
            assert process.exitcode == 0, log.read_text()
            broken, pieces = next(stores), 0

    finished = [start_bench(*words, root, log=log) for root in (broken.root.parent, tmp_path / "whole")]
    for process in finished:
        process.join(600)
        assert process.exitcode == 0, log.read_text()
    assert leftovers(broken) == [], "what the kills left was swept"
    pd.testing.assert_frame_equal(numbers(broken), numbers(Store(tmp_path / "whole")))
    assert len(numbers(broken)) == 2 * 2 * 3 + 4 + 2 * 3


def hold(store: Store, kind: str, ready: Connection) -> None:
    with store.writing(kind, CELL.key) as draft:
        (draft / "model.safetensors").write_bytes(b"half")
        ready.send(draft.name)
        time.sleep(600)


@pytest.mark.parametrize("kind", ["fits", "cells", "searches", "prepared", "checkpoints"])
def test_a_draft_is_swept_once_its_process_was_killed_and_named(store, kind):
    context = multiprocessing.get_context("fork")
    ready, other = context.Pipe()
    writer = context.Process(target=hold, args=(store, kind, other))
    writer.start()
    name = ready.recv()
    assert store.sweep() == [] and store.leftovers() == [] and leftovers(store) == [name], "it is being written"
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert [path.name for path in store.leftovers()] == [name]
    assert store.sweep() == [f"{kind}/{name}"] and leftovers(store) == [] and store.sweep() == []


def test_a_cell_is_kept_whole_or_not_at_all(store, monkeypatch):
    """Also over one that was kept before; what a killed process leaves is swept."""
    copies = iter([shutil.copy2] * 3)  # and then no more
    monkeypatch.setattr(shutil, "copy2", lambda *given: next(copies)(*given))
    store.write(Record(CELL, "done"), scores(1.0))
    kept = Store(store.root.parent, only="reference")
    assert store.keep(CELL) == kept.cell_place(CELL.key)
    store.write(Record(CELL, "done"), scores(2.0))
    with pytest.raises(StopIteration):
        store.keep(CELL)
    assert kept.scores(CELL).cues["prediction"][1] == 1.0 and len([*store.reference.iterdir()]) == 1
    left = store.reference / f".{CELL.key}-ab12_cde"
    left.mkdir()
    assert store.leftovers() == [left] and store.sweep() == [left.name] and not left.exists()


def test_a_sweep_takes_all_that_a_store_drafts_and_nothing_else(store):
    store.write(Record(CELL, "done"), scores())
    ours = [f"cells/.{CELL.key}-old-ab12_cde", f"checkpoints/.{CELL.key}-3-ab12_cde", ".metrics-ab12_cde"]
    others = [".git", "cells/.ipynb_checkpoints", "fits/.keep-ab12_cde", f"cells/{CELL.key}"]
    for name in [*ours, *others]:
        (store.root / name).mkdir(parents=True, exist_ok=True)
    assert sorted(store.sweep()) == sorted(ours)
    assert all((store.root / name).is_dir() for name in others) and store.record(CELL)


def test_a_sweep_and_writers_do_not_meet(store):
    """A draft that was just made and not yet locked may be swept: its writer makes another."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_often, args=(store, float(n))) for n in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        store.sweep()
    assert [writer.exitcode for writer in writers] == [0, 0] and leftovers(store) == []


def test_a_run_names_what_it_sweeps(bench, north, south, tmp_path):
    store = Store(tmp_path / "results")
    (store.root / f"fits/.{CELL.key}-ab12_cde").mkdir(parents=True)
    done = bench("verify")
    assert done.code == 0 and f"runs/fits/.{CELL.key}-ab12_cde" in done.out and "left half-written" in done.out
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--method", "ramp")
    done = bench("run", *words, "--shots", "0")
    assert done.code == 0 and f"removed fits/.{CELL.key}-ab12_cde: left half-written by a run" in done.err
    assert leftovers(store) == []


def test_a_finished_grid_trains_and_scores_nothing_again(make_grid, run_grid, store, plugin, monkeypatch):
    calls = []

    def counted(name):
        method = getattr(Adapter, name)

        def call(*arguments):
            calls.append(name)
            return method(*arguments)

        return call

    for name in ("fit", "frozen_features"):
        monkeypatch.setattr(Adapter, name, counted(name))
    grid = make_grid("framepred", plugin(), "framediff", seeds=[0, 1])
    first = run_grid(store, grid)
    assert calls.count("fit") == 4 and calls.count("frozen_features")
    before, calls[:] = snapshot(store), []
    assert run_grid(store, grid) == first
    assert calls == [] and snapshot(store) == before


def test_more_shots_reuse_the_fit(make_grid, run_grid, store, monkeypatch):
    run_grid(store, make_grid("framepred"))
    monkeypatch.setattr("crossvad.adapters.base.Adapter.fit", None)
    records = run_grid(store, make_grid("framepred", shots=[0, 2, 5]))
    assert [record.status for record in records] == ["done"] * 3


def test_a_failed_cell_is_tried_again(make_grid, run_grid, store):
    grid = make_grid("framediff")
    (cell,) = grid.cells()
    store.write(Record(cell, "failed", "Traceback: out of memory"))
    assert [record.status for record in run_grid(store, grid)] == ["done"]
    assert store.record(replace(cell)).status == "done"


def test_meta_learning_is_the_same_after_a_new_fit_and_a_stored_one(make_grid, run_grid, tmp_path):
    """A grid stopped between the fit and the preparation must go on to the very same numbers."""
    pytest.importorskip("learn2learn")
    at_once, in_two = Store(tmp_path / "at once"), Store(tmp_path / "in two")
    run_grid(at_once, make_grid("framepred", tunings=("metasgd",)))
    run_grid(in_two, make_grid("framepred", shots=[0]))
    run_grid(in_two, make_grid("framepred", tunings=("metasgd",)))
    models = [next(store.root.glob("prepared/*/model.safetensors")).read_bytes() for store in (at_once, in_two)]
    assert models[0] == models[1]


def test_a_store_of_the_older_scheme_is_refused_by_name(store):
    """Its cells would not be found by their new names: neither read wrongly, nor passed over in silence."""
    record = store.write(Record(CELL, "failed", "why"))
    path = store.place("cells", record.cell.key) / "record.json"
    raw = json.loads(path.read_text())
    del raw["cell"]["method_version"]
    path.write_text(json.dumps({**raw, "cell": {**raw["cell"], "method_digest": "0123456789abcdef"}}))
    with pytest.raises(InputError, match=r"record\.json: was written by an earlier version .* results/restamp\.py"):
        store.records()
