"""Cells of two copies of one target in one results folder: what is not shown is said, and can be asked for."""

from __future__ import annotations

import shutil

import pytest

import crossvad
from conftest import paint, write_camera, write_frames
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.store.store import Store


@pytest.fixture(scope="module")
def results(tmp_path_factory, make_grid, run_grid):
    """A method on one copy of a camera, and then none but the untrained on another, whose video `b` is another."""
    home = tmp_path_factory.mktemp("copies")
    target = write_camera(home / "plaza", 5)
    store = Store(home / "results")
    run_grid(store, make_grid("framepred", "framediff", "ramp", targets=[OwnFolder(target)]))
    shutil.rmtree(target / "test" / "b")
    write_frames(target / "test" / "b", paint(42, 77))
    run_grid(store, make_grid("framediff", targets=[OwnFolder(target)]))
    return home / "results"


@pytest.fixture(scope="module")
def older(results):
    (digest,) = {record.cell.target_digest for record in Store(results).records() if record.cell.method == "ramp"}
    return digest


def told(digest, count=4):
    return f"{count} cells of another copy of path:plaza are not shown (--where target_digest={digest})"


@pytest.mark.parametrize("reader", ["table", "table --matrix", "audit scores", "plot matrix", "report", "keep"])
def test_every_reader_says_what_it_does_not_show(bench, results, older, reader, tmp_path):
    copied = shutil.copytree(results, tmp_path / "results")
    done = bench(*reader.split(), "--results", copied, "--where", "shots=0")
    said = (tmp_path / "report.html").read_text() if reader == "report" else done.out
    assert done.code == 0 and told(older, 3) in " ".join(said.split())
    assert "framepred" not in done.out


@pytest.mark.parametrize("form", ["csv", "long"])
def test_where_there_is_no_caption_it_is_a_note_beside_the_rows(bench, results, older, form):
    done = bench("table", "--results", results, "--format", form)
    assert told(older) in done.err and "framediff" in done.out and "framepred" not in done.out


def test_what_is_not_shown_is_not_called_missing(bench, results, older):
    for words in (["table"], ["gain"], ["compare"], ["plot", "matrix"], ["report"], ["keep"]):
        done = bench(*words, "--results", results, "--where", "method=framepred")
        assert done.code == 2 and told(older, 2) in done.err, done


@pytest.mark.parametrize("words", [["table"], ["compare", "--against", "ramp"], ["gain"], ["plot", "shots"]])
def test_the_older_copy_can_be_asked_for(bench, results, older, words):
    done = bench(*words, "--results", results, "--where", f"target_digest={older}")
    assert done.code == 0 and "not shown" not in done.out
    assert "framepred" in done.out or words[0] == "plot"


def test_python_says_and_takes_the_same(results, older):
    stored = crossvad.load_results(results)
    said = told(older).replace(f"--where target_digest={older}", f'where={{"target_digest": "{older}"}}')
    assert said in repr(stored.table()) and said in " ".join(stored.plot("matrix").get_supxlabel().split())
    assert {cell.cell.method for cell in stored.records} == {"framediff"}
    copy = crossvad.load_results(results, where={"target_digest": older})
    assert {cell.cell.method for cell in copy.records} == {"framediff", "framepred", "ramp"}
    assert set(copy.gains().frame["method"]) == {"framepred"}
    with pytest.raises(InputError, match="another copy of path:plaza"):
        crossvad.load_results(results, where="method=ramp").table()


def test_the_list_of_what_is_stored_has_both(bench, results, older):
    done = bench("results", "list", "--results", results, "--format", "csv")
    lines = [line for line in done.out.splitlines() if line.startswith("target_digest,")]
    newer = {record.cell.target_digest for record in Store(results).records()} - {older}
    assert len(lines) == 2 and f"{older},4,4,0,copy of path:plaza: not shown unless asked for" in lines[0]
    assert any(digest in lines[1] for digest in newer) and lines[1].endswith("1,1,0,copy of path:plaza: the newest")
    assert "method,framepred,2,2,0," in done.out


def test_two_copies_are_never_one(bench, results, older):
    found = {record.cell.target_digest for record in Store(results).records() if record.cell.method == "framediff"}
    (newer,) = found - {older}
    done = bench("table", "--results", results, "--where", f"target_digest={older},{newer}")
    assert done.code == 2 and "would mix 2 of path:plaza" in done.err and f"target_digest={older}" in done.err
