"""No option takes an empty word for its default, nor loses the first of two folders."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

import crossvad
from crossvad.cli import bench as root
from crossvad.commands.options import Name, Names, Numbers
from crossvad.commands.saying import Once
from crossvad.datasets.errors import InputError
from crossvad.datasets.own_folder import OwnFolder
from crossvad.planning import registry

PAIR = ("--source", "synthetic-street", "--target", "synthetic-plaza", "--dry-run")
ONE_NAME = {"--against", "--method", "--tuning"}  # which other commands take several of
NONE_IS_MEANT = {"rows", "columns", "against"}  # `--columns ''`: no key goes across; `--rows ''` is refused later


def commands(group: click.Group, path: str = "bench") -> Iterator[tuple[str, click.Command]]:
    """All commands, by what is typed for them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from (
            commands(command, f"{path} {name}") if isinstance(command, click.Group) else [(f"{path} {name}", command)]
        )


ALL = dict(commands(root))
PARAMETERS = [(path, parameter) for path, command in ALL.items() for parameter in command.params]


def takes_text(parameter: click.Parameter) -> bool:
    flag = isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count)
    return not flag and not isinstance(
        parameter.type, click.Choice | click.types.IntParamType | click.types.FloatParamType
    )


@pytest.mark.parametrize("path", ALL)
def test_no_option_or_argument_takes_an_empty_word(path):
    context = click.Context(ALL[path])
    seen = 0
    for parameter in filter(takes_text, ALL[path].params):
        none_is_meant = getattr(parameter.type, "or_none", False)
        assert not none_is_meant or parameter.name in NONE_IS_MEANT
        for word in () if none_is_meant else ("", " "):
            several = parameter.multiple or parameter.nargs == -1
            with pytest.raises(click.BadParameter):
                parameter.type_cast_value(context, (word,) if several else word)
            seen += 1
    assert seen or not any(map(takes_text, ALL[path].params)) or path == "bench table"


@pytest.mark.parametrize("flag", ["--method", "--source", "--target", "--tuning", "--protocol", "--results", "--data"])
def test_an_empty_word_is_said_to_be_one(bench, flag):
    done = bench("run", *PAIR, flag, "")
    assert done.code == 2 and f"Invalid value for '{flag}': an empty name was given" in done.err


def test_of_two_folders_none_is_lost(bench, tmp_path):
    for flag in ("--results", "--data"):
        done = bench("run", *PAIR, flag, "mine", flag, "theirs")
        assert done.code == 2 and f"'{flag}': takes one value: mine was given, and then theirs" in done.err
    assert list(tmp_path.iterdir()) == []


def test_of_two_names_or_numbers_none_is_lost():
    """Of an option that takes a list, both count; of one that takes one, the second is refused."""
    lists = 0
    for path, parameter in PARAMETERS:
        if isinstance(parameter, click.Option) and isinstance(parameter.type, Names | Numbers):
            context = click.Context(ALL[path], resilient_parsing=False)
            said = ("7,8", "9") if isinstance(parameter.type, Numbers) else ("a,b", "c")
            both = parameter.process_value(context, said)
            assert both == ([7, 8, 9] if isinstance(parameter.type, Numbers) else ["a", "b", "c"]), path
            lists += 1
        if isinstance(parameter, click.Option) and isinstance(parameter.type, Name) and parameter.opts[0] in ONE_NAME:
            assert isinstance(parameter, Once), f"{path} {parameter.opts[0]}"
    assert lists > 20


def test_every_place_is_said_once_or_all_of_them_count():
    together = {"bench leaderboard build", "bench submit pack --code"}
    for path, parameter in PARAMETERS:
        if isinstance(parameter, click.Option) and isinstance(parameter.type, click.Path):
            name = f"{path} {parameter.opts[0]}"
            reads_several = parameter.name == "results" and parameter.default == ["results"] and parameter.multiple
            assert isinstance(parameter, Once) or reads_several or name in together, name


def test_help_tells_the_default_of_what_is_said_once(bench):
    assert "[default: scored]" in bench("score", "--help").out
    assert "Folder to write to" in bench("score", "--help").out and "['" not in bench("score", "--help").out


def test_empty_names_from_python(tmp_path):
    for look in (registry.get_method, registry.get_tuning, lambda name: registry.get_dataset(name, tmp_path)):
        with pytest.raises(InputError, match=r"\(empty\): is no name"):
            look("")
    with pytest.raises(InputError, match="path:: names no folder"):
        OwnFolder.find("", tmp_path)


def takes_names(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, Names)


@pytest.mark.parametrize(("path", "parameter"), [(p, each) for p, each in PARAMETERS if takes_names(each)])
def test_no_list_takes_an_empty_name(path, parameter):
    several = parameter.multiple or parameter.nargs == -1
    for word in ("apn,", ",apn", "apn,,lmn"):
        with pytest.raises(InputError, match=f"'{word}' has an empty name beside a ','") as caught:
            parameter.type_cast_value(click.Context(ALL[path]), (word,) if several else word)
        assert caught.value.where in (*parameter.opts, parameter.human_readable_name)


@pytest.mark.parametrize(
    "words",
    [
        ("table", "--where", "method=apn,,lmn"),
        ("table", "--where", "place=runs,"),
        ("choose", "apn", "--source", "synthetic-street", "--option", "pool=mean,,max"),
    ],
)
def test_no_list_in_a_text_takes_one_either(bench, words, tmp_path):
    (tmp_path / "results").mkdir()
    done = bench(*words)
    assert done.code == 2 and "has an empty name beside a ','" in done.err


@pytest.mark.parametrize("name", ["rows", "columns", "metric"])
def test_a_table_names_nothing_twice(bench, name, tmp_path):
    (tmp_path / "results").mkdir()
    done = bench("table", f"--{name}", "auc,shots,auc")
    assert done.code == 2 and f"--{name}: names auc twice; name it once" in done.err


def test_a_table_of_no_metric_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"^metric: names none"):
        crossvad.load_results(tmp_path).table(metric=[])


def test_a_table_without_rows_is_refused(bench, tmp_path):
    (tmp_path / "results").mkdir()
    for word in ("", ","):
        done = bench("table", "--rows", word)
        assert done.code == 2 and "--rows: names no key; name one, such as --rows method" in done.err
    for rows in ("", []):
        with pytest.raises(InputError, match=r"^rows: names no key"):
            crossvad.load_results(tmp_path / "results").table(rows=rows)


@pytest.mark.parametrize("key", ["method", "shots", "place"])
def test_a_condition_without_a_value_is_told_of(bench, key, tmp_path):
    (tmp_path / "results").mkdir()
    for condition in (f"{key}=", f"{key}=,", key):
        done = bench("table", "--where", condition)
        assert done.code == 2 and f"--where {condition}: names no value" in done.err
