"""What a suite asks for: requests, whose names are all looked up before anything runs; how large it is; its data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.base import Dataset, Scene, Split
from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import option, options_of
from crossvad.planning import catalogue, registry
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.names import joined, split_options
from crossvad.planning.protocol import get_protocol
from crossvad.planning.request import Request, get_dataset
from crossvad.planning.suite import ENTRIES, Suite

LOOKED_UP: dict[str, Callable[[Any, Path], object]] = {  # entries that are names, with what finds what they mean
    "methods": lambda name, root: registry.get_method(name),
    "tuning": lambda name, root: registry.get_tuning(name),
    "protocol": lambda name, root: get_protocol(name),
    "sources": get_dataset,
    "targets": get_dataset,
}


class Size(NamedTuple):
    """How much there is to run."""

    cells: int
    trainings: int


class _Named(Dataset):
    """A data set of which no more than the name is known, to count cells by."""

    def __init__(self, name: str) -> None:
        self.name = name

    def scenes(self, split: Split) -> list[Scene]:
        """None."""
        return []

    def labels(self, video: str) -> NDArray[np.uint8]:
        """None."""
        return np.zeros(0, np.uint8)


def requests(suite: Suite, said: Mapping[str, Any]) -> list[Request]:
    """A suite's grids, as they are to be run.

    Args:
        suite: to run.
        said: what a user says beside it, by the names of `ENTRIES`: it holds in place of what the suite says.

    Raises:
        InputError: a grid has no source.
    """
    made = []
    for grid in suite.grids:
        entries = grid | {name: value for name, value in said.items() if name in ENTRIES}
        if not entries.get("sources"):
            raise InputError(suite.name, "has no sources", 'write sources = ["…"], or give ' + option("source", ...))
        made.append(Request(**{"targets": entries["sources"]} | entries))
    return made


def check(suite: Suite, said: Mapping[str, Any], root: Path) -> None:
    """Look up every name of a suite, in all of its grids, and see that each can be a grid. Nothing is run.

    Raises:
        InputError: a name is unknown, data is not there, or a number cannot be; names the line.
    """
    for number, request in enumerate(requests(suite, said)):
        _grid(suite, number, request, suite.grids[number].keys() - said.keys(), root)


def _grid(suite: Suite, number: int, request: Request, written: Collection[str], root: Path) -> Grid:
    """Make a grid of a suite of what is asked for, some entries of which are `written` in it.

    Raises:
        InputError: as `check`.
    """
    for entry in (entry for entry in LOOKED_UP if entry in written):
        value = getattr(request, entry)
        for name in [value] if isinstance(value, str) else value:
            try:
                LOOKED_UP[entry](name, root)
            except InputError as error:
                raise _placed(error, suite.at(entry, number, name)) from error
    try:
        return request.grid(root)
    except InputError as error:
        entry = _entry_of(error)
        raise (_placed(error, suite.at(entry, number)) if entry in written else error) from error


def size(suite: Suite) -> Size:
    """How many cells a suite has, and how many trainings: at most, as pairs that cannot be are left out of a run.

    Raises:
        InputError: as `check`, but for data, which need not be there.
    """
    cells: set[Cell] = set()
    trainings: set[str] = set()
    for number, request in enumerate(requests(suite, {})):
        named = [[_Named(joined(str(name))) for name in names] for names in (request.sources, request.targets)]
        anywhere = replace(request, sources=named[0], targets=named[1])
        grid = _grid(suite, number, anywhere, suite.grids[number].keys() - {"sources", "targets"}, Path())
        trained = {method.label for method in grid.methods if method.cls.needs_source}
        made = grid.cells()
        cells |= {*made}
        trainings |= {cell.fit_key for cell in made if cell.method in trained}
    return Size(len(cells), len(trainings))


def data_needed(suite: Suite) -> list[str]:
    """The data sets that a suite asks for, each once, without those that are rendered; a part of one is that one."""
    asked = [str(name) for request in requests(suite, {}) for name in (*request.sources, *request.targets)]
    names = [split_options(part)[0] for name in asked for part in registry.joined_names(name)]
    return [name for name in dict.fromkeys(names) if name not in catalogue.RENDERED]


def _placed(error: InputError, where: str) -> InputError:
    return InputError(where, error.where + ": " + error.problem, error.fix)


def _entry_of(error: InputError) -> str:
    """Which entry an error of a grid is about: it is named as the option."""
    said = re.match("precision|training precision", error.where)
    name = said[0].replace(" ", "_") if said else next(iter(options_of(error.where)), "")
    return f"{name}s" if f"{name}s" in ENTRIES else name
