"""crossvad from Python: the same cells, tables and figures as on the command line, as objects."""

from __future__ import annotations

import doctest
import io
import shlex
import subprocess
import sys

import pandas as pd
import pytest
from matplotlib.figure import Figure

import crossvad
from crossvad import api, results
from crossvad.adapters.base import Adapter
from crossvad.adapters.methods.baselines import FrameDifference
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.store.store import Store

BASELINES = ["random", "ramp", "framediff", "extrapolate", "support-mean"]


class Brightness(Adapter):
    """How bright the last frame is."""

    needs_source = stochastic = adapts = False

    def score(self, clips):
        return {"brightness": clips[:, -1].mean((1, 2, 3))}


@pytest.fixture
def ran(north, south, tmp_path):
    """Two baselines and a trained method, at 0 and 2 shots, from one camera to another."""
    return crossvad.run(
        source=north, target=OwnFolder(south), methods=["framepred"], shots=[2], budget="smoke", quiet=True,
        tuning="finetune[learning_rate=1e-3]", results=tmp_path / "results",
    )  # fmt: skip


@pytest.mark.parametrize("module", [api, results])
def test_examples_in_docstrings_run(module, tmp_path):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(module, extraglobs={"tmp_path": tmp_path}, optionflags=flags)
    assert outcome.failed == 0 and (outcome.attempted > 5 or module is results)


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
    assert ours["method"].tolist() == theirs["method"].tolist()
    assert ours["auc"].round(4).tolist() == theirs["auc"].tolist()


def test_tables_gains_and_comparisons_are_those_of_the_commands(ran, bench):
    def md(done):
        return done.out.partition("-->\n\n")[2]

    ran = crossvad.load_results(ran.store.root.parent)  # in the order of names, as the commands have no other
    assert repr(ran.table(rows="method", columns="shots")) == md(
        bench("table", "--rows", "method", "--columns", "shots", "--format", "md")
    )
    assert repr(ran.gains()) == md(bench("gain", "--format", "md"))
    assert repr(ran.compare(against="ramp")) == md(bench("compare", "--against", "ramp", "--format", "md"))


def test_a_plot_is_a_figure(ran):
    assert isinstance(ran.plot("shots"), Figure)
    with pytest.raises(InputError, match="pie: is no plot; choose from"):
        ran.plot("pie")


def test_results_tell_what_they_are(ran):
    assert repr(ran).startswith(f"<Results: {len(ran)} cells in ") and "protocol fair" in repr(ran)
    assert "<table" in ran.table()._repr_html_()


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


# ---------------------------------------------------------------------------------------------- nothing heavy at once

HEAVY = {"torch", "pandas", "numpy", "matplotlib", "scipy", "sklearn"}


def loaded(code: str, **environment: str) -> tuple[str, set[str]]:
    """What a program prints, and which heavy packages it has imported when it ends."""
    program = f"import atexit, sys\natexit.register(lambda: print('HEAVY', *sorted(sys.modules)))\n{code}"
    from os import environ

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(environ) | environment, check=False
    )
    text, _, modules = done.stdout.partition("HEAVY")
    assert modules, done.stderr
    return text, HEAVY & set(modules.split())


def test_the_package_is_light():
    code = "import crossvad; print(crossvad.__version__, 'run' in dir(crossvad))"
    assert loaded(code) == (f"{crossvad.__version__} True\n", set())


def test_help_is_light():
    text, heavy = loaded("import sys; sys.argv = ['bench', '--help']; from crossvad.cli import main; main()")
    assert "Train on a source" in text and not heavy
    text, heavy = loaded("import sys; sys.argv = ['bench', 'run', '--help']; from crossvad.cli import main; main()")
    assert "--tuning" in text and not heavy - {"numpy"}


def test_reading_stored_cells_takes_nothing_that_trains_or_computes(tmp_path):
    """Metrics were computed when the run printed its table; reading them is to take no longer than it must."""
    words = shlex.split("run --source synthetic-street --target synthetic-plaza --method ramp --budget smoke")
    code = "import sys; sys.argv = ['bench', *{}]; from crossvad.cli import main; main()"
    results = ["--results", str(tmp_path)]
    loaded(code.format([*words, "--shots", "0", "--quiet", *results]))
    text, heavy = loaded(code.format(["table", "--rows", "method", *results]))
    assert "ramp" in text and not heavy & {"torch", "sklearn", "matplotlib"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bench ta", "plain,table"),
        ("bench run --method apn-", "plain,apn-released"),
        ("bench matrix --targets ped1,pe", "plain,ped1,ped1\nplain,ped1,ped2"),
        ("bench run --budget sm", "plain,smoke"),
        ("bench table --format la", "plain,latex"),
        ("bench table --rows method,tu", "plain,method,tuning"),
    ],
)
def test_completion_is_light(words, expected):
    code = "import sys; sys.argv = ['bench']; from crossvad.cli import main; main()"
    setting = {"_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    text, heavy = loaded(code, **setting)
    assert text.strip() == expected and not heavy - {"numpy"}


def test_what_is_listed_is_what_the_commands_say():
    from crossvad.cli import COMMANDS, bench

    for name, deferred in COMMANDS.items():
        command = bench.get_command(None, name)
        first = " ".join((command.help or "").split("\n\n")[0].split())
        assert first.startswith(deferred.short_help.rstrip(".")), name
        assert name == command.name
    with pytest.raises(AttributeError, match="has no attribute 'walk'"):
        crossvad.walk  # noqa: B018
