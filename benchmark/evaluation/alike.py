"""What rows must agree in where they are shown, or averaged, as one; and which of them to keep where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossvad.datasets.errors import Mixed


@dataclass(frozen=True)
class Alike:
    """A key that must have one value."""

    rows: pd.DataFrame  # tidy rows that it is about; those of several share an index
    key: str
    within: Sequence[str] = ()  # keys of the groups in each of which it must have one; none: all rows are one group

    def without(self, left_out: pd.Index) -> Alike:
        """The same of fewer rows."""
        return Alike(self.rows[~self.rows.index.isin(left_out)], self.key, self.within)

    def mixed(self) -> list[Any]:
        """The values, sorted, that come together in some group; none where each group has one."""
        return sorted({value for group in self._groups() if len(group) > 1 for value in group})

    def kept(self) -> list[Any]:
        """Values, sorted, no two of which come together in a group: those that most rows have, of equals the last."""
        counts, groups = self.rows[self.key].value_counts(), self._groups()
        chosen: list[Any] = []
        for value in sorted(counts.index, key=lambda one: (counts[one], one), reverse=True):
            if not any(value in group and group & {*chosen} for group in groups):
                chosen.append(value)
        return sorted(chosen)

    def _groups(self) -> list[set[Any]]:
        """The values of each group."""
        parts = self.rows.groupby(list(self.within), sort=False) if self.within else [("", self.rows)]
        return [{*part[self.key]} for _, part in parts]


@dataclass(frozen=True)
class Few:
    """Things of which a figure has room for so many."""

    rows: pd.DataFrame  # tidy rows that they are made of; index as of those of `Alike`
    keys: Sequence[str]  # that tell them apart, those first of which one value is kept first
    most: int
    what: str  # they are called

    def without(self, left_out: pd.Index) -> Few:
        """The same of fewer rows."""
        return Few(self.rows[~self.rows.index.isin(left_out)], self.keys, self.most, self.what)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.rows[list(self.keys)].drop_duplicates())

    def kept(self) -> list[tuple[str, list[Any]]]:
        """Keys, and the values of them that leave no more than there is room for: those that most rows have."""
        rows, chosen = self.rows, []
        for key in self.keys:
            if len(rows[list(self.keys)].drop_duplicates()) <= self.most:
                break
            counts = rows[key].value_counts()
            ranked = sorted(counts.index, key=lambda value: (-counts[value], str(value)))
            values = ranked[: self.most if key == self.keys[-1] else 1]
            if len(values) < len(ranked):
                chosen.append((key, sorted(values)))
                rows = rows[rows[key].isin(values)]
        return chosen


def refuse_mixtures(*wanted: Alike, what: str = "this figure", few: Few | None = None) -> None:
    """Refuse rows that would be shown, or averaged, as one although they differ in a key, or too many to be shown.

    Args:
        wanted: keys that must have one value. Of a later one are judged those rows that an earlier one leaves.
        what: what would mix them.
        few: what there must not be too many of, in the rows that all of these leave.

    Raises:
        Mixed: some have several values, or there are too many; names all of these, and a choice for each that leaves
            most rows, and no more than there is room for.
    """
    told, conditions, left_out = [], [], pd.Index([])
    for one in wanted:
        each = one.without(left_out)
        if values := each.mixed():
            kept = each.kept()
            others = sorted({*kept} - {*values})
            beside = f" (beside {', '.join(map(str, others))})" if others else ""
            told.append(f"{each.key.rstrip('s')}s {', '.join(map(str, values))}{beside}")
            conditions.append(f"{each.key}={','.join(map(str, kept))}")
            left_out = left_out.union(each.rows.index[~each.rows[each.key].isin(kept)])
    problems = [f"would mix {', and '.join(told)}"] if told else []
    if few and (left := few.without(left_out)).count > few.most:
        problems.append(f"would have {left.count} {few.what}, more than {few.most}")
        conditions += [f"{key}={','.join(map(str, values))}" for key, values in left.kept()]
    if problems:
        raise Mixed(what, ", and ".join(problems), conditions)
