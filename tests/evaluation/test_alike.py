"""What differs where one thing is shown: all of it is told at once, with a choice that leaves most rows."""

from __future__ import annotations

import pandas as pd
import pytest

from crossvad.datasets.errors import Mixed
from crossvad.evaluation.alike import Alike, Few, refuse_mixtures

ROWS = pd.DataFrame(
    [
        ("ped1", "quick", 10, "scene-head"),
        ("ped1", "quick", 10, "test-head"),
        ("ped2", "quick", 50, "train-head"),
        ("ped2", "quick", 10, "train-head"),
        ("ped2", "quick", 10, "train-head"),
        ("ped2", "quick", 10, "train-head"),
        ("ped2", "quick", 10, "test-head"),
        ("ped2", "demo", 50, "train-head"),
        ("ped2", "demo", 50, "train-head"),
        ("ped2", "demo", 50, "train-head"),
        ("ped2", "demo", 50, "train-head"),
    ],
    columns=["target", "budget", "steps", "support"],
)


def told(*wanted, **more):
    with pytest.raises(Mixed) as caught:
        refuse_mixtures(*wanted, **more)
    return str(caught.value), caught.value.conditions


def test_rows_that_agree_are_not_refused():
    refuse_mixtures(Alike(ROWS[:2], "budget"), Alike(ROWS[3:5], "steps"))
    refuse_mixtures(Alike(ROWS.iloc[[0, 2]], "support", ["target"]))
    refuse_mixtures()


def test_the_value_that_most_rows_have_is_suggested_and_of_equals_the_last():
    text, conditions = told(Alike(ROWS, "budget"))
    assert text == "this figure: would mix budgets demo, quick; add --where budget=quick"
    assert conditions == ("budget=quick",)
    text, _ = told(Alike(ROWS.iloc[[1, 2]], "support"), what="this table")
    assert text == "this table: would mix supports test-head, train-head; add --where support=train-head"


def test_all_that_differs_is_named_at_once_and_judged_of_what_an_earlier_choice_leaves():
    """Most rows have 50 steps, but of those of budget quick most have 10."""
    text, conditions = told(Alike(ROWS, "budget"), Alike(ROWS, "steps"), Alike(ROWS, "support", ["target"]))
    assert "would mix budgets demo, quick, and steps 10, 50, and supports scene-head, test-head, train-head;" in text
    assert conditions == ("budget=quick", "steps=10", "support=scene-head,train-head")
    kept = ROWS.query("budget == 'quick' and steps == 10 and support in ['scene-head', 'train-head']")
    refuse_mixtures(Alike(kept, "budget"), Alike(kept, "steps"), Alike(kept, "support", ["target"]))
    assert kept["target"].tolist() == ["ped1", *["ped2"] * 3]


def test_groups_may_each_have_another_value_and_the_choice_keeps_all_that_never_meet():
    rows = pd.DataFrame({"target": list("aabb"), "support": ["none", "x", "y", "none"]})
    refuse_mixtures(Alike(rows.iloc[[0, 2]], "support", ["target"]))
    assert told(Alike(rows, "support", ["target"]))[1] == ("support=none",)
    rows = pd.DataFrame({"target": list("aaabc"), "support": ["x", "x", "y", "z", "none"]})
    assert told(Alike(rows, "support", ["target"]))[1] == ("support=none,x,z",)


def test_a_choice_is_quoted_for_a_shell():
    rows = pd.DataFrame({"source": ["path:my street", "ped2", "path:my street"]})
    assert told(Alike(rows, "source"))[0].endswith("; add --where 'source=path:my street'")


def test_values_that_a_choice_keeps_are_told_beside_those_that_mix():
    rows = pd.DataFrame({"target": list("aaabc"), "support": ["x", "x", "y", "z", "none"]})
    assert "would mix supports x, y (beside none, z); add" in told(Alike(rows, "support", ["target"]))[0]


def crowd(most=3, **more):
    methods = ["apn", "lmn", "mpn", "memae"]
    rows = pd.DataFrame([{"shots": k, "method": m, "budget": "quick"} for m in methods for k in (0, 5)] * 2)
    rows = pd.concat([rows, rows[rows["shots"] == 5][:1].assign(method="more")], ignore_index=True)
    return rows.assign(**more), ["shots", "method"], most, "curves"


def test_more_than_there_is_room_for_are_refused_with_a_choice_that_leaves_room():
    rows, *rest = crowd()
    text, conditions = told(few=Few(rows, *rest))
    assert text.startswith("this figure: would have 9 curves, more than 3; add --where shots=5 --where method=")
    shots, methods = (condition.partition("=")[2].split(",") for condition in conditions)
    left = rows[rows["shots"].astype(str).isin(shots) & rows["method"].isin(methods)]
    assert len(methods) == 3 and "more" not in methods
    refuse_mixtures(few=Few(left, *rest))


def test_one_choice_answers_both_a_mixture_and_too_many():
    rows, *rest = crowd()
    rows = pd.concat([rows, rows[:1].assign(budget="demo", method="other")], ignore_index=True)
    text, conditions = told(Alike(rows, "budget"), few=Few(rows, *rest))
    assert "would mix budgets demo, quick, and would have 9 curves, more than 3" in text
    assert conditions[0] == "budget=quick" and "other" not in str(conditions)
