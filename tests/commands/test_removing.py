"""`bench results remove`: cells go from runs/ when somebody says so, and nothing else does."""

from __future__ import annotations

import sys

import pytest

from crossvad.store.claims import claim
from crossvad.store.removal import remove_cells
from crossvad.store.store import Store


@pytest.fixture
def finished(bench, north, south, plugin, tmp_path):
    """A trained method, the rows that no table goes without, and a plug-in that fails."""
    pair = ("--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--quiet", "--shots", "0,2")
    broken = plugin(('return {"level"', 'raise RuntimeError("no luck")\n        return {"level"'))
    assert bench("run", *pair, "--method", "framepred", "--method", broken).code == 1
    return Store(tmp_path / "results")


def methods(store):
    return sorted({record.cell.method for record in store.records()})


def files(store):
    return sorted(str(path) for path in store.root.rglob("*") if "index" not in path.name)


def test_cells_that_failed_go_and_all_others_stay(bench, finished, tmp_path):
    before, fits = methods(finished), sorted((finished.root / "fits").iterdir())
    done = bench("results", "remove", "--failed", "--yes")
    assert done.code == 0 and "mine.py:Mine" in done.out and "framepred" not in done.out
    assert done.out.splitlines()[-1] == "Removed 2 cells of results/runs/cells"
    assert methods(finished) == [name for name in before if name != "mine.py:Mine"]
    assert sorted((finished.root / "fits").iterdir()) == fits
    assert "missing (failed)" not in bench("table").out
    again = bench("results", "remove", "--failed", "--yes")
    assert again.code == 0 and "No cell here failed: nothing to remove." in again.out


def test_nothing_goes_before_somebody_says_so(bench, finished, monkeypatch):
    before = files(finished)
    shown = bench("results", "remove", "--where", "method=framepred")
    assert shown.code == 2 and shown.out.count("framepred") == 1
    problem = "removed nothing, as there is no terminal to ask on whether 2 cells of results/runs/cells may go"
    assert f"bench results remove: {problem}; say --yes" in shown.err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda text: False)
    assert "Nothing was removed." in bench("results", "remove", "--where", "method=framepred").out
    assert files(finished) == before
    monkeypatch.setattr("click.confirm", lambda text: text == "Remove 2 cells of results/runs/cells?")
    assert "Removed 2 cells" in bench("results", "remove", "--where", "method=framepred").out
    assert "framepred" not in methods(finished)


def test_what_was_made_anew_while_somebody_was_asked_stays(bench, finished, monkeypatch):
    cell = next(record.cell for record in finished.records() if record.cell.method == "framepred")

    def another_run(text):
        finished.write(finished.record(cell), finished.scores(cell))
        return True

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", another_run)
    done = bench("results", "remove", "--where", "method=framepred")
    assert "Removed 1 cell of" in done.out and "note: 1 cell changed meanwhile: not removed" in done.err
    assert [record.cell for record in finished.records() if record.cell.method == "framepred"] == [cell]


def test_all_cells_are_never_meant(bench, finished):
    done = bench("results", "remove", "--yes")
    assert done.code == 2 and "is told of no cells; say which: --where KEY=VALUE, or --failed" in done.err


def test_committed_cells_and_those_that_a_run_is_at_stay(bench, finished):
    bench("keep", "--where", "method=framepred", "--where", "shots=0")
    (kept,) = finished.reference.iterdir()
    cells = {r.cell.shots: r.cell for r in finished.records() if r.cell.method == "framepred"}
    with claim(finished.place("claims", f"cells-{cells[2].group_key}")):
        done = bench("results", "remove", "--where", "method=framepred", "--yes")
        assert "not removed: 1 cell that a run is at" in done.err and "Removed 1 cell of" in done.out
    committed = bench("results", "remove", "--where", "place=reference", "--yes")
    assert committed.code == 2 and "nothing to remove but 1 committed cell" in committed.err
    assert "Removed 1 cell of" in bench("results", "remove", "--where", "method=framepred", "--yes").out
    assert kept.is_dir()
    left = bench("results", "remove", "--where", "method=framepred", "--yes")
    assert left.code == 2 and "nothing to remove but 1 committed cell of results/reference" in left.err


def test_what_a_run_begins_with_at_the_last_moment_stays(finished, monkeypatch):
    (record, *_) = finished.records()
    with claim(finished.place("claims", f"cells-{record.cell.group_key}")):
        monkeypatch.setattr(Store, "is_claimed", lambda *of: False)  # nobody was at it yet
        assert remove_cells(finished, [record]) == 0 and finished.record(record.cell) == record


def test_what_cannot_be_written_or_leads_elsewhere_is_refused(bench, finished, tmp_path, monkeypatch):
    url = bench("results", "remove", "--failed", "--yes", "--results", "memory://cells")
    assert url.code == 2 and "is a URL, and bench results remove is of a folder" in url.err
    before = files(finished)

    def read_only(**at):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("crossvad.store.store.tempfile.TemporaryFile", read_only)
        done = bench("results", "remove", "--failed", "--yes")
    assert done.code == 2 and "results: cannot hold results (Permission denied)" in done.err
    (finished.root / "cells").rename(tmp_path / "theirs")
    (finished.root / "cells").symlink_to(tmp_path / "theirs")
    linked = bench("results", "remove", "--failed", "--yes")
    assert linked.code == 2 and "cells: is a link" in linked.err
    (finished.root / "cells").unlink()
    (tmp_path / "theirs").rename(finished.root / "cells")
    assert files(finished) == before
