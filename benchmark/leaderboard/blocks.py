"""The largest part of a grid that nothing is missing from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeVar

Row = TypeVar("Row", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)


def largest_block(has: Mapping[Row, AbstractSet[Column]], least: int = 1) -> tuple[set[Row], set[Column]]:
    """Choose the columns of some row for which rows times columns is most, and of equal ones the most columns.

    Args:
        has: the columns that each row has.
        least: columns, at least.

    Returns:
        The rows that have all of these columns, and the columns; two empty sets where there are none.

    >>> largest_block({"a": {1, 2}, "b": {1, 2}, "c": {2}})
    ({'a', 'b'}, {1, 2})
    """
    best: tuple[set[Row], set[Column]] = (set(), set())
    choices = {frozenset(columns) for columns in has.values() if len(columns) >= least}
    for columns in sorted(choices, key=lambda choice: (-len(choice), sorted(map(str, choice)))):
        rows = {row for row, own in has.items() if columns <= own}
        if len(rows) * len(columns) > len(best[0]) * len(best[1]):
            best = rows, set(columns)
    return best
