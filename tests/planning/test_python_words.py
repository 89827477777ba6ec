"""Errors speak to callers from Python in their words, and to users of commands in the words of these."""

from __future__ import annotations

import json
import shlex

import pandas as pd
import pytest

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.planning.python_words import in_python, tell_in_python
from crossvad.present.formats import TABLE_FORMATS, Tables


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("add --where budget=quick", 'add where={"budget": "quick"}'),
        ("--where 'source=path:x y' --where shots=1,5; x", 'where={"source": "path:x y", "shots": ["1", "5"]}; x'),
        ("--where budget=", 'where={"budget": ""}'),
        ("--where method=a[x=1,y=2],b", 'where={"method": ["a[x=1,y=2]", "b"]}'),
        ("loosen --where", "loosen the argument where"),
        ("narrow with --where (which is there)", "narrow with the argument where (which is there)"),
        ("drop --published, --paper or --no-overlay", "drop the arguments published, paper or overlay=False"),
        ("choose another --method, or at most --shots 3.", "choose another method, or at most shots=3."),
        ("fewer --max-failures", "fewer max_failures"),
        ("say --look 3599s, or --false-alarms 600", "say look=3599, or false_alarms=600"),
        ("`ray start --head`", "`ray start --head`"),
        ("see bench results list --where budget=quick", "see bench results list --where budget=quick"),
        ("nothing-- of it -- at all", "nothing-- of it -- at all"),
        ("--where 'source=path:Tom'\"'\"'s'", """where={"source": "path:Tom's"}"""),
        ("--where 'source=path:a\\b'", r'where={"source": "path:a\\b"}'),
        ("--where 'method=apn, '", 'where={"method": "apn, "}'),
        ("--where target=a --where target=b", 'where=["target=a", "target=b"]'),
        ("(--where place=runs leaves it out)", '(where={"place": "runs"} leaves it out)'),
        ("of --where path:Tom's=a\\b, or less", "of --where path:Tom's=a\\b, or less"),
        ("bench table --where method=a,b --ranks", "bench table --where method=a,b --ranks"),
        ("of /data/cam--north/a--no-audio.mp4", "of /data/cam--north/a--no-audio.mp4"),
        ("of --no-audio.mp4 and --data/x", "of --no-audio.mp4 and --data/x"),
        ("unpack it elsewhere and say --data", "unpack it elsewhere and say data=…"),
        ("point --data (or $CROSSVAD_DATA) at it", "point the argument data (or $CROSSVAD_DATA) at it"),
        ("drop the others from --metric", "drop the others from the argument metric"),
        ("goes with no --jobs and no --launcher", "goes with no jobs and no launcher"),
        ("drop --published, --paper, --format long or it", "drop the arguments published, paper, long or it"),
        ("or say --support scene-head, or --shots 0", 'or say support="scene-head", or shots=0'),
        ("choose --protocol fair@12, which keeps out more", 'choose protocol="fair@12", which keeps out more'),
        ("name another --results folder", "name another results folder"),
        ("such as --rows method, or leave it out", 'such as rows="method", or leave it out'),
    ],
)  # fmt: skip
def test_options_are_told_as_arguments_and_commands_stay(text, told):
    assert in_python(text) == told


def test_an_argument_is_called_as_its_function_calls_it():
    known = ("methods", "seeds", "tunings", "plugins")
    assert in_python("another --method, --seed 3", known) == "another method, seeds=3"
    assert in_python("drop --method or --seed", known) == "drop the arguments methods or seeds"
    assert in_python("another --tuning, fewer --seed", known) == "another tuning, fewer seed"
    assert in_python("trust it: --plugin 'my file.py'", known) == 'trust it: plugins=["my file.py"]'
    assert in_python("another --method", ("method", "methods")) == "another method"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("/data/cam--north/a--no-audio.mp4", "/data/cam--north/a--no-audio.mp4"),
        ("/data/of --shots 3/a, --tuning x.mp4", "/data/of --shots 3/a, --tuning x.mp4"),
        ("--no-audio.mp4", "--no-audio.mp4"),
        ("--shots 3", "shots=3"),
        ("--against", "against"),
        ("--video 01", 'videos=["01"]'),
        ("apn, --tuning finetune", 'apn, tuning="finetune"'),
        ("--where budget", 'where="budget"'),
        ("--where source=path:Tom's", "--where source=path:Tom's"),
        ("--where source=a b", "--where source=a b"),
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
    tables = Tables([(frame, "4 more cells (--where budget=quick)")])
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
