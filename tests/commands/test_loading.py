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


def in_a_process(*words, completing=False):
    """What `bench` printed in a process of its own, and which heavy modules that loaded."""
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **settings})
    return done.stdout, {*json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize(
    "words", ["--help", "--version", "run --help", "compare --help", "audit --help", "score --help"]
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
        (["matrix", "--sources", "synthetic-s"], ["synthetic-street"]),
        (["matrix", "--sources", "ped2,ped1+synthetic-s"], ["ped2,ped1+synthetic-street"]),
        (["score", "--source", "ped1+pe"], ["ped1+ped1", "ped1+ped2"]),
        (["table", "--where", "source=ped1+av"], ["source=ped1+avenue"]),
        (["table", "--rows", "me"], ["method"]),
        (["table", "--where", "tar"], ["target="]),
        (["table", "--where", "method=ap"], ["method=apn", "method=apn-released"]),
        (["gain", "--where", "tuning=none,me"], ["tuning=none,metasgd"]),
        (["compare", "--format", "m"], ["md"]),
        (["datasets", "check", "av"], ["avenue"]),
        (["methods", "in"], ["info"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_completion_loads_nothing_heavy(words, completed):
    out, heavy = in_a_process(*words, completing=True)
    assert [line.partition(",")[2] for line in out.splitlines()] == completed and heavy == set()


def test_short_helps_are_the_commands_own():
    context = click.Context(cli.bench)
    for name, deferred in cli.COMMANDS.items():
        command = cli.bench.get_command(context, name)
        assert command and command.name == name
        assert deferred.short_help == click.Command(name, help=command.help).get_short_help_str(10_000), name


def test_names_that_are_listed_before_loading():
    assert list(NAMES) == list(ABLATIONS)


def test_a_command_that_is_not_there(bench):
    done = bench("tabel")
    assert done.code == 2 and "No such command 'tabel'" in done.err
