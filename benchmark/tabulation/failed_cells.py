"""Cells that a table lacks because they failed, their method refused, or they were left out."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from crossvad.datasets.errors import plain
from crossvad.datasets.words import number_of
from crossvad.store.store import Record, Store


def failures(store: Store, records: Iterable[Record]) -> list[str]:
    """Say why cells failed or were refused, a line for each reason; of a failure where, and its traceback's file.

    A cell of a run that has kept its scores by earlier labels has no such file, and that is said.
    """
    alike: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.status in ("failed", "refused"):
            why = plain((record.reason.strip().splitlines() or ["for no reason that is told"])[-1])
            alike.setdefault((record.status, record.cell.method, why), []).append(record)
    lines = []
    for (status, _, why), group in alike.items():
        first = group[0].cell
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        at = _place(group[0].reason)
        stored = group[0].finished
        where = store.cell_place(first.key) / "record.json" if stored else "its scores by earlier labels are kept"
        details = f" ({at}{where})" if status == "failed" or not stored else ""
        lines.append(f"{status}: {first}{more}: {why}{details}")
    return lines


def _place(reason: str) -> str:
    """Where in somebody's own code a traceback points to, or else in whose it ended; nothing, if it is none."""
    places = [(Path(file), line) for file, line in re.findall(r'File "(.+)", line (\d+)', reason)]
    own = [place for place in places if not {"crossvad", "site-packages"} & {*place[0].parts}] or places
    return f"{plain(own[-1][0].name)}, line {own[-1][1]}; " if own else ""


def checks(methods: Iterable[str], failed: Collection[str]) -> list[str]:
    """Say how to find out what is wrong with methods of somebody's own, by the labels of those that failed."""
    from crossvad.planning import registry  # here, as it loads torch, which tables go without

    specs = {text: registry.get_method(text) for text in methods if failed}
    mine = [text for text, spec in specs.items() if spec.code and spec.label in failed]
    return [f"To see what is wrong with it, in seconds: bench methods check {shlex.quote(text)}" for text in mine[:1]]


def skips(records: Iterable[Record]) -> list[str]:
    """Say of the cells that could not be why not, a line for each reason."""
    counts = Counter(record.reason for record in records if record.status == "skipped")
    return [f"left out: {number_of(count, 'cell')}: {plain(reason)}" for reason, count in counts.items()]
