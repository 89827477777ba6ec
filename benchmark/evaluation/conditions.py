"""Conditions on stored cells as they are typed: KEY=VALUE[,VALUE]"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from crossvad.datasets import wording
from crossvad.datasets.errors import InputError
from crossvad.evaluation.columns import CONDITIONS, KEYS, PAIR, PLACE, PLACES, VERSIONS
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.names import as_pair, did_you_mean, joined, listed, members
from crossvad.store.store import Record

Conditions = list[tuple[str, list[str]]]  # keys, and their values


def by_place(conditions: Iterable[str]) -> tuple[str, list[str]]:
    """Take the conditions on `PLACE` apart: in which place alone cells are looked for, "" for both; and the others.

    Raises:
        InputError: there is no such place.
    """
    places, others = set(PLACES), []
    for condition in conditions:
        key, _, values = condition.partition("=")
        if key != PLACE:
            others.append(condition)
            continue
        if not listed(values):
            raise InputError(wording.condition(condition), "names no value", f"choose from {', '.join(PLACES)}")
        for value in members(values, wording.condition(condition)):
            if value not in PLACES:
                fix = f"{did_you_mean(value, PLACES)}choose from {', '.join(PLACES)}"
                raise InputError(wording.condition(condition), "is no place of cells", fix)
        places &= {*listed(values)}
    return "" if len(places) != 1 else places.pop(), others


def parsed(conditions: Iterable[str], records: Sequence[Record], protocol: str = "") -> Conditions:
    """Split each KEY=VALUE[,VALUE] into the key and its values; a comma that is part of a stored value parts nothing.

    Raises:
        InputError: one is not written so, or there is no such key; says what comes close.
    """
    keys = [key for key in (*KEYS, PAIR, *VERSIONS) if key != "protocol" or protocol]
    found = []
    for condition in conditions:
        key, equals, values = condition.partition("=")
        if key in keys and not listed(values):
            raise InputError(wording.condition(condition), "names no value", f"write {key}=VALUE, or leave it out")
        if not equals or key not in keys:
            known = [name for name in CONDITIONS if name in (*keys, PLACE)]
            fix = f"{did_you_mean(key, known)}write KEY=VALUE with a key of {', '.join(known)}"
            raise InputError(wording.condition(condition), "cannot be read", fix)
        stored = {value_of(record, key, protocol) for record in records} if "," in values else set()
        if any(is_value(value, key, values.strip()) for value in stored):  # one that holds a comma
            found.append((key, [values.strip()]))
        else:
            found.append((key, _values(members(values, wording.condition(condition)), stored)))
    return found


def _values(parts: list[str], stored: Collection[str]) -> list[str]:
    """The values that were parted at commas, put together again where that is stored: path:south, east.

    Of several stored ones that differ in blanks alone, all.
    """
    whole: dict[tuple[str, ...], list[str]] = {}
    for value in sorted(stored):
        whole.setdefault(tuple(listed(value)), []).append(value)
    values: list[str] = []
    while parts:
        count = next((count for count in range(len(parts), 1, -1) if tuple(parts[:count]) in whole), 1)
        values += whole[tuple(parts[:count])] if count > 1 else parts[:1]
        parts = parts[count:]
    return values


def meets(record: Record, wanted: Conditions, protocol: str, spared: Collection[str] = ()) -> bool:
    """Whether every condition holds for a cell, but those on keys that are spared it."""
    return all(
        key in spared or any(is_value(value_of(record, key, protocol), key, value) for value in values)
        for key, values in wanted
    )


def is_value(value: str, key: str, wanted: str) -> bool:
    """Whether a cell's value is the one wanted. Data sets trained on at once may be named in any order.

    A copy of a target is known by its test video. Where the support set is training video, that of the copy counts
    too, if both name it: TRAIN+TEST.
    """
    if key == PAIR:
        return value == as_pair(wanted)
    if key != "target_digest":
        return value == wanted or (key == "source" and value == joined(wanted))
    (train, _, test), (other, _, asked) = value.rpartition("+"), wanted.rpartition("+")
    return test == asked and (train == other or not train or not other)


def value_of(record: Record, key: str, protocol: str) -> str:
    """Read one of `KEYS`, `PAIR` or `VERSIONS` of a cell as it is typed."""
    return protocol if key == "protocol" else str(getattr(record.cell, key))


def spared_keys(record: Record) -> tuple[str, ...]:
    """List the keys that mean nothing to a cell, so that a condition on them is about others."""
    unadapted = ("shots", "support", "steps") if not record.cell.shots else ()
    return unadapted + (("tuning", "tuning_version", "steps") if record.cell.tuning == NO_TUNING else ())
