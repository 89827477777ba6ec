"""A disk that fills up in the middle of a run: told by name, nothing is half-written, and it goes on from there."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import crossvad
from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.store.store import Store
from crossvad.verification.integrity import verify_store


def mount(folder: Path, size: str, *options: str) -> bool:
    """Mount a file system in memory of so many bytes; says whether that is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(folder)]
    return bool(shutil.which("mount")) and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def small(tmp_path) -> Iterator[Path]:
    """A disk of 600 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not mount(folder, "600k"):
        pytest.skip("no file system can be mounted here: needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_that_find_no_room(north, south, small, tmp_path, jobs):
    asked = {"source": north, "target": south, "methods": ["framepred", "mpn"], "seeds": [*range(6)], "shots": [0, 2]}
    asked |= {"budget": "smoke", "quiet": True, "device": "cpu"}
    with pytest.raises(InputError, match=r"small/r: cannot hold results any more \(No space left on device\)"):
        crossvad.run(**asked, results=small / "r", jobs=jobs)
    store = Store(small / "r")
    before = {record.cell.key: record.finished for record in store.records() if record.status == "done"}
    assert {record.status for record in store.records()} <= {"done", "interrupted"}  # it is no fault of any cell
    assert [problem for problem in verify_store(store)[1] if problem.severity == "error"] == []
    assert mount(small, "50m", "remount")
    results = crossvad.run(**asked, results=small / "r", jobs=jobs)
    assert {record.status for record in results.records} == {"done"}
    after = {record.cell.key: record.finished for record in store.records()}
    assert before.items() <= after.items() and len(after) > len(before)
    assert store.leftovers() == [] and verify_store(store)[1] == []


def test_a_cache_that_finds_no_room(north, south, small, tmp_path, monkeypatch):
    asked = {"source": north, "target": south, "methods": "framediff", "shots": 0, "budget": "smoke", "quiet": True}
    monkeypatch.setenv("CROSSVAD_CACHE", str(small / "cache"))
    (small / "filler").write_bytes(bytes(560_000))
    with pytest.raises(InputError, match=r"small/cache: the cache cannot be written \(No space left on device\)"):
        crossvad.run(**asked, results=tmp_path / "r")
    assert not [*(small / "cache").glob("*.part")] and Store(tmp_path / "r").records() == []
    (small / "filler").unlink()
    assert {record.status for record in crossvad.run(**asked, results=tmp_path / "r").records} == {"done"}


def test_any_other_file_that_finds_no_room(bench, north, south, small, tmp_path):
    words = ["--source", f"path:{north}", "--target", f"path:{south}", "--budget", "smoke", "--shots", "0"]
    assert bench("run", *words, "--method", "framediff", "--results", tmp_path / "r").code == 0
    (small / "filler").write_bytes(bytes(590_000))
    done = bench("report", "--results", tmp_path / "r", "--out", small / "report.html")
    assert done.code == 2 and "report.html" in done.err and "No space left on device" in done.err


def test_only_a_disk_is_a_disk(tmp_path):
    with pytest.raises(CannotKeep), Store(tmp_path).writing("fits", "0" * 16):
        raise OSError(28, "No space left on device")
    with pytest.raises(FileNotFoundError), Store(tmp_path).writing("fits", "0" * 16):
        raise FileNotFoundError(2, "No such file")
