"""Several results folders read as of one: `--results A --results B`."""

import shutil
from pathlib import Path

import pytest

import camera_stores
from crossvad import api
from crossvad.datasets.errors import InputError
from crossvad.store.opening import open_stores
from crossvad.store.several import SeveralStores
from crossvad.store.store import Store


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """One with `apn` and `framediff`, one with `lmn` and the same `framediff`."""
    first, second = Store(tmp_path / "first"), Store(tmp_path / "second")
    for store, methods in ((first, ("apn", "framediff")), (second, ("lmn", "framediff"))):
        for method in methods:
            camera_stores.put(store, method, trained=method != "framediff")
    return tmp_path / "first", tmp_path / "second"


def test_cells_of_both_are_read_each_once(folders):
    store = open_stores(folders)
    assert [record.cell.method for record in store.records()].count("framediff") == 1
    assert {record.cell.method for record in store.records()} == {"apn", "framediff", "lmn"}
    for record in store.records():
        assert store.scores(record.cell).cues["cue"].size and store.cell_place(record.cell.key).is_dir()
        store.check_scores(record)
    assert [place.name for place in store.cell_places()] == sorted(place.name for place in store.cell_places())
    assert isinstance(open_stores([folders[0], folders[0] / ".." / "first"]), Store)
    assert not isinstance(open_stores([folders[0], folders[0]]), SeveralStores)


def test_the_caption_says_how_many_are_of_which_folder(bench, folders):
    first, second = folders
    told = f"from 2 results folders: 2 cells of {first}, 1 cell of {second}"
    words = ("--results", first, "--results", second)
    for command in (["table"], ["compare"], ["cameras"], ["results", "list"]):
        done = bench(*command, *words, "--format", "md" if command[0] != "results" else "csv")
        assert done.code == 0, done.err
        assert command[0] == "results" or told in done.out
        assert "lmn" in done.out and "apn" in done.out
    assert told in bench("plot", "matrix", *words, "--out", "matrix.svg").out
    assert bench("report", *words, "--quiet").code == 0 and told in Path("report.html").read_text()
    assert "results folders" not in bench("table", "--results", first, "--format", "md").out


def test_other_scores_of_one_cell_are_refused_by_name_where_they_are_asked_for(bench, folders):
    first, second = folders
    record = camera_stores.put(Store(second), "apn", shift=9)
    words = ("--results", first, "--results", second)
    done = bench("table", *words)
    assert done.code == 2 and record.cell.key in done.err and str(first) in done.err and "other scores" in done.err
    assert bench("table", *words, "--where", "method=lmn,framediff").code == 0


def test_a_cell_that_is_done_in_one_folder_counts(folders, tmp_path):
    third = Store(tmp_path / "third")
    record = Store(folders[0]).records()[0]
    record.status, record.reason = "failed", "no luck"
    third.write(record)
    statuses = {each.cell.key: each.status for each in open_stores([tmp_path / "third", *folders]).records()}
    assert statuses[record.cell.key] == "done" and len(statuses) == 3


def test_a_folder_that_is_not_there_is_refused(folders, tmp_path):
    with pytest.raises(InputError, match="nowhere: is no folder"):
        api.load_results([folders[0], tmp_path / "nowhere"])


def test_committed_cells_are_told_from_ones_own(folders):
    shutil.move(folders[1] / "runs" / "cells", folders[1] / "reference")
    store = open_stores(folders)
    places = {record.cell.method: store.place_of(record.cell) for record in store.records()}
    assert places == {"apn": "runs", "framediff": "runs", "lmn": "reference"}
    committed = open_stores(folders, "reference").records()
    assert {record.cell.method for record in committed} == {"framediff", "lmn"}


def test_nothing_is_compared_with_a_cell_that_two_folders_dispute(folders):
    camera_stores.put(Store(folders[1]), "framediff", trained=False, shift=3.0)
    for order in (folders, folders[::-1]):
        with pytest.raises(InputError, match="framediff"):
            api.load_results(order, where={"method": "lmn"}).compare(against="framediff")
