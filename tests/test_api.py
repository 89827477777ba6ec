"""crossvad from Python: the same cells, tables and figures as on the command line, as objects."""

from __future__ import annotations

import doctest
import io
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.figure import Figure

import crossvad
from conftest import paint, write_frames
from crossvad import api, results
from crossvad.adapters.base import Adapter
from crossvad.adapters.methods.baselines import FrameDifference
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.evaluation.comparison import ITSELF, counted, differences
from crossvad.store.store import Store

BASELINES = ["random", "ramp", "framediff", "extrapolate", "support-mean", "speed"]


class Brightness(Adapter):
    """How bright the last frame is."""

    needs_source = stochastic = adapts = False

    def score(self, clips):
        return {"brightness": clips[:, -1].mean((1, 2, 3))}


@pytest.fixture(scope="module")
def first_run(north, south, tmp_path_factory):
    """A trained method and the baselines, at 0 and 2 shots, from one camera to another; read only."""
    return crossvad.run(
        source=north, target=OwnFolder(south), methods=["framepred"], shots=[2], budget="smoke", quiet=True,
        tuning="finetune[learning_rate=1e-3]", results=tmp_path_factory.mktemp("first") / "results",
    )  # fmt: skip


@pytest.fixture
def ran(first_run, tmp_path):
    """The same cells in a results folder of the test's own."""
    shutil.copytree(first_run.folder, tmp_path / "results")
    return replace(first_run, store=Store(tmp_path / "results"))


@pytest.mark.parametrize("module", [api, results])
def test_examples_in_docstrings_run(module, tmp_path):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(module, extraglobs={"tmp_path": tmp_path}, optionflags=flags)
    assert outcome.failed == 0 and outcome.attempted > 0


def test_results_are_of_the_cells_asked_for_alone(ran, north, south, tmp_path):
    again = crossvad.run(
        source=north, target=south, methods=FrameDifference, shots=0, budget="smoke", quiet=True,
        results=tmp_path / "results",
    )  # fmt: skip
    assert sorted(again.to_frame()["method"]) == sorted(BASELINES)
    assert len(crossvad.load_results(tmp_path / "results")) == len(ran) > len(again)


def test_a_class_is_a_method(north, south, tmp_path):
    outcome = crossvad.run(
        source=north, target=south, methods=Brightness, shots=0, budget="smoke", quiet=True, results=tmp_path / "new"
    )
    (row,) = outcome.to_frame().query("method == 'test_api.py:Brightness'").to_dict("records")
    assert row["status"] == "done" and row["auc"] > 50  # a white square jumps about


def test_a_row_a_cell_as_on_the_command_line(ran, bench):
    printed = pd.read_csv(io.StringIO(bench("table", "--format", "long").out))
    keys = ["method", "tuning", "shots", "steps"]
    ours = ran.to_frame().sort_values(keys, ignore_index=True)
    assert len(ours) == len(ran) == len(printed)
    theirs = printed.sort_values(keys, ignore_index=True)
    assert [*ours] == [*theirs] and ours[keys].to_numpy().tolist() == theirs[keys].to_numpy().tolist()
    numbers = ours.select_dtypes("number").columns
    assert {"auc", "auc_low", "ap", "eer"} < {*numbers}
    pd.testing.assert_frame_equal(ours[numbers].round(4), theirs[numbers], check_dtype=False, rtol=0, atol=1e-4)


def test_a_row_a_cell_is_shown_as_pandas_does(ran):
    rows = ran.table(long=True)
    assert rows.frame.equals(ran.to_frame()) and repr(rows) == repr(rows.frame)
    assert rows._repr_html_().count("<tr") == len(ran) + 1


def test_tables_gains_and_comparisons_are_those_of_the_commands(ran, bench):
    def md(done):
        return done.out.partition("-->\n\n")[2]

    ran = crossvad.load_results(ran.store.root.parent)  # in the order of names, as the commands have no other
    assert repr(ran.table(rows="method", columns="shots")) == md(
        bench("table", "--rows", "method", "--columns", "shots", "--format", "md")
    )
    assert repr(ran.gains()) == md(bench("gain", "--format", "md"))
    assert repr(ran.compare(against="ramp")) == md(bench("compare", "--against", "ramp", "--format", "md"))


def test_their_numbers_are_those_of_the_commands(ran, bench):
    def same(frame, done):
        printed = pd.read_csv(io.StringIO(done.out), keep_default_na=False, na_values=[""])
        assert done.code == 0 and len(frame) == len(printed) > 0
        pd.testing.assert_frame_equal(frame, printed, check_dtype=False, rtol=0, atol=1e-4)

    ran = crossvad.load_results(ran.folder)
    same(ran.gains().frame, bench("gain", "--format", "csv"))
    same(ran.compare(against="ramp").frame, bench("compare", "--against", "ramp", "--format", "csv"))


