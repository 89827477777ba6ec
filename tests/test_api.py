"""crossvad from Python: the examples in its docs, objects in place of names, what is read again, what stays out."""

import doctest
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

import crossvad
from conftest import paint, write_frames
from crossvad import Adapter, Results, api
from crossvad.adapters.methods.baselines import FrameDifference
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.comparison import ITSELF, counted_where, differences
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.registry import get_method
from crossvad.results import conditions
from crossvad.store.store import Store


@pytest.fixture
def run(north, south, tmp_path):
    """`crossvad.run` from camera to camera at budget smoke."""

    def call(**changes) -> Results:
        said = {"source": north, "target": south, "methods": "ramp", "shots": 2, "budget": "smoke", "quiet": True}
        return crossvad.run(**{**said, "results": tmp_path / "results", **changes})

    return call


def test_examples_in_the_docs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (examples,) = doctest.DocTestFinder(recurse=False).find(api, "crossvad.api", extraglobs={"tmp_path": tmp_path})
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(examples).attempted > 8
    assert not runner.summarize().failed


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import crossvad, sys; assert not {'torch', 'pandas', 'numpy'} & {*sys.modules}; print(crossvad.run.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("run\n", 0), done.stderr


def test_every_public_name_is_there():
    for name in crossvad.__all__:
        assert getattr(crossvad, name) is not None and name in dir(crossvad)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = crossvad.runn


class Brightness(FrameDifference):
    """A method of one's own, as a notebook has it."""


def test_objects_stand_for_names(run, north, south):
    by_name = run(source=f"path:{north}", target=f"path:{south}", methods=["framediff"])
    by_object = run(
        source=OwnFolder(north), target=[OwnFolder(south)], methods=FrameDifference, budget=BUDGETS["smoke"]
    )
    assert [record.cell for record in by_object.records] == [record.cell for record in by_name.records]
    own = run(methods=[Brightness, "framediff"]).to_frame().set_index("method")["auc"]
    assert own[get_method(Brightness).label] == own["framediff"] and issubclass(Brightness, Adapter)


def test_a_run_tells_of_its_own_cells_alone(run):
    first, second = run(methods="framepred"), run(methods="framediff", seeds=[0, 1])
    assert len(first) == 2 + 5 + 1 and {*first.to_frame()["method"]} - {*second.to_frame()["method"]} == {"framepred"}
    assert first.to_frame()["method"].iloc[0] == "framepred", "methods stand in the order in which they were asked for"
    both = crossvad.load_results(first.folder)
    assert {record.cell for record in both.records} == {
        record.cell for each in (first, second) for record in each.records
    }


def test_a_stopped_run_keeps_what_is_finished(run, plugin, tmp_path):
    stop = plugin(('return {"level"', 'raise KeyboardInterrupt\n        return {"level"'))
    with pytest.raises(KeyboardInterrupt):
        run(methods=["framepred", stop])
    stored = crossvad.load_results(tmp_path / "results")
    statuses = {record.cell.method: record.status for record in stored.records}
    assert statuses == {"framepred": "done", "mine.py:Mine": "interrupted"}


def test_results_answer_as_the_commands_do(run, bench):
    results = run(methods=["framepred", "framediff"])
    stored = crossvad.load_results("results", where=["method=framepred,framediff"])
    words = ("--where", "method=framepred,framediff", "--format")
    pd.testing.assert_frame_equal(stored.to_frame(), results.to_frame().query("method in @methods", local_dict={
        "methods": ["framepred", "framediff"]}).sort_values("method", ignore_index=True))  # fmt: skip
    assert bench("table", *words, "md").out.partition("-->\n\n")[2] == repr(stored.table())
    assert bench("compare", *words, "md").out.partition("-->\n\n")[2] == repr(stored.compare("framediff"))
    assert bench("gain", *words, "md").out.partition("-->\n\n")[2] == repr(stored.gains())
    table = stored.table(rows="method", columns="", metric=["auc", "eer"])
    assert list(table.frame.columns) == ["auc", "eer"]
    assert {*table.frame.index.get_level_values("method")} == {"framepred", "framediff"}


def test_rivals_may_lie_outside_of_what_was_asked_for(run):
    folder = run(methods="framepred").folder
    adapted = crossvad.load_results(folder, where={"method": "framepred", "shots": 2})
    found = adapted.compare("random").frame
    cells, among = counted_where(Store(folder), adapted.protocol, ["method=framepred", "shots=2"])
    pd.testing.assert_frame_equal(found, differences(cells, "random", among))
    assert adapted.gains().frame["difference"].tolist() == differences(cells, ITSELF, among)["difference"].tolist()


def test_what_a_notebook_shows(run):
    results = run()
    assert repr(results).startswith(f"<Results: 6 cells in {results.folder} (6 done), protocol fair: ramp, random")
    assert "<table" in results._repr_html_() and "path:north" in results._repr_html_()
    assert "holds no such cell" in crossvad.load_results(results.folder, where="method=apn")._repr_html_()
    assert isinstance(results.plot("matrix"), Figure)
    with pytest.raises(InputError, match="is no plot"):
        results.plot("pie")


@pytest.mark.parametrize(
    ("where", "spelled"),
    [
        ("method=apn,lmn", ["method=apn,lmn"]),
        (["method=apn", "shots=0"], ["method=apn", "shots=0"]),
        ({"method": ["apn", "lmn"], "shots": 10, "tuning": "none"}, ["method=apn,lmn", "shots=10", "tuning=none"]),
    ],
)
def test_conditions(where, spelled):
    assert conditions(where) == spelled


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": "huge"}, "budget 'huge': is unknown; choose from smoke"),
        ({"support": "head"}, "support 'head': is unknown; choose from train-head"),
        ({"protocol": "fare"}, "fare: is no protocol"),
        ({"source": Path("gone")}, "gone: cannot be listed"),
        ({"methods": [OwnFolder]}, "is not a crossvad.adapters.base.Adapter"),
        ({"methods": [int]}, "int: is in no file that tells its versions apart; write it to a file"),
    ],
)
def test_wrong_requests_are_refused(run, changes, said, tmp_path):
    with pytest.raises(InputError) as refused:
        run(**changes)
    assert said in str(refused.value) and not [*tmp_path.glob("results/runs/*")]


def test_score_video(north, tmp_path):
    write_frames(tmp_path / "yard", paint(60, 3, onset=40))
    settings = {"source": north, "budget": "smoke", "results": tmp_path / "results", "quiet": True, "shots": 4}
    scored = crossvad.score_video(tmp_path / "yard", method="framepred", top=2, **settings)
    assert scored.scores["frame"].tolist() == [*range(60)] and scored.scores["support"].sum() == 4 + 5 - 1
    best = scored.moments[0]
    assert best.rank == 1 and best.frame >= 40 and best.score == scored.scores["score"].iloc[8:].max()
    assert len(scored.moments) <= 2 and scored.folder is None and {*tmp_path.iterdir()} == {
        tmp_path / "yard", tmp_path / "results"}  # fmt: skip
    written = crossvad.score_video(tmp_path / "yard", method="framepred", out=tmp_path / "out", **settings)
    assert written.folder == tmp_path / "out" / "yard" and all(still.is_file() for still in written.stills)
    saved = pd.read_csv(written.folder / "scores.csv")
    assert saved["score"].tolist() == pytest.approx(scored.scores["score"].tolist(), rel=1e-5)
