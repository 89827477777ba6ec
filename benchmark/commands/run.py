"""`bench run` and `bench matrix`: train, adapt, score, and print the table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from crossvad.commands.options import AMOUNTS, DATASETS, METHODS, PLACES, stated
from crossvad.datasets.errors import InputError
from crossvad.present.formats import TABLE_FORMATS


@click.command()
@click.option("--source", required=True, help="Train on this: a data set's name, or path:DIR.")
@click.option("--target", required=True, help="Adapt to and score this.")
@click.option(
    "--method", type=METHODS, multiple=True, help="Name, name[option=value] or file.py:Class. [apn,memae,lmn]"
)
@PLACES
@AMOUNTS
def run(source: str, target: str, method: tuple[list[str], ...], **amounts: Any) -> None:
    """Train on a source, adapt to a target, score every test frame, print the table.

    \b
    bench run --source synthetic-street --target synthetic-plaza --budget demo
    bench run --source ped2 --target ped2 --data DIR --method apn --shots 0,10 --tuning finetune,metasgd
    bench run --source ped1+ped2 --target ped2 --data DIR --method 'apn[scales=1,0.5,0.25]'
    bench run --source path:my_camera --target ped2 --method 'apn[prototypes=20]' --method my_file.py:MyMethod
    """
    _run_and_show([source], [target], [name for names in method for name in names], leave_out=False, **amounts)


@click.command()
@click.argument("suite", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--sources", type=DATASETS, help="Comma-separated.")
@click.option("--targets", type=DATASETS, help="Comma-separated. [the sources]")
@click.option("--methods", type=METHODS, help="Comma-separated. [apn,memae,lmn]")
@PLACES
@AMOUNTS
@click.pass_context
def matrix(context: click.Context, /, suite: Path | None, **said: Any) -> None:
    """Run every source/target pair of a list, or of a SUITE file (TOML) whose entries the options override.

    A pair that cannot be (a source without training video) is left out, with the reason.

    \b
    bench matrix --sources synthetic-street,ped2 --targets synthetic-plaza,ped2 --data DIR
    bench matrix suite.toml        # sources = ["ped2"]  targets = ["ped1"]  methods = ["apn"]  shots = [0, 10]
    """
    if suite:
        from crossvad.planning.request import read_suite

        given = stated(context)
        said |= {name: value for name, value in read_suite(suite).items() if name not in given}
    sources, targets, methods = (said.pop(name) for name in ("sources", "targets", "methods"))
    if not sources:
        raise InputError("bench matrix", "has no sources", "give --sources, or a suite file with sources = […]")
    _run_and_show(sources, targets or sources, methods, leave_out=True, **said)


def _run_and_show(sources: list[str], targets: list[str], methods: list[str] | None, **amounts: Any) -> None:
    """Run a grid and print its tables; exit with 1 if a cell failed."""
    from crossvad import api
    from crossvad.execution.progress import Reporter
    from crossvad.planning.catalogue import DEFAULT_METHODS
    from crossvad.tabulation.failed_cells import failures

    results = api.run(source=sources, target=targets, methods=methods or DEFAULT_METHODS, **amounts)
    for tables in results.summary():
        TABLE_FORMATS["rich"].write(tables, "")
    reporter = Reporter(quiet=amounts["quiet"])
    failed = failures(results.store, results.records)
    for line in failed:
        reporter.say(line)
    cells = results.store.root / "cells"
    reporter.say(f"Scores of these {len(results)} cells lie in {cells}. More tables: bench table --help")
    if failed:
        sys.exit(1)
