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


def refuse_mixtures(*wanted: Alike, what: str = "this figure") -> None:
    """Refuse rows that would be shown, or averaged, as one although they differ in a key.

    Args:
        wanted: keys that must have one value. Of a later one are judged those rows that an earlier one leaves.
        what: what would mix them.

    Raises:
        Mixed: some have several values; names all of these, and a choice for each that leaves most rows.
    """
    told, conditions, left_out = [], [], pd.Index([])
    for one in wanted:
        each = one.without(left_out)
        if values := each.mixed():
            kept = each.kept()
            told.append(f"{each.key.rstrip('s')}s {', '.join(map(str, values))}")
            conditions.append(f"{each.key}={','.join(map(str, kept))}")
            left_out = left_out.union(each.rows.index[~each.rows[each.key].isin(kept)])
    if told:
        raise Mixed(what, f"would mix {', and '.join(told)}", conditions)
