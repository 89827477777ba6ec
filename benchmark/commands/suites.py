"""`bench suites`: runs that come with the benchmark, for `bench matrix NAME`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import DATA, SUITE
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError
from crossvad.datasets.words import number_of
from crossvad.planning import catalogue
from crossvad.planning.data_root import data_root

if TYPE_CHECKING:
    from crossvad.planning.suite import Suite


@click.group(cls=Group)
def suites() -> None:
    """Runs that come with the benchmark: list, show."""


@suites.command("list")
def list_suites() -> None:
    """Every suite by name, with how many cells and trainings it has, and the data it needs."""
    from crossvad.planning.suite import get_suite, suite_names
    from crossvad.planning.suite_plan import data_needed, size
    from crossvad.present.terminal import console, plain_table

    rows = []
    for name in suite_names():
        suite = get_suite(name)
        cells, trainings = size(suite)
        rows.append([name, suite.title, f"{cells:,}", f"{trainings:,}", ", ".join(data_needed(suite)) or "none"])
    heads = ("suite", "what it runs", "cells", "trainings", "data")
    console().print(plain_table(heads, rows, lines=True))
    tell("Run one: bench matrix NAME --data DIR. What is in it, and whether its data is here: bench suites show NAME")


@suites.command()
@click.argument("name", type=SUITE)
@DATA
def show(name: str, data: Path | None) -> None:
    """A suite (a name, or a TOML file of yours): its text, its size, and whether the data it needs is at hand.

    The text is that of a file for `bench matrix`: save it, and change what you like.

    \b
    bench suites show cross-camera --data DIR
    bench suites show paper | head -40 > mine.toml
    """
    from crossvad.planning.suite import get_suite
    from crossvad.planning.suite_plan import data_needed, size

    suite = get_suite(name)
    cells, trainings = size(suite)
    tell(*suite.text.rstrip().replace("\r\n", "\n").split("\n"))
    most = f"{number_of(cells, 'cell')} of {number_of(trainings, 'training')}, at most"
    tell("", f"# {most}: pairs that cannot be are left out of a run.")
    for needed in data_needed(suite):
        tell(f"# {needed}: {_state(needed, data_root(data))}")
    for note in _notes(suite, data_root(data)):
        tell(f"# {note}")
    tell(f"# Run it: bench matrix {name} --data DIR; with --dry-run it says how long that may take.")


def _notes(suite: Suite, root: Path) -> list[str]:
    """What --dry-run says of the suite's grids, but for times; of those whose data is at hand."""
    from crossvad.planning.suite_plan import requests
    from crossvad.tabulation.estimate import of_grid, support_units

    left_out: dict[str, None] = {}
    for request in requests(suite, {}):
        with suppress(InputError):  # of data, which is said above
            grid = request.grid(root)
            left_out |= dict.fromkeys(support_units(grid, grid.cells(), leave_out=True)[1])
    return of_grid(left_out)


def _state(name: str, root: Path) -> str:
    """Whether a data set is at hand, and if not what to do."""
    from crossvad.planning import registry

    try:
        return f"at hand, {getattr(registry.get_dataset(name, root), 'directory', 'needs no data')}"
    except InputError as error:
        if name in catalogue.ARCHIVES:
            return f"not below {root}: bench datasets where {name} says where to get it, and how it is to lie"
        if name.startswith("path:"):
            return f"not here, nor below {root}: a folder of one fixed camera's videos; see bench datasets where {name}"
        return f"{error.problem}; {error.fix}"
