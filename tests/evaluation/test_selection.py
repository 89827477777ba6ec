"""Which stored cells a question is about, and what is refused of them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation.conditions import by_place
from crossvad.evaluation.rows import mixtures, varying_keys
from crossvad.evaluation.selection import refuse_empty, select, superseded, unmatched
from crossvad.planning.cell import Cell
from crossvad.store.store import Record

ROWS = pd.DataFrame(
    [["apn", "a", 0, "none"], ["lmn", "a", 5, "train-head"], ["lmn", "b", 5, "test-head"]],
    columns=["method", "source", "shots", "support"],
)


def record(method="apn", tuning="finetune", shots=0, steps=None, status="done", **more) -> Record:
    """A stored cell; a tuning that learns nothing beforehand is `none` at 0 shots, as the plan writes it."""
    known = {field.name: "x" for field in fields(Cell)} | {"method": method, "source": "street", "target": "ped2"}
    known |= {"tuning": tuning if shots or tuning == "metasgd" else "none", "shots": shots, "budget": "quick"}
    known |= {"steps": int(shots > 0) if steps is None else steps, "support": "train-head" if shots else "none"}
    trained = {} if method in ("support-mean", "framediff") else {"train_seconds": 1.0}
    return Record(Cell(**{**known, "seed": 0, **more}), status, facts=trained)


# Two methods, two tunings, two numbers of shots and of steps, and one that adapts in a way of its own.
SEVERAL = [
    record(),
    record("lmn"),
    record(tuning="metasgd"),
    *(record(tuning=t, shots=k, steps=s) for t in ("finetune", "metasgd") for k in (1, 5) for s in (1, 10)),
    record("support-mean", "none", shots=5, steps=1),
]


def unadapted_and_adapted(records: list[Record]) -> tuple[int, int]:
    unadapted = sum(record.cell.shots == 0 for record in records)
    return unadapted, len(records) - unadapted


@pytest.mark.parametrize(
    ("condition", "strict", "starts", "unadapted"),
    [
        ("method=lmn", (1, 0), (1, 0), (3, 0)),
        ("method=lmn,support-mean", (1, 1), (1, 1), (3, 1)),
        ("budget=paper", (0, 0), (0, 0), (3, 0)),
        ("steps=10", (0, 4), (2, 5), (3, 4)),  # with support-mean, which takes no gradient steps
        ("shots=5", (0, 5), (2, 5), (3, 5)),
        ("support=train-head", (0, 9), (2, 9), (3, 9)),
        ("support=test-head", (0, 0), (0, 0), (3, 0)),
        ("tuning=finetune", (0, 4), (1, 5), (3, 4)),  # of starts not metasgd's
        ("tuning=metasgd", (1, 4), (2, 5), (3, 4)),
        ("protocol=fair", (3, 9), (3, 9), (3, 9)),
        ("protocol=paper", (0, 0), (0, 0), (3, 0)),
    ],
)
def test_a_condition_selects_cells_and_what_they_start_from_or_are_compared_with(condition, strict, starts, unadapted):
    for also, expected in (("", strict), ("starts", starts), ("unadapted", unadapted)):
        selected = select(SEVERAL, [condition], also=also, protocol="fair")
        assert unadapted_and_adapted(selected) == expected, also


def test_a_start_from_which_no_selected_cell_was_adapted_is_none_but_of_what_needs_no_training():
    """Else a condition on steps would bring the K = 0 of every method that is stored."""

    def names_of(condition):
        return {each.cell.method for each in select([*SEVERAL, record("framediff")], [condition], "starts")}

    assert names_of("steps=10") == {"apn", "support-mean", "framediff"}
    assert names_of("steps=0,10") == {"apn", "support-mean", "framediff", "lmn"}, "it was asked for"


def test_every_condition_must_hold():
    assert unadapted_and_adapted(select(SEVERAL, ["shots=5", "steps=1", "tuning=finetune"])) == (0, 1)
    assert unadapted_and_adapted(select(SEVERAL, ["shots=5", "steps=1", "tuning=finetune"], also="starts")) == (1, 2)
    assert select(SEVERAL, []) == SEVERAL


def test_a_name_that_now_means_another_thing_selects_no_older_cell():
    older, newer = record(budget_digest="old"), record("lmn", budget_digest="new")
    older, newer = replace(older, finished="2024"), replace(newer, finished="2025")
    assert select([newer, older], []) == [newer]
    assert select([newer, older], ["method=apn"], also="unadapted") == [newer]


@pytest.mark.parametrize("condition", ["shot=5", "shot", "status=done", "protocol=fair"])
@pytest.mark.parametrize("also", ["", "starts", "unadapted"])
def test_a_condition_that_cannot_be_read_is_refused(condition, also):
    with pytest.raises(
        InputError, match=rf"--where {condition}: cannot be read; .*write KEY=VALUE with a key of method"
    ):
        select(SEVERAL, [condition], also=also)


@pytest.mark.parametrize(("typed", "meant"), [("shot=5", "shots"), ("metod=apn", "method"), ("sources=a", "source")])
def test_a_key_that_comes_close_is_named(typed, meant):
    with pytest.raises(InputError, match=rf"cannot be read; did you mean {meant}\? write"):
        select(SEVERAL, [typed])


def copies() -> list[Record]:
    """Copy `a` of a target, all there is to compare on it; then a newer copy `b` that less was run on."""
    cells = [
        ("1", record("apn", target_digest="a", method_version="1.1")),
        ("2", record("apn", target_digest="t+a", shots=5, method_version="1.1")),
        ("3", record("lmn", target_digest="a")),
        ("4", record("framediff", target_digest="a")),
        ("5", record("framediff", target_digest="b")),
    ]
    return [replace(each, finished=when) for when, each in cells]


def names(records: list[Record]) -> list[str]:
    return [f"{record.cell.method}@{record.cell.shots}" for record in records]


def test_a_copy_that_is_not_the_newest_is_left_out_whole_and_told():
    """Also what adapted to it: its test video is another, whatever is known of its training video."""
    assert names(select(copies(), [])) == ["framediff@0"]
    assert select(copies(), ["method=apn"]) == []
    (found,) = superseded(copies(), []).items()
    assert found[0] == ("another copy of ped2", "--where target_digest=a")
    assert names(found[1]) == ["apn@0", "apn@5", "lmn@0", "framediff@0"]
    assert names(superseded(copies(), ["method=apn"])[found[0]]) == ["apn@0", "apn@5"]
    assert superseded(copies(), ["budget=paper"]) == {}


def test_an_older_copy_is_taken_with_what_its_cells_start_from_and_are_compared_with():
    chosen = ["target_digest=a"]
    assert names(select(copies(), chosen)) == ["apn@0", "apn@5", "lmn@0", "framediff@0"]
    assert superseded(copies(), chosen) == {}
    only = [*chosen, "method=apn", "shots=5"]
    assert names(select(copies(), only, also="starts")) == ["apn@0", "apn@5"]
    rivals = select(copies(), only, also="unadapted")
    assert names(rivals) == ["apn@0", "apn@5", "lmn@0", "framediff@0"]
    assert {each.cell.target_digest for each in rivals} == {"a", "t+a"}
    assert names(select(copies(), ["target_digest=b"])) == ["framediff@0"]


def test_training_video_that_changed_leaves_what_was_not_adapted_to_it():
    cells = [*copies()[:2], replace(record("apn", target_digest="u+a", shots=5, method_version="1.1"), finished="6")]
    assert names(select(cells, [])) == ["apn@0", "apn@5"]
    (told,) = superseded(cells, [])
    assert told == ("another copy of the training video of ped2", "--where target_digest=t+a")
    for digest in ("t+a", "u+a"):
        assert select(cells, [f"target_digest={digest}"])[-1].cell.target_digest == digest
        assert len(select(cells, [f"target_digest={digest}"])) == 2


def test_an_older_version_of_a_method_is_compared_with_the_newest_of_the_others():
    cells = [*copies()[:4], replace(record("lmn", target_digest="a", method_version="2"), finished="5")]
    cells.append(replace(record("apn", target_digest="a", method_version="2"), finished="6"))
    old = ["method=apn", "method_version=1.1"]
    assert list(superseded(cells, ["method=apn"])) == [("another version of apn", f"--where {' --where '.join(old)}")]
    assert names(select(cells, old)) == ["apn@0", "apn@5"]
    rivals = select(cells, old, also="unadapted")
    assert {each.cell.method_version for each in rivals if each.cell.method == "lmn"} == {"2"}
    assert {each.cell.method_version for each in rivals if each.cell.method == "apn"} == {"1.1"}


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("harness_version", "another version of the harness"),
        ("tuning_version", "another version of finetune"),
        ("budget_digest", "another budget quick"),
        ("source_digest", "another copy of street"),
    ],
)
def test_whatever_a_name_stands_for_is_told_and_can_be_asked_for(key, told):
    older, newer = (replace(record(shots=5, **{key: value}), finished=value) for value in ("1", "2"))
    (found,) = superseded([older, newer], [])
    assert found[0] == told and found[1].endswith(f"--where {key}=1")
    assert select([older, newer], [f"{key}=1"]) == [older] and select([older, newer], []) == [newer]


def test_several_copies_are_never_shown_as_one():
    with pytest.raises(InputError, match=r"^--where target_digest=a,b: would mix 2 of ped2; .* target_digest=a$"):
        select(copies(), ["target_digest=a,b"])
    assert names(select(copies(), ["target_digest=b,c"])) == ["framediff@0"]


def test_a_value_that_no_cell_has_is_told_with_what_comes_close():
    assert unmatched(copies(), ["method=apm,lmn", "shots=0,7"]) == [
        ("method=apm", "did you mean apn?"),
        ("shots=7", "stored: 0, 5"),
    ]


def test_places_are_asked_for_by_their_names():
    assert by_place(["place=runs", "method=apn"]) == ("runs", ["method=apn"])
    assert by_place(["place=runs,reference"]) == by_place([]) == ("", [])
    with pytest.raises(InputError, match=r"--where place=referense: is no place of cells; did you mean reference\?"):
        by_place(["place=referense"])


def test_varying_keys_are_those_that_differ_in_the_order_asked_for():
    assert varying_keys(ROWS, ["shots", "source", "method"]) == ["shots", "source", "method"]
    assert varying_keys(ROWS[1:], ["shots", "source", "method"]) == ["source"]
    assert varying_keys(ROWS[1:], ["shots", "source", "method"], always=["method"]) == ["source", "method"]


def test_nothing_selected_is_refused_and_says_of_which_folder():
    refuse_empty(ROWS, Path("results"), "cell")
    refuse_empty(["a record"], Path("results"), "cell")
    for nothing in (ROWS[:0], []):
        with pytest.raises(InputError, match=r"^results: holds no such finished cell; run some .*loosen --where$"):
            refuse_empty(nothing, Path("results"), "finished cell")


def test_pairs_are_asked_for_by_source_and_target_together():
    """Which source=…,… and target=…,… cannot: these ask for every pair of them."""
    made = {(source, target): record(source=source, target=target)
            for source in ("street", "path:a b", "ped1+ped2") for target in ("ped2", "ped1")}  # fmt: skip
    chosen = select(made.values(), ["pair=street->ped2,path:a b \N{RIGHTWARDS ARROW} ped1,ped2+ped1->ped1"])
    assert chosen == [made["street", "ped2"], made["path:a b", "ped1"], made["ped1+ped2", "ped1"]]
    assert [value for value, _ in unmatched(made.values(), ["pair=street->avenue,street"])] == [
        "pair=street->avenue", "pair=street"
    ]  # fmt: skip


def test_a_joined_source_goes_by_one_name_in_whatever_order_it_is_typed():
    joined, plus = record(source="ped1+ped2"), record(source="path:my+cam")
    assert select([joined, plus], ["source=ped2+ped1"]) == select([joined, plus], ["source=ped1+ped2"]) == [joined]
    assert select([joined, plus], ["source=ped1,path:my+cam"]) == [plus]


def test_rows_of_several_releases_compare_and_of_several_devices_do_not():
    """What a score depends on has versions of its own: a release of ours takes no older cell out of its tables."""
    known = {"status": "done", "budget": "quick", "protocol": "fair", "target": "ped2", "frames": 9, "videos": 1}
    rows = pd.DataFrame([known | {"device": "cpu", "version": version} for version in ("0.1.0", "0.2.0")])
    assert mixtures(rows) == []
    assert mixtures(rows.assign(device=["cpu", "cuda"])) == ["devices cpu, cuda"]


@pytest.mark.parametrize(
    ("wanted", "sources", "lacking"),
    [
        ("path:south, east", ["path:south, east"], []),
        ("street,path:south, east,ped1", ["path:south, east", "street"], ["source=ped1"]),
        ("path:south,path:south, east", ["path:south", "path:south, east"], []),
        ("path:south,ped1", ["path:south"], ["source=ped1"]),
        ("east", [], ["source=east"]),
        ("path:a,,b", ["path:a,,b"], []),
        ("path:c,d", ["path:c,d"], []),
        ("street,path:c,d", ["path:c, d", "path:c,d", "street"], []),
        ("ped2+path:e, f", ["path:e, f+ped2"], []),
    ],
)
def test_a_comma_of_a_stored_name_parts_no_values(wanted, sources, lacking):
    more = ("path:a,,b", "path:c,d", "path:c, d", "path:e, f+ped2")
    stored = [record(source=source) for source in ("street", "path:south, east", "path:south", *more)]
    assert sorted(each.cell.source for each in select(stored, [f"source={wanted}"])) == sources
    assert [value for value, _ in unmatched(stored, [f"source={wanted}"])] == lacking
