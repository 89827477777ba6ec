"""Which stored cells a question is about, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crossvad.datasets.errors import InputError
from crossvad.evaluation.selection import refuse_empty, refuse_mixtures, varying_keys

ROWS = pd.DataFrame(
    [["apn", "a", 0, "none"], ["lmn", "a", 5, "train-head"], ["lmn", "b", 5, "test-head"]],
    columns=["method", "source", "shots", "support"],
)


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
