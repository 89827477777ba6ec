"""Errors speak to callers from Python in their words, and to users of commands in the words of these."""

from __future__ import annotations

import pytest

import crossvad
from crossvad.datasets.errors import InputError
from crossvad.planning.python_words import in_python


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("add --where budget=quick", 'add where={"budget": "quick"}'),
        ("--where 'source=path:x y' --where shots=1,5; x", 'where={"source": "path:x y", "shots": ["1", "5"]}; x'),
        ("--where budget=", 'where={"budget": ""}'),
        ("--where method=a[x=1,y=2],b", 'where={"method": ["a[x=1,y=2]", "b"]}'),
        ("loosen --where", "loosen where"),
        ("narrow with --where (which is there)", "narrow with where (which is there)"),
        ("drop --published, --paper or --no-overlay", "drop published, paper or overlay=False"),
        ("choose another --method, or at most --shots 3.", "choose another method, or at most shots=3."),
        ("fewer --max-failures", "fewer max_failures"),
        ("say --look 3599s, or --false-alarms 600", "say look=3599, or false_alarms=600"),
        ("`ray start --head`", "`ray start --head`"),
        ("see bench results list --where budget=quick", "see bench results list --where budget=quick"),
        ("nothing-- of it -- at all", "nothing-- of it -- at all"),
    ],
)  # fmt: skip
def test_options_are_told_as_arguments_and_commands_stay(text, told):
    assert in_python(text) == told


def test_an_argument_is_called_as_its_function_calls_it():
    assert in_python("another --method, --seed 3", ("methods", "seeds")) == "another methods, seeds=3"
    assert in_python("another --method", ("method", "methods")) == "another method"


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
