"""Commands are loaded when they are called: help and completion of names need nothing heavy, and say the same."""

import json
import os
import subprocess
import sys

import click
import pytest

from crossvad import cli
from crossvad.commands.ablate import NAMES
from crossvad.studies.ablation import ABLATIONS

HEAVY = {"torch", "numpy", "pandas", "matplotlib", "scipy", "sklearn"}


def in_a_process(*words, completing=False, folder=None):
    """What `bench` printed in a process of its own, started in a folder, and which heavy modules that loaded."""
    code = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted({HEAVY!r} & {{*sys.modules}})), file=sys.stderr))
from crossvad.cli import main
sys.argv = ["bench", *{list(words)!r}]
main()
"""
    settings = {}
    if completing:
        line = " ".join(["bench", *words])
        settings = {"_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder,
                          env={**os.environ, **settings})  # fmt: skip
    return done.stdout, {*json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize(
    ("line", "place", "completed"),
    [
        ("bench table --where met", 3, ["method=", "method_version="]),
        ("bench table --where method = framed", 5, ["framediff"]),
        ("bench table --where budget =", 4, ["smoke", "demo", "quick", "quick128", "standard", "paper"]),
        ("bench table --where method = apn,framed", 5, ["apn,framediff"]),
        ("bench table --where = method = framed", 6, ["framediff"]),
        ("bench run --source = synthetic-s", 4, ["synthetic-street"]),
        ("bench run --source path : yard --tar", 6, ["--target"]),
        ("bench run --source path : yard,synthetic-s", 5, ["yard,synthetic-street"]),
        ("bench table --where method = apn --for", 6, ["--format"]),
        ("bench table --where method=framed", 3, ["method=framediff"]),  # of a bash that parts no words there
    ],
)
def test_words_that_bash_parts_are_completed(line, place, completed, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for name, value in {"COMPLETE": "bash_complete", "WORDS": line, "CWORD": place}.items():
        monkeypatch.setenv(f"{'_BENCH' if name == 'COMPLETE' else 'COMP'}_{name}", str(value))
    with pytest.raises(SystemExit):
        cli.bench(prog_name="bench")
    assert [told.partition(",")[2] for told in capsys.readouterr().out.splitlines()] == completed


@pytest.mark.parametrize(
    "words", ["--help", "--version", "run --help", "compare --help", "audit --help", "score --help", "choose --help"]
)
def test_help_loads_nothing_heavy(words):
    out, heavy = in_a_process(*words.split())
    assert out and heavy == set()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["ta"], ["table"]),
        (["run", "--method", "ap"], ["apn", "apn-released"]),
        (["run", "--method", "apn,me"], ["apn,memae", "apn,memae-2d"]),
        (["run", "--tuning", "me"], ["metasgd"]),
        (["run", "--source", "synthetic-s"], ["synthetic-street"]),
        (["run", "--target", "synthetic-c"], ["synthetic-cameras"]),
        (["matrix", "--source", "ped1,synthetic-s"], ["ped1,synthetic-street"]),
        (["matrix", "--source", "ped2,ped1+synthetic-s"], ["ped2,ped1+synthetic-street"]),
        (["score", "--source", "ped1+pe"], ["ped1+ped1", "ped1+ped2"]),
        (["table", "--where", "source=ped1+av"], ["source=ped1+avenue"]),
        (["matrix", "--sou"], ["--source"]),
        (["matrix", "cross"], ["cross-camera"]),
        (["suites", "show", "pa"], ["paper"]),
        (["tunings", "info", "meta"], ["metasgd"]),
        (["audit", "checkpoints", "--target", "ped"], ["ped1", "ped2"]),
        (["table", "--rows", "me"], ["method"]),
        (["table", "--where", "tar"], ["target=", "target_digest="]),
        (["table", "--where", "method=ap"], ["method=apn", "method=apn-released"]),
        (["gain", "--where", "tuning=none,me"], ["tuning=none,metasgd"]),
        (["compare", "--format", "m"], ["md"]),
        (["datasets", "check", "av"], ["avenue"]),
        (["results", "list", "--where", "place=r"], ["place=runs", "place=reference"]),
        (["methods", "in"], ["info"]),
        (["choose", "ap"], ["apn", "apn-released"]),
        (["choose", "apn", "--source", "synthetic-s"], ["synthetic-street"]),
        (["plot", "s"], ["scores", "shots", "speed", "steps"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_completion_loads_nothing_heavy(words, completed, tmp_path):
    out, heavy = in_a_process(*words, completing=True, folder=tmp_path)
    assert [line.partition(",")[2] for line in out.splitlines()] == completed and heavy == set()


def cells(folder, **keys):
    """Records of cells, of which a key each differs, and one that cannot be read."""
    each = [{key: value} for key, value in keys.items()]
    for number, cell in enumerate([*each, {"source": "ucf", "target": "ped2"}, None]):
        place = folder / ("reference" if number % 2 else "runs/cells") / f"{number:016x}"
        place.mkdir(parents=True)
        (place / "record.json").write_text(json.dumps({"cell": cell}) if cell else "{")


@pytest.mark.parametrize("command", ["table", "plot roc", "results list", "keep", "audit scores", "plot errors"])
def test_values_that_are_stored_are_completed_everywhere(command, tmp_path):
    cells(tmp_path / "mine", method="apn[cycles=1]", shots=7, target_digest="abc")
    words = [*command.split(), "--results", str(tmp_path / "mine"), "--where"]
    for typed, completed in (
        ("method=", "method=apn[cycles=1]"),
        ("shots=", "shots=7"),
        ("target_digest=a", "abc"),
        ("pair=u", "\N{RIGHTWARDS ARROW}ped2"),
    ):
        out, heavy = in_a_process(*words, typed, completing=True, folder=tmp_path)
        assert out.rstrip().endswith(completed) and out.count("\n") == 1
        assert heavy == set() or "plot" in command


def test_a_plot_is_listed_without_loading_any_and_loads_no_other():
    out, heavy = in_a_process("plot", "--help")
    assert "Anomaly scores over the frames" in out and heavy == set()
    for name in ("matrix", "scores"):
        assert "torch" not in in_a_process("plot", name, "--help")[1], name


def test_stored_scores_are_read_without_torch(bench, north, south, tmp_path):
    words = ("--method", "framediff", "--shots", "0", "--budget", "smoke", "--quiet")
    assert bench("run", "--source", f"path:{north}", "--target", f"path:{south}", *words).code == 0
    for command in ("table", "compare --against random", "results list"):
        out, heavy = in_a_process(*command.split(), "--results", str(tmp_path / "results"), folder=tmp_path)
        assert "framediff" in out and "torch" not in heavy, command


def test_short_helps_are_the_commands_own():
    context = click.Context(cli.bench)
    for name, deferred in cli.COMMANDS.items():
        command = cli.bench.get_command(context, name)
        assert command and command.name == name
        assert deferred.short_help == click.Command(name, help=command.help).get_short_help_str(10_000), name


def test_names_that_are_listed_before_loading():
    assert list(NAMES) == list(ABLATIONS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tabel", "No such command 'tabel'. Did you mean table"),
        ("dataset list", "No such command 'dataset'. Did you mean datasets"),
        ("datasets lst", "No such command 'lst'. Did you mean list?"),
        ("methods inf", "Did you mean info?"),
        ("audit score", "Did you mean scores?"),
        ("plot matrx", "Did you mean matrix?"),
        ("results lsit", "Did you mean list?"),
        ("xyz", "No such command 'xyz'. Choose from ablate, audit,"),
        ("run --sauce ped2", "'--source'"),
        ("table --wher shots=1", "'--where'"),
    ],
)
def test_a_command_or_option_that_is_not_there(bench, words, said):
    done = bench(*words.split())
    assert done.code == 2 and said in " ".join(done.err.split())
