"""What the names in stored cells stood for: which version of a method, which copy of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from crossvad.datasets.wording import condition
from crossvad.planning.cell import Meanings
from crossvad.store.store import Record

# What a name that changed is called, the key that holds what it stood for, and the key of the name.
KINDS = {
    "harness": ("version of the harness", "harness_version", ""),
    "method": ("version of", "method_version", "method"),
    "tuning": ("version of", "tuning_version", "tuning"),
    "budget": ("budget", "budget_digest", "budget"),
    "source": ("copy of", "source_digest", "source"),
    "support": ("copy of the training video of", "target_digest", "target"),
    "target": ("copy of", "target_digest", "target"),
}


def told(record: Record, name: tuple) -> tuple[str, str]:
    """Say what a cell is of that is not current, and which conditions ask for it."""
    what, key, of = KINDS[name[0]]
    # A test copy is asked for by itself, which goes for what was not adapted to it, too.
    value = record.cell.meanings[name] if name[0] == "target" else str(getattr(record.cell, key))
    called = getattr(record.cell, of) if of else ""
    numbered = of in ("method", "tuning")  # several have versions of one number
    conditions = [*([f"{of}={called}"] if numbered else []), f"{key}={value}"]
    return f"another {what} {called}".strip(), condition(*conditions)


def current(records: Iterable[Record]) -> list[Record]:
    """The cells whose names mean what they meant when last used.

    A name stands for code, options or files that may change; a table that mixed a method's results with those of its
    earlier code would compare nothing. The older cells stay in the store, and count again if the change is taken back
    and a cell is run.
    """
    ordered = by_age(records)
    agrees = agreeing(newest(ordered))
    return [record for record in ordered if agrees(record)]


def by_age(records: Iterable[Record]) -> list[Record]:
    """Put the oldest first."""
    return sorted(records, key=lambda record: record.finished)


def newest(ordered: Sequence[Record]) -> Meanings:
    """What each name in these cells, oldest first, stood for at last."""
    last = {id(own): own for own in (record.cell.meanings for record in reversed(ordered))}  # newest first, each once
    meaning: Meanings = {}
    for own in reversed(last.values()):
        meaning |= own
    return meaning


def agreeing(meaning: Meanings) -> Callable[[Record], bool]:
    """What tells whether all names in a cell mean this; looked up once for the many cells that share their meanings."""
    known: dict[int, bool] = {}

    def agrees(record: Record) -> bool:
        own = record.cell.meanings
        if id(own) not in known:
            known[id(own)] = own.items() <= meaning.items()
        return known[id(own)]

    return agrees