def test_a_plot_is_a_figure(ran):
    assert isinstance(ran.plot("shots"), Figure)
    with pytest.raises(InputError, match="pie: is no plot; choose from"):
        ran.plot("pie")


def test_results_tell_what_they_are(ran):
    told = f"<Results: 10 cells in {ran.folder} (10 done), protocol fair: "
    assert len(ran) == 10 and repr(ran).startswith(told) and repr(ran).endswith("; path:north → path:south>")
    page = ran._repr_html_()
    assert page.startswith(f"<p>&lt;Results: 10 cells in {ran.folder} (10 done)") and "<table" in page
    assert "→ path:south&gt;</p>" in page and ran.table()._repr_html_() in page


@pytest.fixture
def empty(tmp_path):
    """A results folder that is there, and holds no cell."""
    (tmp_path / "none").mkdir()
    return tmp_path / "none"


def test_no_results_tell_that_there_are_none(empty):
    nothing = crossvad.load_results(empty)
    assert len(nothing) == 0 and nothing.to_frame().empty
    assert repr(nothing) == repr(crossvad.load_results(empty, {"budget": "quik"})) == f"<Results: 0 cells in {empty}>"
    assert "holds no such cell; run some" in nothing._repr_html_() and "<table" not in nothing._repr_html_()


@pytest.mark.parametrize(
    ("ask", "missing"),
    [("table", "cell"), ("summary", "cell"), ("compare", "finished cell"), ("cameras", "finished cell"),
     ("gains", "adapted cell"), ("rates", "adapted cell"), ("diagnostics", "fit")],
)  # fmt: skip
def test_what_cannot_be_told_of_no_results_is_refused(ask, missing, empty):
    nothing = crossvad.load_results(empty)
    with pytest.raises(InputError, match=f"none: holds no such {missing};"):
        getattr(nothing, ask)()


@pytest.mark.parametrize("kind", ["shots", "steps", "cameras", "matrix", "roc", "speed"])
def test_nothing_is_drawn_of_no_results(kind, empty):
    with pytest.raises(InputError, match="none: holds no such finished cell"):
        crossvad.load_results(empty).plot(kind)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda ran: ran.table(rows="colour"), "colour: is no such column; choose from method"),
        (lambda ran: ran.table(metric="luck"), "luck: is no such column; choose from auc"),
        (lambda ran: ran.compare(against="nobody"), 'against="nobody": is in none of these cells'),
        (lambda ran: ran.plot("errors"), "is of one cell, and there are 10"),
        (
            lambda ran: crossvad.load_results(ran.folder, where={"colour": "red"}),
            '{"colour": "red"}: cannot be read',
        ),
        (lambda ran: crossvad.load_results(ran.folder, where="method"), 'where="method": names no value'),
        (lambda ran: crossvad.load_results(ran.folder, protocol="unfair"), "unfair: is no protocol"),
    ],
)
def test_what_results_cannot_say_is_refused(first_run, ask, said):
    with pytest.raises(InputError, match=said):
        ask(first_run)


@pytest.mark.parametrize(
    "where", ["method=framepred,ramp", ["method=framepred,ramp"], {"method": ["framepred", "ramp"]}]
)
def test_stored_cells_are_chosen_by_conditions(ran, tmp_path, where):
    chosen = crossvad.load_results(tmp_path / "results", where=where)
    assert set(chosen.to_frame()["method"]) == {"framepred", "ramp"}


def test_nothing_is_written_to_read(ran, tmp_path):
    folder = tmp_path / "results"
    before = sorted(path for path in folder.rglob("*"))
    crossvad.load_results(folder).to_frame()
    after = [path for path in sorted(folder.rglob("*")) if "metric" not in path.name]
    assert after == [path for path in before if "metric" not in path.name]


