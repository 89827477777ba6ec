"""Errors speak to callers from Python in their words, and to users of commands in the words of these."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import condition, noun, option, options
from crossvad.planning.python_words import in_python, tell_in_python
from crossvad.present.formats import TABLE_FORMATS, Tables


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("add " + condition("budget=quick"), 'add where={"budget": "quick"}'),
        (
            condition("source=path:x y", "shots=1,5") + "; x",
            'where={"source": "path:x y", "shots": ["1", "5"]}; x',
        ),
        (condition("budget="), 'where={"budget": ""}'),
        (condition("method=a[x=1,y=2],b"), 'where={"method": ["a[x=1,y=2]", "b"]}'),
        ("loosen " + option("where"), "loosen the argument where"),
        ("drop it, or say " + option("overlay", False), "drop it, or say overlay=False"),
        ("drop " + options("published", "paper", "long"), "drop the arguments published, paper or long"),
        ("drop " + options("metric"), "drop the argument metric"),
        (
            "choose another " + noun("method") + ", or at most " + option("shots", 3) + ".",
            "choose another method, or at most shots=3.",
        ),
        ("fewer " + noun("max_failures"), "fewer max_failures"),
        (
            "say " + option("look", 3599, "s") + ", or " + option("false_alarms", 600.0),
            "say look=3599, or false_alarms=600",
        ),
        (condition("source=path:Tom's"), """where={"source": "path:Tom's"}"""),
        (condition("source=path:a\\b"), r'where={"source": "path:a\\b"}'),
        (condition("method=apn, "), 'where={"method": "apn, "}'),
        (condition("target=a", "target=b"), 'where=["target=a", "target=b"]'),
        (condition("budget"), 'where="budget"'),
        (condition("KEY=VALUE[,VALUE]", pattern=True), 'where={"KEY": "VALUE[,VALUE]"}'),
        ("(" + condition("place=runs") + " leaves it out)", '(where={"place": "runs"} leaves it out)'),
        ("unpack it elsewhere and say " + option("data", ...), "unpack it elsewhere and say data=…"),
        ("point " + option("data") + " (or $CROSSVAD_DATA)", "point the argument data (or $CROSSVAD_DATA)"),
        ("say one: " + option("steps", np.int64(20)), "say one: steps=20"),
        ("run it again with " + option("maps", True), "run it again with maps=True"),
        ("or say " + option("support", "scene-head"), 'or say support="scene-head"'),
        ("of " + option("video", "Tom's \\ own"), """of video="Tom's \\\\ own\""""),
        ("name another " + noun("results") + " folder", "name another results folder"),
    ],
)
def test_options_are_told_as_arguments(text, told):
    assert in_python(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "`ray start --head`",
        "see bench results list --where budget=quick",
        "nothing-- of it -- at all",
        "of --where path:Tom's=a\\b, or less",
        "of /data/cam--north/a--no-audio.mp4",
        "of --no-audio.mp4 and --data/x",
        "/data/of --shots 3/a, --tuning x.mp4",
    ],
)
def test_what_nobody_said_is_an_option_stays_as_it_is(text):
    assert in_python(text) == text
    assert in_python(text + ": " + option("shots", 3)) == text + ": shots=3"


def test_an_argument_is_called_as_its_function_calls_it():
    known = ("methods", "seeds", "tunings", "plugins")
    assert in_python("another " + noun("method") + ", " + option("seed", 3), known) == "another method, seeds=3"
    assert in_python("drop " + options("method", "seed"), known) == "drop the arguments methods or seeds"
    assert in_python("another " + noun("tuning"), known) == "another tuning"
    assert in_python(option("plugin", "my file.py"), known) == 'plugins=["my file.py"]'
    assert in_python(option("method"), ("method", "methods")) == "the argument method"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (Path("/data/cam--north/a--no-audio.mp4"), "/data/cam--north/a--no-audio.mp4"),
        ("--no-audio.mp4", "--no-audio.mp4"),
        ("--shots 3", "--shots 3"),
        (option("shots", 3), "shots=3"),
        (noun("against"), "against"),
        (option("video", "01"), 'videos=["01"]'),
        ("apn, " + option("tuning", "finetune"), 'apn, tuning="finetune"'),
        (condition("budget"), 'where="budget"'),
    ],
)
def test_where_an_error_is_may_be_an_argument_and_a_path_is_left_as_it_is(where, told):
    error = InputError(where, "is wrong", "mend it")
    tell_in_python(error, ("videos",))
    assert str(error) == f"{told}: is wrong; mend it" and error.line == f"{where}: is wrong; mend it"


@pytest.mark.parametrize("value", ["Tom's", 'the "old" one', "a\\b", "it's; (here)", "a,, b", "--where a=b", "x\ty"])
@pytest.mark.parametrize("key", ["sorce", "place", "Tom's source"])
def test_whatever_was_asked_for_is_told_as_it_was_asked_for(key, value, tmp_path):
    with pytest.raises(InputError) as caught:
        crossvad.load_results(tmp_path, where={key: value})
    assert str(caught.value).startswith(f"where={json.dumps({key: value})}: ")
    assert shlex.split(caught.value.where) == ["--where", f"{key}={value}"]


def test_a_table_speaks_to_its_reader_in_python_and_to_that_of_a_command_in_its_words(capsys):
    frame = pd.DataFrame({"auc": ["80.0"]}, index=pd.Index(["apn"], name="method"))
    tables = Tables([(frame, "4 more cells (" + condition("budget=quick") + ")")])
    assert '(where={"budget": "quick"})' in repr(tables) and "--" not in repr(tables).split("4 more")[1]
    assert "budget" in tables._repr_html_() and "--where" not in tables._repr_html_()
    for name in ("rich", "md"):
        TABLE_FORMATS[name].write(tables, "bench table")
        assert "4 more cells (--where budget=quick)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "call",
    [
        lambda stored: stored.table(rows=[]),
        lambda stored: stored.table(ranks=True, published=True),
        lambda stored: stored.table(against="framediff", metric="eer"),
        lambda stored: stored.gains(),
        lambda stored: crossvad.load_results(stored.folder, where={"budget": ""}),
        lambda stored: crossvad.load_results(stored.folder, where="budget"),
        lambda stored: crossvad.load_results("nosuch"),
        lambda stored: crossvad.run(source="synthetic-street", target="synthetic-street", jobs=2, devices=2),
    ],
)
def test_no_error_tells_python_of_an_option(call, tmp_path):
    with pytest.raises(InputError) as caught:
        call(crossvad.load_results(tmp_path))
    assert "--" not in str(caught.value) and "--" in caught.value.line
