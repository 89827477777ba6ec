"""A text that speaks of options reads as a command is typed, and knows its options wherever it goes."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from crossvad.datasets.errors import InputError, Mixed, plain
from crossvad.datasets.wording import condition, noun, option, options, options_of, sentence

ROOT = Path(__file__).parents[2]
SOURCES = [path for room in ("datasets", "adapters", "benchmark") for path in (ROOT / room).rglob("*.py")]


@pytest.mark.parametrize(
    ("wording", "typed"),
    [
        (option("max_failures"), "--max-failures"),
        (option("shots", 3), "--shots 3"),
        (option("false_alarms", 0.5), "--false-alarms 0.5"),
        (option("steps", 1000000), "--steps 1000000"),
        (option("steps", np.int64(1000000)), "--steps 1000000"),
        (option("look", 90, "s"), "--look 90s"),
        (option("skip_bad", False), "--no-skip-bad"),
        (option("maps", True), "--maps"),
        (option("data", ...), "--data"),
        (option("plugin", "my file.py"), "--plugin 'my file.py'"),
        (option("video", ""), "--video ''"),
        (noun("method"), "--method"),
        (option("long"), "--format long"),
        (options("rows"), "--rows"),
        (options("rows", "columns", "long"), "--rows, --columns or --format long"),
        (options("rows", "columns", last=", "), "--rows, --columns"),
        (condition("budget=quick", "source=path:Tom's"), "--where budget=quick --where 'source=path:Tom'\"'\"'s'"),
        (condition("KEY=VALUE[,VALUE]", pattern=True), "--where KEY=VALUE[,VALUE]"),
        ("a " + noun("method") + " b" + option("shots", 0), "a --method b--shots 0"),
        (sentence(["a", "b " + noun("budget"), "c"]), "a; b --budget; c"),
        (sentence([]), ""),
    ],
)
def test_a_wording_reads_as_a_command_is_typed(wording, typed):
    assert wording == typed and str(wording) == typed and f"{wording}" == typed
    assert type(str(wording)) is str and type(f"a {wording}") is str


def test_it_knows_its_options_through_whatever_makes_one_text_of_several():
    said = "say " + option("shots", 3) + sentence([", or another " + noun("method"), condition("a=b")])
    said += " or less"
    for same in (said, pickle.loads(pickle.dumps(said)), copy.deepcopy(said), plain(said)):
        assert same == said and same.parts == said.parts
        assert options_of(same) == ["shots", "method"]
    assert options_of("say --shots 3") == []


def test_an_error_keeps_its_parts_as_they_were_given():
    error = InputError(option("shots", 3), "is more than " + noun("seed"), "drop it")
    again = InputError("apn, " + error.where, error.where + ": " + error.problem, error.fix)
    assert options_of(again.wording) == ["shots", "shots", "seed"]
    error.args = ("shots=3: …",)  # as Python is told
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert options_of(same.wording) == ["shots", "seed"] and str(same) == "shots=3: …" and same.line == error.line
    mixed = pickle.loads(pickle.dumps(Mixed("this figure", "would mix budgets", ["budget=demo"])))
    assert mixed.conditions == ("budget=demo",) and mixed.fix.parts[1:] == condition("budget=demo").parts
    assert str(again) == again.line == "apn, --shots 3: --shots 3: is more than --seed; drop it"


OPTION = re.compile(r"(?<![\w-])--[a-z]")
TYPED_WHOLE = re.compile(r"`[^`]*`|\b(?:bench|squeue)(?: [a-z]+)*(?: --[a-z-]+)+")  # commands
COMMANDS = ("benchmark/commands/", "benchmark/cli.py")  # nobody in Python hears them
ELSEWHERE = {  # file -> why it writes options itself
    "datasets/wording.py": "is what spells them",
    "benchmark/present/terminal.py": "speaks of the command that prints",
    "benchmark/present/latex_html.py": "names properties of CSS",
}


def told_raw(source: str) -> list[str]:
    """The texts of a module that write an option themselves: no docstring, no word of a list that makes a command."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        parent = parents[node]
        word = isinstance(parent, ast.List | ast.Tuple) and " " not in node.value
        of_help = isinstance(parent, ast.Call) and ast.unparse(parent.func) in ("flag", "click.option")
        dynamic = isinstance(parent, ast.JoinedStr) and node.value.endswith("--")
        raw = OPTION.search(TYPED_WHOLE.sub("", node.value))
        if (raw and not (word or of_help or isinstance(parent, ast.Expr))) or dynamic:
            found.append(node.value)
    return found


def test_whoever_speaks_of_an_option_says_that_it_is_one():
    """By `wording.option`, `noun` or `condition`: an option that is written as text is told to Python as it is."""
    found = {path.relative_to(ROOT).as_posix(): told_raw(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {name for name in found if found[name] and not name.startswith(COMMANDS)} == {*ELSEWHERE}


def test_no_wording_is_lost_in_an_fstring_where_it_is_made():
    lost = re.compile(r"(?<![\w.])(wording\.)?(option|options|noun|condition|sentence)\(")
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue):
                assert not lost.match(ast.unparse(node.value)), f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "source",
    [
        'raise InputError("--against", "is wrong", "mend it")',
        'fix = "drop --published"',
        'raise InputError("a", "b", f"say --shots {n}")',
        'raise InputError(f"--{name}", "b", "c")',
        'FACT = "cells of it (--where place=runs)"',
        'fix = "run bench table, or name another --results folder"',
        'facts = ["several --jobs share them out"]',
    ],
)
def test_an_option_written_as_text_is_found(source):
    assert told_raw(source)


@pytest.mark.parametrize(
    "source",
    [
        'fix = "see bench matrix --help"',
        'fix = "name a file that `bench choose --out` wrote"',
        'words = ["--source", source]',
        '"""Says --shots."""',
        'frames = flag((), "--frames", "Numbers. As of --video.")',
        'path = "a--b and cam--north"',
    ],
)
def test_what_is_typed_whole_is_no_such_text(source):
    assert not told_raw(source)
