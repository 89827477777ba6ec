"""Boards of cameras and mean ranks: no submission decides for the others which rows and targets are compared."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest

import camera_stores
import submissions_made as made
from crossvad.execution.progress import Reporter
from crossvad.leaderboard import blocks, site
from crossvad.leaderboard.blocks import largest_block
from crossvad.planning.catalogue import BASELINES
from crossvad.present.tables import MISSING
from crossvad.present.words import CONTROLS
from crossvad.store.store import Store

TARGETS = ("campus", "harbour")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A submission of two methods on two targets."""
    root = tmp_path_factory.mktemp("first")
    for target in TARGETS:
        made.put_grid(Store(root / "results"), ("apn", "lmn"), target)
    return made.pack(root / "first", Store(root / "results"), "first")


@pytest.fixture
def second(tmp_path):
    """Make another's submission of mpn: second(where, each with a target and what else its cells are of)."""

    def make(*cells: dict, by: str = "second"):
        store = Store(tmp_path / f"results-{by}")
        for own in cells:
            for method in BASELINES:
                camera_stores.put(store, method, target=own["target"], trained=False, shift=0.3)
            for shots in (0, 10):
                camera_stores.put(store, **{"method": "mpn", "shots": shots} | own)
        return made.pack(tmp_path / by, store, by)

    return make


def shown(*folders) -> site.Site:
    found = site.make(list(folders), Reporter(quiet=True))
    assert not found.gathered.refused
    return found


def rows_of(board) -> set[tuple[str, str]]:
    return {(str(row.cells[0].value), row.cells[1].text.partition(",")[0]) for row in board.table.rows}


def test_another_support_leaves_out_its_own_row(first, second):
    (board,) = shown(first, second(*({"target": target, "support": "scene-head"} for target in TARGETS))).cameras
    assert board.targets == list(TARGETS) and {method for method, _ in rows_of(board)} >= {"apn", "lmn"}
    assert ("mpn", "not adapted") in rows_of(board) and ("mpn", "finetune") not in rows_of(board)
    assert "a seed on all: mpn (finetune, K = 10)" in board.table.caption


def test_a_row_without_a_seed_on_all_targets_leaves_out_itself(first, second):
    (board,) = shown(first, second({"target": "campus", "seed": 5}, {"target": "harbour", "seed": 6})).cameras
    assert board.targets == list(TARGETS) and {method for method, _ in rows_of(board)} == {"apn", "lmn", *BASELINES}
    assert "a seed on all: mpn" in board.table.caption


def test_another_part_of_a_target_is_not_counted_twice(first, second):
    (board,) = shown(first, second({"target": "campus"}, {"target": "campus[x=1]"}, {"target": "harbour"})).cameras
    assert board.targets == list(TARGETS) and "mpn" in {method for method, _ in rows_of(board)}


def test_targets_of_ones_own_do_not_count(first, second):
    invented = second(*({"target": f"own-{number}"} for number in range(6)))
    found = shown(first, invented)
    (board,) = found.cameras
    assert board.targets == list(TARGETS) and "apn" in {method for method, _ in rows_of(board)}
    assert "own-0, own-1" in board.table.caption and "labels are one sender's own" in board.table.caption
    (ranks,) = found.ranks
    assert {target for _, target in ranks.pairs} == set(TARGETS) and "; 8 of 8 rows" in ranks.table.caption
    assert "mean rank is over own-0, own-1, own-2, own-3, 2 more, whose labels are one sender's own" in found.rests_on


def test_a_board_is_of_two_cameras_or_more(tmp_path):
    """Six rows share a target of one camera, of which there is no mean; what the board goes without is named."""
    store, one = Store(tmp_path / "results"), {"cameras": {"gate": (20, 45, 60)}}
    made.put_grid(store, ("apn", "lmn", "mpn"), "campus", **one)
    made.put_grid(store, ("apn",), "harbour", **one)
    made.put_grid(store, ("lmn",), "quay", **one)
    (board,) = shown(made.pack(tmp_path / "all", store)).cameras
    assert board.targets == ["campus", "harbour"] and board.cameras == 2
    assert "left out: quay, which not all of these rows have" in board.table.caption


def test_why_there_is_no_board_is_told(tmp_path):
    store, one = Store(tmp_path / "results"), {"cameras": {"gate": (20, 45, 60)}}
    made.put_grid(store, ("apn",), "campus", **one)
    made.put_grid(store, ("lmn",), "harbour", **one)
    found = shown(made.pack(tmp_path / "all", store))
    assert found.cameras == []
    assert "no mean over cameras after street, quick: no row has two cameras that count" in found.rests_on


def test_a_target_of_several_senders_counts(first, second):
    both = [second({"target": "quay", "method": method}, by=method) for method in ("mpn", "memae")]
    assert shown(first, both[0]).gathered.counting_targets == set(TARGETS)
    assert shown(first, *both).gathered.counting_targets == {*TARGETS, "quay"}


def test_rows_that_are_everywhere_do_not_choose_the_targets(first, second):
    """Trivial rows of two more targets would outweigh the methods of two labs."""
    more = [second(*({"target": f"quay-{number}", "method": method} for number in range(3)), by=method)
            for method in ("mpn", "memae")]  # fmt: skip
    third = second(*({"target": target, "method": name} for target in TARGETS for name in ("amc", "tsc")), by="third")
    (board,) = shown(first, *more, third).cameras
    assert board.targets == list(TARGETS)


def test_controls_have_no_place(first):
    """On no board: random and ramp are no detectors, whatever their AUC."""
    found = shown(first)
    for table in [board.table for board in (*found.boards, *found.cameras)]:
        placed = {str(row.cells[0].value): row.cells[3].text != MISSING for row in table.rows}
        assert {name for name, has in placed.items() if not has} == set(CONTROLS) and placed["apn"]


def test_the_largest_block_is_the_largest():
    random = np.random.default_rng(0)
    for _ in range(100):
        rows, columns = random.integers(3, 8), random.integers(3, 7)
        has = {row: set(np.flatnonzero(random.random(columns) < 0.7).tolist()) for row in range(rows)}
        every = chain(*(combinations(range(columns), size) for size in range(1, columns + 1)))
        best = max(len(chosen) * sum(set(chosen) <= own for own in has.values()) for chosen in every)
        found = largest_block(has)
        assert len(found[0]) * len(found[1]) == best and all(found[1] <= has[row] for row in found[0])


def test_a_grid_of_many_holes_takes_no_time(monkeypatch):
    monkeypatch.setattr(blocks, "MOST", 50)
    has = {row: set(range(40)) - {row} for row in range(40)}
    rows, columns = largest_block(has)
    assert rows and all(columns <= has[row] for row in rows)
    assert len(blocks._intersections(map(frozenset, has.values()))) < 200
