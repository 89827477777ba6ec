"""Suites: those that come with the benchmark, by name, what they ask for, and where a mistake in one is."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

from crossvad import api
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue, registry
from crossvad.planning.names import joined
from crossvad.planning.request import Request
from crossvad.planning.suite import ENTRIES, get_suite, parsed, read_suite, suite_names
from crossvad.planning.suite_plan import check, data_needed, requests, size
from crossvad.studies.paper_tables import AUC, paper_table

ROOT = Path(__file__).parents[2]


def test_these_come_with_the_benchmark():
    assert suite_names() == ["cross-camera", "full", "paper", "quick"]


@pytest.mark.parametrize("name", ["cross-camera", "full", "paper", "quick"])
def test_every_name_in_them_is_known(name):
    suite = get_suite(name)
    assert suite.title and "\n# Read it with: bench " in f"\n{suite.text}"
    for request in requests(suite, {}):
        assert [registry.get_method(method).label for method in request.methods] == [*request.methods]
    assert all(needed in catalogue.ARCHIVES or needed == "path:normal" for needed in data_needed(suite))
    cells, trainings = size(suite)
    assert cells > trainings > 0


def test_one_needs_no_data(tmp_path):
    suite = get_suite("quick")
    assert data_needed(suite) == []
    check(suite, {}, tmp_path)
    assert size(suite) == (32, 4)


def test_the_paper_s_tables_are_all_in_the_suite():
    asked = {
        (registry.get_method(method).label, joined(source), target)
        for request in requests(get_suite("paper"), {})
        for source in request.sources
        for target in request.targets
        for method in request.methods
    }
    wanted = {
        (place.ours.method, place.ours.source, place.ours.target)
        for number in range(1, 8)
        for place in paper_table(number).places
        if place.ours and (place.ours.figure == AUC or place.ours.ablation)
    }
    assert len(wanted) > 70 and wanted == asked


def test_the_cameras_of_the_readme_are_in_the_suite():
    """Its table's own command names methods, source, shots and budget."""
    (command,) = re.findall(r"<!-- main: (bench cameras .*) -->", (ROOT / "README.md").read_text(encoding="utf-8"))
    words = shlex.split(command)
    where = dict(words[index + 1].split("=", 1) for index, word in enumerate(words) if word == "--where")
    methods = [name for name in re.split(r",(?![^[]*\])", where["method"]) if name not in catalogue.BASELINES]
    for request in requests(get_suite("cross-camera"), {}):
        assert sorted(request.methods) == sorted(methods) and request.budget == where["budget"]
        assert [joined(source) for source in request.sources] == [joined(where["source"])]
        assert [*request.shots] == [int(shots) for shots in where["shots"].split(",")]
    targets = {target.partition("[")[0] for each in requests(get_suite("cross-camera"), {}) for target in each.targets}
    assert targets == {"ped1", "ped2", "shanghaitech", "synthetic-cameras", "synthetic-plaza"}


def test_full_is_every_method_and_every_data_set():
    asked = requests(get_suite("full"), {})
    assert {method.partition("[")[0] for method in asked[0].methods} == {*catalogue.METHODS} - {*catalogue.BASELINES}
    names = {name.partition("[")[0] for each in asked for name in (*each.sources, *each.targets)}
    assert names == {*catalogue.OUR_DATASETS}
    assert all(([*each.shots], [*each.seeds]) == ([0, 1, 5, 10], [0, 1, 2]) for each in asked)


def test_what_a_suite_leaves_out_is_as_the_flags_and_functions_have_it():
    from crossvad.commands.run import matrix

    flags = matrix.make_context("matrix", []).params
    functions = {name: each.default for name, each in inspect.signature(api.run).parameters.items()}
    (request,) = requests(parsed("x", 'sources = ["ped2"]'), {})
    for name in {*ENTRIES} - {"sources", "targets"}:
        mine = getattr(request, name)
        several = isinstance(mine, tuple)
        assert functions[name] == mine or (several and (functions[name],) == mine), name
        if name != "methods":  # none are said by the flag, which stands for these
            assert flags[name] == ([*mine] if several else mine), name
    assert request.targets == ["ped2"] and Request.__dataclass_fields__.keys() == ENTRIES.keys()


SUITE = """\
# Mine

source = ["synthetic-street"]
method = [
    "framediff",
    "apn",
]

[[grid]]
targets = ["synthetic-plaza"]

[[ grid ]]
"shots" = [3]
method = ["lmn"]
"""


def test_grids_say_what_the_head_does_not():
    suite = parsed("mine.toml", SUITE)
    first, second = requests(suite, {})
    assert suite.title == "Mine"
    assert (first.methods, first.targets, first.shots) == (["framediff", "apn"], ["synthetic-plaza"], (0, 1, 5, 10))
    assert (second.methods, second.targets, second.shots) == (["lmn"], ["synthetic-street"], [3])
    assert [each.methods for each in requests(suite, {"methods": ["mpn"]})] == [["mpn"], ["mpn"]]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (("sources", 0), 3),
        (("methods", 0), 4),
        (("methods", 0, "apn"), 6),
        (("methods", 1), 14),
        (("targets", 0), 10),
        (("shots", 1), 13),
        (("sources", 1), 3),
    ],
)
def test_an_entry_is_found(asked, line):
    assert parsed("mine.toml", SUITE).at(*asked) == f"mine.toml, line {line}"


def test_an_entry_that_hides_is_in_the_file():
    suite = parsed("mine.toml", 'grid = [{sources = ["ped2"], shots = [1]}]')
    assert suite.grids == ({"sources": ["ped2"], "shots": [1]},) and suite.at("shots") == "mine.toml"


def test_one_entry_by_two_names_is_refused():
    with pytest.raises(InputError, match=r"^mine.toml, line 1: says both source and sources, which are one entry"):
        parsed("mine.toml", 'sources = ["ped2"]\nsource = ["ped1"]')


def test_a_later_grid_is_looked_up_before_any_runs(tmp_path):
    suite = parsed("mine.toml", SUITE.replace('"lmn"', '"lmm"'))
    with pytest.raises(InputError, match=r"^mine.toml, line 14: lmm: is no known method; did you mean lmn\?"):
        check(suite, {}, tmp_path)
    check(suite, {"methods": ["lmn"]}, tmp_path)  # what the user says holds in its place


def test_data_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"^cross-camera, line \d+: .* is no folder, so there is no ucf in it"):
        check(get_suite("cross-camera"), {}, tmp_path / "gone")


def test_a_name_or_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"quik: is no known suite; did you mean quick\? .* path of a TOML file"):
        get_suite("quik")
    (tmp_path / "mine").write_text(SUITE)
    assert get_suite("mine").grids == read_suite(tmp_path / "mine").grids
    (tmp_path / "quick").write_text(SUITE)
    with pytest.raises(InputError, match=r"quick: is a suite that comes with crossvad, and a file here; say \./quick"):
        get_suite("quick")
    assert get_suite("./quick").title == "Mine"


@pytest.mark.parametrize("path", ["tests/demo.toml", "results/methods.toml", "results/neighbours.toml"])
def test_the_project_s_own_files_are_suites(path):
    assert size(read_suite(ROOT / path)).cells
