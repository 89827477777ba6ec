"""What is stored, but not shown, and how to ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from crossvad.datasets.wording import option, sentence
from crossvad.datasets.words import number_of
from crossvad.evaluation.selection import belongs, unmatched
from crossvad.planning.protocol import Protocol
from crossvad.present.formats import Tables
from crossvad.store.several import SeveralStores
from crossvad.store.store import Record, Store

Older = Mapping[tuple[str, str], Sequence[Record]]  # as `selection.superseded` gives it
NAMED = 3  # copies and versions that are named, at most


def not_shown(
    stored: Sequence[Record],
    chosen: Iterable[Record],
    older: Older,
    conditions: Sequence[str],
    protocol: Protocol,
) -> list[str]:
    """Say which cells that a reader may look for are not shown: a fact each.

    Args:
        stored: all cells of the results folder.
        chosen: those of them that are shown.
        older: those that are not, by what they are of and how to ask for them: see `selection.superseded`.
        conditions: KEY=VALUE[,VALUE], by which they were chosen.
        protocol: by which they are read.
    """
    facts = older_facts(older)
    lacking = unmatched(stored, conditions, protocol.name) if stored else []
    facts += [f"no stored cell has {value} ({close})" for value, close in lacking]
    return [*facts, *_unread([record for record in chosen if not belongs(record, protocol)], protocol)]


def shares(store: Store, chosen: Iterable[Record]) -> list[str]:
    """Say how many of the cells that are shown are of which results folder, where they are read from several."""
    if not isinstance(store, SeveralStores):
        return []
    parts = [f"{number_of(count, 'cell')} of {folder}" for folder, count in store.shares(chosen).items()]
    return [f"from {len(parts)} results folders: {', '.join(parts)}"]


def older_facts(older: Older) -> list[str]:
    """Say which cells are of another copy or version than is shown, and how to ask for them."""
    facts: list[str] = []
    for (of, where), cells in [*older.items()][:NAMED]:
        facts.append(_are_not_shown(len(cells), f"of {of}") + " (" + where + ")")
    if more := sum(map(len, [*older.values()][NAMED:])):
        facts.append(f"nor {number_of(more, 'cell')} of others (bench results list)")
    return facts


def _unread(records: Sequence[Record], protocol: Protocol) -> list[str]:
    """Say which cells a protocol may not read."""
    if not records:
        return []
    if protocol.common_mask:
        most = max(record.cell.shots for record in records)
        beyond = f"with more than {number_of(protocol.max_shots, 'shot')}"
        return [_are_not_shown(len(records), beyond) + " (" + option("protocol", f"fair@{most}") + ")"]
    supports = ", ".join(sorted({record.cell.support for record in records}))
    unread = f"with support {supports}, which protocol {protocol.name} does not read,"
    return [_are_not_shown(len(records), unread)]


def _are_not_shown(count: int, of: str) -> str:
    return f"{number_of(count, 'cell')} {of} {'is' if count == 1 else 'are'} not shown"


def noted(tables: Tables, facts: Sequence[str], place: int = 0) -> Tables:
    """Add facts to what the caption of a table says, the first unless told, and to the notes of formats without."""
    if not facts:
        return tables
    parts = [*tables.parts]
    if parts:
        table, note = parts[place]
        parts[place] = table, sentence([note, *facts])
    return replace(tables, parts=parts, notes=facts)
