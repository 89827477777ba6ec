"""Runs on machines that share a URL and no disk: what one has made no other makes again, for the same scores."""

import json
from itertools import count

import pytest

import crossvad
from crossvad.datasets.errors import CannotKeep, InputError
from crossvad.store import objects, shared_claims
from crossvad.store.urls import folder_of
from shared_stores import cut_off, files_at, now_and_then, scores_below

numbers = count()
COUNTED = (
    "        def loss",
    """        def fit(self, source, budget, log):
            super().fit(source, budget, log)
            with open(__file__ + ".fits", "a") as file:
                file.write("x")

        def loss""",
)


@pytest.fixture
def url(monkeypatch) -> str:
    monkeypatch.setattr(objects, "PAUSES", (0.0,))
    monkeypatch.setattr(objects, "RESTS", 0.0)
    monkeypatch.setattr(shared_claims, "LOOK", 0.01)
    monkeypatch.setattr(shared_claims, "DEAD", 0.1)
    return f"memory://runs-{next(numbers)}"


@pytest.fixture
def counted(plugin, tmp_path):
    """A method, and how often it was trained."""
    method = plugin(("    def loss", COUNTED[1].removeprefix("    ").replace("\n    ", "\n")))
    path = tmp_path / "mine.py.fits"
    return method, lambda: len(path.read_text()) if path.exists() else 0


@pytest.fixture
def run(north, south, tmp_path, monkeypatch):
    def run_at(machine, results, *methods, **settings):
        monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / machine))
        asked = {"source": north, "target": south, "budget": "smoke", "shots": [0, 2], "quiet": True}
        return crossvad.run(**{**asked, "methods": list(methods), "results": results, **settings})

    return run_at


def test_a_round_trip(run, url, counted, bench, tmp_path, monkeypatch):
    method, fits = counted
    alone = run("alone", tmp_path / "folder", method, "framediff")
    assert fits() == 1
    first = run("a", url, method)
    assert fits() == 2 and scores_below(first.folder)  # "a" knows nothing of the folder
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "b"))
    shown = bench("table", "--results", url, "--format", "csv")
    assert shown.code == 0 and "random" in shown.out
    assert scores_below(folder_of(url)) == scores_below(first.folder)
    third = run("c", url, method, "framediff")  # of which "a" has run but one
    assert fits() == 2
    assert scores_below(third.folder) == scores_below(alone.folder)
    made_by_a = {record.cell.key: record for record in first.records}
    assert all(record == made_by_a.get(record.cell.key, record) for record in third.records)


def test_mended_labels_reach_all_machines_and_are_scored_by_once(run, url, counted, camera):
    method, fits = counted
    target = camera("target")
    before = run("a", url, method, target=target)
    run("b", url, method, target=target)
    (target / "labels.csv").write_text("video,start,end\na,32,40\n")
    mended = run("a", url, method, target=target)
    made = {record.cell.key: record for record in mended.records}
    assert not {record.finished for record in before.records} & {record.finished for record in mended.records}
    for machine in ("b", "c", "a"):  # one holds older ones, another none
        assert {record.cell.key: record for record in run(machine, url, method, target=target).records} == made
    assert fits() == 1


def test_a_fit_is_fetched_for_other_cells_of_it(run, url, counted):
    method, fits = counted
    run("a", url, method, shots=[0])
    run("b", url, method, shots=[0, 2])
    assert fits() == 1


def test_what_another_machine_is_at_comes_last(run, url, counted, monkeypatch, capsys):
    method, fits = counted
    run("a", url, method, shots=[0], tuning="none")
    key = next(name.split("/")[2] for name in files_at(url) if name.startswith("runs/fits/"))
    dead = objects.Objects(url)
    dead.write(f"runs/claims/fits-{key}", b"another machine")
    run("b", url, method, quiet=False)
    assert fits() == 1 and "another process is at it, and is waited for" in capsys.readouterr().err
    assert not [name for name in files_at(url) if name.startswith("runs/claims/")]


@pytest.mark.parametrize("seed", range(3))
def test_wherever_the_network_fails_the_same_goes_on(run, url, counted, tmp_path, seed):
    method, fits = counted
    with pytest.MonkeyPatch.context() as patch:
        failed = cut_off(patch, now_and_then(seed, 0.6))
        try:
            run("a", url, method)
        except CannotKeep as error:
            assert "the same command goes on" in str(error)
        except InputError as error:
            assert "cannot be reached" in str(error)
    trained = fits()
    assert failed
    ended = run("a", url, method)
    assert fits() == max(trained, 1)
    assert {record.status for record in ended.records} == {"done"}
    other = run("b", url, method)
    assert fits() == max(trained, 1) and scores_below(other.folder) == scores_below(ended.folder)


def test_a_network_that_goes_in_the_middle_of_a_run_stops_no_cell(run, url, counted, tmp_path, monkeypatch):
    method, fits = counted
    with pytest.MonkeyPatch.context() as patch:
        cut_off(patch, lambda: any(name.endswith("record.json") for name in files_at(url)))
        with pytest.raises(CannotKeep, match=r"the cable was pulled.*goes on and shares it"):
            run("a", url, method)
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "a"))
    records = [json.loads(path.read_text()) for path in folder_of(url).glob("runs/cells/*/record.json")]
    assert len(records) == 10 and {record["status"] for record in records} == {"done"}
    run("a", url, method)
    assert fits() == 1 and len([name for name in files_at(url) if name.endswith("record.json")]) == 10


def test_failures_stay_on_their_machine(run, url, plugin):
    broken = plugin(("return {", "raise ArithmeticError('no')\n        return {"))
    ended = run("a", url, broken, "framediff")
    assert {record.status for record in ended.records} == {"done", "failed"}
    kept = [json.loads(content) for name, content in files_at(url).items() if name.endswith("record.json")]
    assert kept and {record["status"] for record in kept} == {"done"}


def test_processes_of_one_machine_share_what_they_make(north, south, tmp_path, monkeypatch):
    url = (tmp_path / "shared").as_uri()
    monkeypatch.setenv("CROSSVAD_CACHE", str(tmp_path / "a"))
    asked = {"source": north, "target": south, "budget": "smoke", "shots": [0, 2], "quiet": True, "results": url}
    ran = crossvad.run(**asked, methods=["framepred", "framediff"], jobs=2)
    assert {record.status for record in ran.records} == {"done"}
    assert scores_below(tmp_path / "shared") == scores_below(ran.folder)
    assert not list(ran.store.place("unshared", "").iterdir())


@pytest.mark.parametrize(
    "words", ["status", "keep", "env", "profile --stored", "run --source S --target T --launcher ray"]
)
def test_what_is_of_one_folder_says_so(bench, north, south, words):
    words = [{"S": f"path:{north}", "T": f"path:{south}"}.get(word, word) for word in words.split()]
    ended = bench(*words, "--results", "memory://nowhere/runs")
    assert ended.code == 2 and "memory://nowhere/runs: is " in ended.err and "Traceback" not in ended.err


@pytest.mark.parametrize("words", ["table", "report", "compare --against random", "verify", "plot matrix", "keep"])
def test_a_url_without_cells_is_told_of(bench, words):
    ended = bench(*words.split(), "--results", "memory://nothing-there")
    assert ended.code == 2 and ended.err.startswith("Error: memory://nothing-there: ")
