"""Whatever is given to crossvad from Python: what cannot be used is an `InputError` that names it; nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

import crossvad
from crossvad import api
from crossvad.datasets.errors import InputError

PAIR = {"source": "synthetic-street", "target": "synthetic-plaza", "methods": "ramp", "budget": "smoke", "quiet": True}
OWN = {"source": "synthetic-street", "budget": "smoke", "quiet": True}
OF_RUNS = [
    *({"shots": each} for each in ("10", -1, [0, -1], 1.5, None, True)),
    *({"seeds": each} for each in (1.5, "0", -1)),
    *({"source": each} for each in (5, "", [], None, Path("nosuch"), [Path("nosuch")])),
    *({"methods": each} for each in (5, "", [None])),
    {"target": Path(__file__)},
    {"steps": 0},
    {"tuning": 3},
    {"budget": 3},
    {"protocol": None},
    {"support": 3},
    {"precision": 16},
    {"data": 3},
    {"data": ""},
    {"results": 3},
    {"results": ""},
    {"quiet": "yes"},
]
OF_RUNS_ALONE = [
    *({"jobs": each} for each in (0, "2")),
    *({"time_limit": each} for each in (0, -1, "1h")),
    {"devices": 0},
    {"device": 0},
    {"retry": "never"},
    {"max_failures": 0},
    {"launcher": 3},
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """In a folder of its own, in which nothing may be left."""
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [*OF_RUNS, *OF_RUNS_ALONE], ids=repr)
def test_run_refuses(wrong):
    with pytest.raises(InputError, match=f"^({next(iter(wrong))}|.*nosuch|.*test_api_arguments.py)"):
        crossvad.run(**PAIR | wrong)


@pytest.mark.parametrize("wrong", OF_RUNS, ids=repr)
def test_estimate_refuses(wrong):
    with pytest.raises(InputError):
        crossvad.estimate(**PAIR | wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"shots": "1"}, {"shots": [1]}, {"shots": -1}, {"top": 0}, {"seed": 1.5}, {"method": ["apn"]}, {"out": 3}],
    ids=repr,
)
def test_scoring_ones_own_refuses(wrong):
    with pytest.raises(InputError, match=f"^{next(iter(wrong))}: "):
        crossvad.score_video(__file__, **OWN | wrong)


@pytest.mark.parametrize("paths", [5, "video.mp4", [], [5]], ids=repr)
def test_scoring_refuses_paths(paths):
    with pytest.raises(InputError, match=r"^paths: "):
        api.score_videos(paths, **OWN)


@pytest.mark.parametrize("cameras", [5, {}, [], {"gate": 5}, ""], ids=repr)
def test_watching_refuses_cameras(cameras):
    with pytest.raises(InputError, match=r"^cameras: "):
        crossvad.watch(cameras, **OWN)


@pytest.mark.parametrize("wrong", [{"look": "1m"}, {"look": 0}, {"false_alarms": 0}, {"reconnect": -1}], ids=repr)
def test_watching_refuses(wrong):
    with pytest.raises(InputError, match=f"^{next(iter(wrong))}: "):
        crossvad.watch("-", **OWN | wrong)


@pytest.mark.parametrize(
    "call",
    [
        lambda: crossvad.choose([], source="synthetic-street"),
        lambda: crossvad.choose("apn", source="synthetic-street", options="pool=mean"),
        lambda: crossvad.profile("ramp", shots="3"),
        lambda: crossvad.profile("ramp", size=2),
        lambda: crossvad.profile("ramp", shots=[]),
        lambda: api.profiles(5),
        lambda: api.status(5),
        lambda: crossvad.load_results(5),
        lambda: crossvad.load_results([]),
        lambda: crossvad.load_results(".", where=5),
        lambda: crossvad.load_results(".", where={3: "apn"}),
        lambda: crossvad.load_results(".", protocol=3),
        lambda: crossvad.load_results(".").table(rows=5),
        lambda: crossvad.load_results(".").table(metric=5),
        lambda: crossvad.load_results(".").compare(5),
        lambda: crossvad.load_results(".").cameras(each="no"),
        lambda: crossvad.load_results(".").plot(5),
        lambda: crossvad.load_results(".").plot("scores", videos=5),
    ],
)
def test_other_calls_refuse(call):
    with pytest.raises(InputError):
        call()


@pytest.mark.parametrize("results", ["nosuch", Path("nosuch"), ["nosuch"], [".", "nosuch"]], ids=repr)
def test_a_folder_that_is_not_there_is_named(results):
    with pytest.raises(InputError, match="nosuch: is no folder; run some cells first, or name another results folder"):
        crossvad.load_results(results)


def test_where_nothing_has_been_run_yet_there_are_no_results():
    assert len(crossvad.load_results()) == 0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: crossvad.run(**PAIR, sed=1),
            r"run\(\) got an unexpected keyword argument 'sed'; did you mean seeds\?",
        ),
        (lambda: crossvad.score_video(__file__, **OWN, shot=1), r"score_video\(\) .* 'shot'; did you mean shots\?"),
        (
            lambda: crossvad.score_video(__file__),
            r"^score_video\(\): missing a required argument: 'source'; it",
        ),
        (lambda: crossvad.score_video(__file__, **OWN, zzz=1), r"it takes path, source, method, shots, .* overlay$"),
        (lambda: api.estimate(**PAIR, shot=1), r"and no shot; did you mean shots\?"),
        (lambda: crossvad.load_results(wher="a=b"), r"load_results\(\) .* 'wher'; did you mean where\?"),
        (lambda: crossvad.load_results().table(row="method"), r"did you mean rows\?"),
        (lambda: crossvad.load_results().table(rank=True), r"^Results.table\(\) got .* 'rank'; did you mean ranks\?"),
        (
            lambda: crossvad.load_results().table(metrics="auc"),
            r"mean metric\? it takes rows, columns, metric,",
        ),
        (
            lambda: crossvad.load_results().plot("scores", video="a"),
            r"^Results.plot\(\) .*; did you mean videos\?",
        ),
        (lambda: crossvad.load_results().plot("roc", zzz="a"), r"argument 'zzz'; it takes kind$"),
        (lambda: crossvad.run(**PAIR, zzz=1), r"^run\(\) .* 'zzz'; it takes source, target, methods, .*time_limit$"),
        (
            lambda: crossvad.load_results(budget="demo"),
            r"load_results\(\) .*; cells are chosen by where={\"budget\": …}",
        ),
        (lambda: crossvad.load_results().compare(budget="demo"), r"chosen by load_results\(…, where={'budget': …}\)"),
        (
            lambda: crossvad.load_results().gains(where="a=b"),
            r"^Results.gains\(\) .*where={…}\); it takes no argument$",
        ),
    ],
)
def test_a_misspelt_argument_is_answered_by_the_one_that_is_meant(call, told):
    with pytest.raises(TypeError, match=told):
        call()


def test_an_estimate_has_the_defaults_of_a_run():
    named = {"shots": (0, 1, 5, 10), "steps": 1, "seeds": 0, "tuning": "finetune", "protocol": "fair", "support": None}
    ((usual, caption),) = api.estimate(**PAIR).parts
    ((same, _),) = api.estimate(**PAIR, **named).parts
    assert usual.equals(same), caption


def test_what_no_estimate_takes_is_named_by_its_own_name():
    with pytest.raises(TypeError, match=r"estimate\(\) takes what says which cells `run` makes, and no jobs"):
        api.estimate(source="synthetic-street", target="synthetic-plaza", jobs=2)
    with pytest.raises(InputError, match="methods: is empty; name one"):
        api.estimate(source="synthetic-street", target="synthetic-plaza", methods=[])
