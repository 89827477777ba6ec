"""Which stored cells a question is about, and what is refused of them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation.selection import refuse_empty, refuse_mixtures, select, varying_keys
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
    return Record(Cell(**{**known, "seed": 0, **more}), status)


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
        ("steps=10", (0, 4), (3, 5), (3, 4)),  # with support-mean, which takes no gradient steps
        ("shots=5", (0, 5), (3, 5), (3, 5)),
        ("support=train-head", (0, 9), (3, 9), (3, 9)),
        ("support=test-head", (0, 0), (3, 0), (3, 0)),
        ("tuning=finetune", (0, 4), (2, 5), (3, 4)),  # of starts not metasgd's
        ("tuning=metasgd", (1, 4), (3, 5), (3, 4)),
        ("protocol=fair", (3, 9), (3, 9), (3, 9)),
        ("protocol=paper", (0, 0), (0, 0), (3, 0)),
    ],
)
def test_a_condition_selects_cells_and_what_they_start_from_or_are_compared_with(condition, strict, starts, unadapted):
    for also, expected in (("", strict), ("starts", starts), ("unadapted", unadapted)):
        selected = select(SEVERAL, [condition], also=also, protocol="fair")
        assert unadapted_and_adapted(selected) == expected, also


def test_every_condition_must_hold():
    assert unadapted_and_adapted(select(SEVERAL, ["shots=5", "steps=1", "tuning=finetune"])) == (0, 1)
    assert unadapted_and_adapted(select(SEVERAL, ["shots=5", "steps=1", "tuning=finetune"], also="starts")) == (2, 2)
    assert select(SEVERAL, []) == SEVERAL


def test_a_name_that_now_means_another_thing_selects_no_older_cell():
    older, newer = record(budget_digest="old"), record("lmn", budget_digest="new")
    older, newer = replace(older, finished="2024"), replace(newer, finished="2025")
    assert select([newer, older], []) == [newer]
    assert select([newer, older], ["method=apn"], also="unadapted") == [newer]


@pytest.mark.parametrize("condition", ["shot=5", "shots", "status=done", "protocol=fair"])
@pytest.mark.parametrize("also", ["", "starts", "unadapted"])
def test_a_condition_that_cannot_be_read_is_refused(condition, also):
    with pytest.raises(InputError, match=rf"--where {condition}: cannot be read; write KEY=VALUE with a key of method"):
        select(SEVERAL, [condition], also=also)


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


def test_a_mixture_is_refused_where_it_would_be_one_thing():
    refuse_mixtures(ROWS[1:], "shots")
    refuse_mixtures(ROWS, "shots", within=["method"])
    with pytest.raises(InputError, match=r"^this figure: would mix shots 0, 5; add --where shots=5$"):
        refuse_mixtures(ROWS, "shots")
    with pytest.raises(InputError, match=r"^this table: would mix sources a, b; add --where source=a$"):
        refuse_mixtures(ROWS, "source", suggested="{first}", what="this table")
    with pytest.raises(InputError, match=r"supports test-head, train-head; add --where support=none,train-head$"):
        refuse_mixtures(ROWS, "support", within=["method"], suggested="none,{last}")
    with pytest.raises(InputError, match=r"add --where support=…$"):
        refuse_mixtures(ROWS, "support", suggested="…")


def test_a_joined_source_goes_by_one_name_in_whatever_order_it_is_typed():
    joined, plus = record(source="ped1+ped2"), record(source="path:my+cam")
    assert select([joined, plus], ["source=ped2+ped1"]) == select([joined, plus], ["source=ped1+ped2"]) == [joined]
    assert select([joined, plus], ["source=ped1,path:my+cam"]) == [plus]
