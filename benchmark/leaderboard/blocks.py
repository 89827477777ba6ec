"""The largest part of a grid that nothing is missing from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeVar

Row = TypeVar("Row", bound=Hashable)
Column = TypeVar("Column", bound=Hashable)
MOST = 4096  # sets of columns that are tried; more would take longer than they are worth


def largest_block(
    has: Mapping[Row, AbstractSet[Column]], enough: Callable[[AbstractSet[Column]], bool] = bool
) -> tuple[set[Row], set[Column]]:
    """Choose the columns for which rows times columns is most, and of equal ones the most columns.

    They are those that some rows have in common: the best of all, unless these are more than `MOST` sets.

    Args:
        has: the columns that each row has.
        enough: whether some columns will do; if they do, so do more.

    Returns:
        The rows that have all of these columns, and the columns; two empty sets where there are none.

    >>> rows, columns = largest_block({"a": {1, 2, 3}, "b": {1, 2, 4}, "c": {2}})
    >>> sorted(rows), columns
    (['a', 'b'], {1, 2})
    """
    best: tuple[set[Row], set[Column]] = (set(), set())
    choices = [columns for columns in _intersections(map(frozenset, has.values())) if enough(columns)]
    for columns in sorted(choices, key=lambda choice: (-len(choice), sorted(map(str, choice)))):
        rows = {row for row, own in has.items() if columns <= own}
        if len(rows) * len(columns) > len(best[0]) * len(best[1]):
            best = rows, set(columns)
    return best


def _intersections(sets: Iterable[frozenset[Column]]) -> set[frozenset[Column]]:
    """Some sets, and what any of them have in common."""
    found = set[frozenset[Column]]()
    for one in sorted(set(sets), key=lambda each: (-len(each), sorted(map(str, each)))):
        if len(found) > MOST:
            found.add(one)
        else:
            found |= {one, *(one & other for other in found)}
    return found
