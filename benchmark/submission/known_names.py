"""Whether what cells say of things of this package is so, and whether names are what they seem."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from crossvad.adapters.base import Adapter
from crossvad.datasets.errors import InputError, Problem
from crossvad.evaluation.selection import transductive, untrained
from crossvad.planning import registry
from crossvad.planning.catalogue import ARCHIVES, METHODS, NO_TUNING, RENDERED, TUNINGS
from crossvad.planning.names import joined, listed, spelled, split_options
from crossvad.planning.specs import MethodSpec
from crossvad.store.store import Record
from crossvad.submission.statement import base_name

RUN = "run the cells again with this version of crossvad"
RENAME = "rename the class, file or folder, and run again"
KNOWN = {"method": METHODS, "tuning": TUNINGS, "data set": {**ARCHIVES, **RENDERED}}


def verify_names(records: Iterable[Record]) -> list[Problem]:
    """Whether every name is written as this package writes it, so that no two are of one thing, or look like one.

    What is not of this package has a name in ASCII, but for data sets, which folders may name.
    """
    named = {kind: set[str]() for kind in KNOWN}
    problems = []
    for cell in (record.cell for record in records):
        named["method"].add(cell.method)
        named["tuning"].add(cell.tuning)
        named["data set"] |= {cell.target, *listed(cell.source, "+")}
        if joined(cell.source) != cell.source and "path:" not in cell.source:
            problems.append(Problem("error", cell.source, f"is written {joined(cell.source)} in a run", RUN))
        if cell.tuning == NO_TUNING and cell.tuning_version:
            problems.append(Problem("error", NO_TUNING, f"has no version, such as {cell.tuning_version}", RUN))
    for kind, names in named.items():
        problems += [Problem("error", name, *wrong) for name in sorted(names) if (wrong := _misnamed(kind, name))]
    return list(dict.fromkeys(problems))


def _misnamed(kind: str, name: str) -> tuple[str, str] | None:
    """What is wrong with a name, and the fix; None if nothing is."""
    try:
        if registry.runs_code(name) or base_name(name) not in KNOWN[kind]:
            if kind == "data set":
                unseen = any(unicodedata.category(character) == "Cf" for character in name)
                return ("holds a character that cannot be seen", RENAME) if unseen else None
            plain = name.isascii() and spelled(*split_options(name)) == name
            return None if plain else ("is no plain name in ASCII", RENAME)
        own = _label(kind, name)
    except InputError as error:
        return f"is no {kind} of this package: {error.problem}", RUN
    return None if own == name else (f"is called {own}", RUN)


def _label(kind: str, name: str) -> str:
    """What this package calls something of its own; of a data set whose part a file names, which is not read, the same.

    Raises:
        InputError: there is no such thing.
    """
    if kind == "method":
        return registry.get_method(name).label
    if kind == "tuning":
        return registry.get_tuning(name).label
    return registry.dataset_label(name)


def verify_facts(records: Iterable[Record]) -> list[Problem]:
    """Whether cells of methods of this package say of training and of looking ahead what their class does."""
    problems = dict[Problem, None]()
    for record in records:
        name = record.cell.method
        if registry.runs_code(name) or base_name(name) not in METHODS:
            continue
        try:
            spec = registry.get_method(name)
        except InputError:  # told by `verify_names`
            continue
        if untrained(record) == spec.cls.needs_source:
            told, how = ("not trained", "always") if spec.cls.needs_source else ("trained", "never")
            problem = f"says that it was {told} on its source, which this method {how} is"
            problems[Problem("error", name, problem, RUN)] = None
        if transductive(record) != looks_ahead(spec):
            told = "looks ahead" if looks_ahead(spec) else "does not look ahead"
            problems[Problem("error", name, f"{told} in test video, and its cells say otherwise", RUN)] = None
    return list(problems)


def looks_ahead(spec: MethodSpec) -> bool:
    """Whether a method is `transductive`, as its class says of its options; nothing of it is built."""
    bare: Adapter = spec.cls.__new__(spec.cls)
    bare.__dict__["options"] = spec.options
    return bool(bare.transductive)
