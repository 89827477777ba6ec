"""`bench submit pack`: what goes into a submission, and that it is the same every time."""

import subprocess
from pathlib import Path

import pytest

import camera_stores
import submissions_made as made
from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from crossvad.planning.catalogue import BASELINES
from crossvad.store.store import Store, sha256
from crossvad.submission.card import read_card
from crossvad.submission.checking import check
from crossvad.submission.layout import CARD, SUMS
from crossvad.submission.packing import chosen_cells

MINE = "class Mine:\n    pass\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def results(tmp_path) -> Path:
    made.put_grid(Store(tmp_path / "results"), ("apn", "lmn"))
    return tmp_path / "results"


def pack(bench, *words):
    return bench("submit", "pack", "out", "--quiet", *words)


def test_twice_gives_the_same_bytes(bench, results):
    done = pack(bench, "--where", "method=apn")
    assert done.code == 1 and "card.toml, line 4" in done.out and "by says nothing" in done.out
    first = contents(Path("out"))
    pack(bench, "--where", "method=apn")
    assert contents(Path("out")) == first
    assert subprocess.run(["sha256sum", "-c", "--quiet", SUMS], cwd="out").returncode == 0


def test_a_card_that_was_filled_in_is_kept(bench, results):
    pack(bench)
    card = Path("out/card.toml")
    card.write_text(card.read_text().replace('by = ""', 'by = "a \\"lab\\""'))
    assert "card.toml was changed" in " ".join(bench("submit", "check", "out", "--quiet").out.replace("│", " ").split())
    done = pack(bench)
    assert done.code == 0 and 'a "lab"' in done.out and read_card(card).by == 'a "lab"'
    assert [problem for problem in check(Path("out")).problems if problem.severity == "error"] == []


def test_starts_and_trivial_rows_come_along(bench, results):
    pack(bench, "--where", "method=apn", "--where", "shots=10")
    cells = [record.cell for record in Store(Path("out")).records()]
    assert {(cell.method, cell.shots) for cell in cells} == {
        ("apn", 0),
        ("apn", 10),
        *((name, 0) for name in BASELINES),
    }


def test_trivial_rows_come_along_as_they_read_after_the_same_support_sets(bench, results):
    """Else what a method gains by its shots would be held against rows that had none."""
    store = Store(results)
    for shots, support in ((10, "train-head"), (5, "train-head"), (10, "scene-head")):
        camera_stores.put(store, "support-mean", shots=shots, support=support)
    pack(bench, "--where", "method=apn", "--where", "shots=10")
    cells = [record.cell for record in Store(Path("out")).records()]
    (support,) = {cell.support for cell in cells if cell.method == "apn" and cell.shots}
    assert support == "train-head"
    mean = {(cell.shots, cell.support) for cell in cells if cell.method == "support-mean"}
    assert mean == {(0, "none"), (10, "train-head")}
    pack(bench, "--where", "method=apn", "--where", "shots=0")
    assert {record.cell.shots for record in Store(Path("out")).records()} == {0}


def test_what_failed_or_saw_test_video_is_left_out(bench, results):
    store = Store(results)
    camera_stores.put(store, "apn", shots=10, support="test-head")
    record = camera_stores.put(store, "mpn")
    record.status, record.reason = "failed", "no luck"
    store.write(record)
    done = pack(bench)
    assert "1 cell not done" in done.out and "1 cell that protocol fair has no place for" in done.out
    assert not {"mpn", "test-head"} & {word for record in Store(Path("out")).records()
                                       for word in (record.cell.method, record.cell.support)}  # fmt: skip


def test_a_folder_of_something_else_is_left_alone(bench, results):
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("all of it")
    done = pack(bench)
    assert done.code == 2 and "something else" in done.err and Path("out/thesis.tex").read_text() == "all of it"
    assert pack(bench, "--where", "method=nobody").code == 2


@pytest.fixture
def with_plugin(bench, plugin, tmp_path, north, south, monkeypatch):
    """A run of a plug-in, and its file; what `bench run` needs of it."""
    name = plugin()
    words = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--quiet", "--shots", "0,2")
    done = bench("run", *words, "--method", name)
    assert done.code == 0, done.err
    return Path(name.rpartition(":")[0])


def test_code_goes_along_by_its_sum_if_it_is_what_was_run(bench, with_plugin):
    done = pack(bench)
    assert done.code == 2 and f"--code {with_plugin.name}" in done.err and not Path("out").exists()
    done = pack(bench, "--code", with_plugin)
    copied = Path("out/plugins") / sha256(with_plugin) / with_plugin.name
    assert copied.read_bytes() == with_plugin.read_bytes() and f"{with_plugin.stat().st_size} bytes" in done.out
    assert "licence says nothing" in done.out and "by says nothing" in done.out
    assert list(read_card(Path("out") / CARD).methods) == ["mine.py:Mine"]
    with_plugin.write_text(with_plugin.read_text().replace("frames=5", "frames=6"))
    done = pack(bench, "--code", with_plugin)
    assert done.code == 2 and "is not as it was when mine.py:Mine was run" in done.err
    assert copied.exists()  # what was packed before is still there


def test_code_of_none_of_the_cells_is_not_passed_over(bench, results, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    done = pack(bench, "--code", tmp_path / "mine.py")
    assert done.code == 2 and "mine.py: is the file of no plug-in that these cells name; leave it out" in done.err


def test_a_missing_store_file_is_told(results, tmp_path):
    store = Store(results)
    records = store.records()
    cells, _ = chosen_cells(records, records)
    next((results / "runs" / "cells").glob("*/scores.npz")).write_bytes(b"other")
    with pytest.raises(InputError, match="was changed"):
        made.pack(tmp_path / "out", Store(results))
    assert cells and registry.runs_code("mine.py:Mine") and not (tmp_path / "out").exists()
