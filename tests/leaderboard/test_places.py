"""Places, blocks and ranks by hand."""

import numpy as np
import pandas as pd
import pytest

from crossvad.evaluation.statistics import PairCounts, critical_difference
from crossvad.leaderboard.blocks import largest_block
from crossvad.leaderboard.mean_ranks import ranks
from crossvad.leaderboard.places import in_bold, places, summary, verdict
from crossvad.leaderboard.rank_diagram import diagram


def square(n: int, apart: dict[tuple[int, int], float]) -> np.ndarray:
    p = np.ones((n, n))
    for (one, other), value in apart.items():
        p[one, other] = p[other, one] = value
    return p


def test_places_are_all_that_chance_leaves():
    """One sure last, two that nothing tells apart; p of 0.06 is none at level 0.05 / 2, one-sided."""
    found = places([0.9, 0.8, 0.5], square(3, {(0, 2): 0.001, (1, 2): 0.04, (0, 1): 0.06}))
    assert [tuple(place) for place in found] == [(1, 2), (1, 2), (3, 3)]
    assert [place.text.text for place in found] == ["1 to 2", "1 to 2", "3"]
    assert in_bold(found) and "the 2 of 3 rows" in verdict(found)
    assert summary(["apn", "lmn"], found) == "2 rows of 3 may be the best: apn, lmn."
    assert [tuple(place) for place in places([0.9, 0.8, 0.5], square(3, {(1, 2): 0.051}))] == [(1, 3)] * 3


def test_where_nothing_is_known_every_place_is_possible():
    nothing = np.full((2, 2), np.nan)
    found = places([0.9, 0.1], nothing)
    assert [tuple(place) for place in found] == [(1, 2), (1, 2)] and not in_bold(found)
    assert verdict(found).startswith("Nothing in bold") and "one video" in verdict(
        [], "of one video nothing can be told"
    )


def test_the_largest_block():
    has = {"a": {1, 2, 3}, "b": {1, 2, 3}, "c": {1, 2}, "d": {3}}
    assert largest_block(has) == ({"a", "b"}, {1, 2, 3})  # of equal ones that of the most columns
    assert largest_block(has | {"e": {1, 2, 3}}) == ({"a", "b", "e"}, {1, 2, 3})
    thin = {"a": {1, 2}, "b": {1, 3}, "c": {1, 4}}
    assert largest_block(thin) == ({"a", "b", "c"}, {1})
    assert largest_block(thin, lambda columns: len(columns) > 1) == ({"a"}, {1, 2})
    assert largest_block(thin, lambda columns: len(columns) > 2) == (set(), set())


def wins(auc: float) -> PairCounts:
    return PairCounts(np.array([[0, 100 * auc], [0, 0]]), np.array([10.0, 0]), np.array([0, 10.0]))


def counted(*rows: tuple[str, str, float], support: str = "train-head") -> pd.DataFrame:
    keys = {"tuning": "none", "shots": 0, "steps": 0, "budget": "quick", "source": "street", "support": support}
    return pd.DataFrame([keys | {"method": m, "target": t, "wins": wins(auc)} for m, t, auc in rows])


def test_mean_ranks_by_hand():
    rows = [("a", "x", 0.9), ("b", "x", 0.8), ("c", "x", 0.7), ("a", "y", 0.6), ("b", "y", 0.8), ("c", "y", 0.5)]
    cells = counted(*rows, ("random", "x", 0.5), ("random", "y", 0.99), ("d", "x", 0.99))
    (found,) = ranks(cells)
    assert dict(zip([way[0] for way in found.ways], found.means, strict=True)) == {"a": 1.5, "b": 1.5, "c": 3.0}
    assert found.difference == pytest.approx(critical_difference(3, 2)) and len(found.pairs) == 2
    assert "none of" in found.table.verdict.lower() and all(f"± {found.difference / 2:.2f}" in row.cells[2].text
                                                            for row in found.table.rows)  # fmt: skip
    drawn = diagram(found)
    assert [round(row.high - row.low, 1) for row in drawn.rows] == [
        round(drawn.rows[0].high - drawn.rows[0].low, 1)
    ] * 3
    assert drawn.rows[0].x == drawn.rows[1].x < drawn.rows[2].x and not any(row.best for row in drawn.rows)


def test_rows_beyond_the_critical_difference_are_told_apart():
    rows = [(method, f"t{number}", 0.9 - 0.1 * place) for number in range(12) for place, method in enumerate("abc")]
    (found,) = ranks(counted(*rows))
    assert found.difference < 1 and [row.best for row in found.table.rows] == [True, False, False]
    assert [row.best for row in diagram(found).rows] == [True, False, False]
    assert diagram(found).rows[1].low > diagram(found).limit


def test_of_one_target_there_are_no_mean_ranks():
    assert ranks(counted(("a", "x", 0.9), ("b", "x", 0.8))) == []
    alone = counted(*((method, "x", 0.9) for method in "abcde"))
    two = pd.concat([alone.assign(source="plaza"), alone.assign(source="harbour")])
    assert ranks(two) == []
    (found,) = ranks(pd.concat([two, counted(*((method, target, 0.9) for method in "ab" for target in "xy"))]))
    assert len(found.pairs) == 4 and {way[0] for way in found.ways} == {"a", "b"}


def test_rows_that_share_one_target_alone_have_no_mean_ranks():
    rows = [(method, target, 0.9) for number, method in enumerate("abcdefgh") for target in ("x", f"y{number}")]
    assert ranks(counted(*rows)) == []
    (found,) = ranks(counted(*rows, ("i", "x", 0.9), ("i", "y0", 0.9)))
    assert {way[0] for way in found.ways} == {"a", "i"} and len(found.pairs) == 2


def test_sources_of_one_target_are_one_data_set():
    rows = [(method, f"t{number}", auc) for number in range(2) for method, auc in (("a", 0.9), ("b", 0.8))]
    (found,) = ranks(pd.concat([counted(*rows).assign(source=f"s{number}") for number in range(6)]))
    assert (len(found.pairs), len(found.targets)) == (12, 2) and found.difference == pytest.approx(
        critical_difference(2, 2)
    )
    assert (
        "None of 2 rows" in found.summary and "over 2 targets, on each the mean over its sources" in found.table.caption
    )
