"""`bench results list`: what is stored, and by what it can be asked for."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from crossvad.datasets.wording import condition, sentence
from crossvad.datasets.words import number_of
from crossvad.evaluation.columns import KEYS, PLACE, PLACES
from crossvad.evaluation.conditions import value_of
from crossvad.evaluation.meanings import by_age, newest, told
from crossvad.present.formats import Tables
from crossvad.present.words import NUMBERS
from crossvad.store.store import Record, Store
from crossvad.tabulation.failed_cells import failures, skips

COLUMNS = ["key", "value", "cells", *PLACES, "note"]
Line = dict[str, object]


def tabulate(store: Store, records: Sequence[Record]) -> Tables:
    """Set out every key's values, and how many cells have each: all, one's own and committed ones.

    Args:
        store: where they lie.
        records: the cells, current or not.
    """
    cells_of = [record.cell for record in records]
    places = {cell.key: place for cell, place in zip(cells_of, store.places_of(cells_of), strict=True)}
    lines: list[Line] = []
    for key in [key for key in (*KEYS, PLACE) if key != "protocol"]:
        cells: dict[str, list[Record]] = {}
        for record in records:
            value = places[record.cell.key] if key == PLACE else value_of(record, key, "")
            cells.setdefault(value, []).append(record)
        for value in sorted(cells, key=int if key in NUMBERS else str):
            lines.append(_line(key, value, cells[value], places, ""))
    numbers = pd.DataFrame([*lines, *_older(records, places)], columns=COLUMNS)
    statuses = Counter(record.status for record in records)
    facts = [f"{number_of(len(records), 'cell')}: {', '.join(f'{n} {status}' for status, n in statuses.items())}"]
    facts += ["to be asked for by " + condition("KEY=VALUE[,VALUE]", pattern=True)]
    shown = numbers.astype(str).set_index(["key", "value"])
    shown = shown if shown["note"].any() else shown.drop(columns="note")
    notes = [*failures(store, records), *skips(records)]
    return Tables([(shown, sentence([*facts, *notes]))], "What is stored", numbers=numbers)


def _line(key: str, value: str, cells: Iterable[Record], places: Mapping[str, str], note: str) -> Line:
    counts = Counter(places[record.cell.key] for record in cells)
    return {"key": key, "value": value, "cells": counts.total(), **{place: counts[place] for place in PLACES}} | {
        "note": note
    }


def _older(records: Sequence[Record], places: Mapping[str, str]) -> list[Line]:
    """List what has been of several copies or versions: a line each, oldest first."""
    ordered = by_age(records)
    now, cells = newest(ordered), dict[tuple, dict[str, list[Record]]]()
    for record in ordered:
        for name, what in record.cell.meanings.items():
            cells.setdefault(name, {}).setdefault(what, []).append(record)
    lines = []
    for name, copies in cells.items():
        for what, own in copies.items() if len(copies) > 1 else ():
            of, where = told(own[-1], name)
            key, _, value = shlex.split(where)[-1].partition("=")
            kind = of.removeprefix("another ")
            shown = "the newest" if now[name] == what else "not shown unless asked for"
            lines.append(_line(key, value, own, places, f"{kind}: {shown}"))
    return lines