def test_own_footage_is_scored(north, south, tmp_path):
    scored = crossvad.score_video(
        south / "test" / "a", source=north, method="framediff", shots=0, budget="smoke", quiet=True,
        results=tmp_path / "results",
    )  # fmt: skip
    assert len(scored.scores) == 40 and scored.moments[0].score == scored.scores["score"].max()
    assert not [*tmp_path.rglob("timeline.png")] and not [*tmp_path.rglob("scores.csv")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": []}, "sources: is empty"),
        ({"target": []}, "targets: is empty"),
        ({"seeds": []}, "seeds: is empty"),
        ({"shots": -1}, "^shots: -1 is too small"),
        ({"target": "ped3"}, "ped3: is no known dataset"),
        ({"methods": "framepret"}, "did you mean framepred"),
        ({"budget": "huge"}, "choose from smoke"),
        ({"support": "anything"}, "choose from train-head"),
        ({"device": "gpu"}, "is not to be had here"),
    ],
)
def test_what_cannot_be_meant_is_refused(north, south, tmp_path, change, said):
    asked = {"source": north, "target": south, "budget": "smoke", "quiet": True, "results": tmp_path / "results"}
    with pytest.raises(InputError, match=said):
        crossvad.run(**asked | change)
    assert not Store(tmp_path / "results").records()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "nothing.mp4"}, "nothing.mp4: is not there; name a video file"),
        ({"method": "nobody"}, "nobody: is no known method"),
        ({"source": "ped3"}, "ped3: is no known dataset"),
        ({"shots": -1}, "^shots: -1 is too small"),
    ],
)
def test_footage_that_cannot_be_scored_is_refused(north, south, tmp_path, change, said):
    asked = {"path": south / "test" / "a", "source": north, "method": "framediff", "budget": "smoke", "quiet": True}
    with pytest.raises(InputError, match=said):
        crossvad.score_video(**asked | change, results=tmp_path / "results")


def test_a_class_that_is_in_no_file_is_refused(north, south, tmp_path):
    typed = type("Typed", (Adapter,), {"__module__": "a_notebook"})
    with pytest.raises(InputError, match="Typed: is in no file that tells its versions apart; write it to a file"):
        crossvad.run(source=north, target=south, methods=typed, budget="smoke", results=tmp_path / "results")


def test_a_stopped_run_keeps_what_is_finished(north, south, plugin, tmp_path):
    stop = plugin(('return {"level"', 'raise KeyboardInterrupt\n        return {"level"'))
    with pytest.raises(KeyboardInterrupt):
        crossvad.run(
            source=north, target=south, methods=["framepred", stop], shots=2, budget="smoke", quiet=True,
            results=tmp_path / "results",
        )  # fmt: skip
    stored = crossvad.load_results(tmp_path / "results")
    statuses = {record.cell.method: record.status for record in stored.records}
    assert statuses == {"framepred": "done", "mine.py:Mine": "interrupted"}


def test_rivals_may_lie_outside_of_what_was_asked_for(ran):
    adapted = crossvad.load_results(ran.folder, where={"method": "framepred", "shots": 2})
    among = counted(ran.store, ran.records, ran.protocol)
    cells = among[(among["method"] == "framepred") & (among["shots"] == 2)]
    assert len(adapted) == 1
    pd.testing.assert_frame_equal(adapted.compare("random").frame, differences(cells, "random", among))
    assert adapted.gains().frame["difference"].tolist() == differences(cells, ITSELF, among)["difference"].tolist()


def test_conditions_are_spelled_as_they_are_typed():
    where = {"method": ["apn", "lmn"], "shots": 10, "tuning": "none"}
    assert results.conditions(where) == ["method=apn,lmn", "shots=10", "tuning=none"]
    assert results.conditions("method=apn,lmn") == ["method=apn,lmn"]


def test_what_is_written_of_footage_is_what_is_returned(north, tmp_path):
    write_frames(tmp_path / "yard", paint(60, 3, onset=40))
    scored = crossvad.score_video(
        tmp_path / "yard", source=north, method="framepred", shots=4, budget="smoke", quiet=True, top=2,
        results=tmp_path / "results", out=tmp_path / "out",
    )  # fmt: skip
    assert scored.scores["frame"].tolist() == [*range(60)] and scored.scores["support"].sum() == 4 + 5 - 1
    best = scored.moments[0]
    assert best.rank == 1 and best.frame >= 40 and best.score == scored.scores["score"].iloc[8:].max()
    assert scored.folder == tmp_path / "out" / "yard" and len(scored.stills) == len(scored.moments) <= 2
    assert all(still.is_file() for still in scored.stills)
    saved = pd.read_csv(scored.folder / "scores.csv")
    assert saved["score"].tolist() == pytest.approx(scored.scores["score"].tolist(), rel=1e-5)


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"torch", "pandas", "numpy", "matplotlib", "scipy", "sklearn", "click"}
    code = f"import crossvad, sys; assert not {heavy} & {{*sys.modules}}; print(crossvad.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (f"{crossvad.__version__}\n", 0), done.stderr


def test_every_public_name_is_there():
    for name in crossvad.__all__:
        assert getattr(crossvad, name) is not None and name in dir(crossvad)
    with pytest.raises(AttributeError, match=r"has no attribute 'walk'$"):
        _ = crossvad.walk


@pytest.mark.parametrize(("name", "meant"), [("loadresults", "load_results"), ("score_vidoe", "score_video")])
def test_a_misspelt_name_is_answered_by_the_one_that_is_meant(name, meant):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; did you mean {meant}\\?$"):
        getattr(crossvad, name)
    assert not hasattr(crossvad, "__wrapped__")
