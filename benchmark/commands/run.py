"""`bench run` and `bench matrix`: train, adapt, score, and print the table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from crossvad.commands.options import AMOUNTS, METHOD, PAIR, PAIRS, PLACES, stated
from crossvad.datasets.errors import InputError, plain
from crossvad.planning.names import number_of
from crossvad.present.formats import TABLE_FORMATS


@click.command()
@PAIR
@METHOD
@PLACES
@AMOUNTS
def run(**said: Any) -> None:
    """Train on a source, adapt to a target, score every test frame, print the table.

    \b
    bench run --source synthetic-street --target synthetic-plaza --budget demo
    bench run --source ped2 --target ped2 --data DIR --method apn --shots 0,10 --tuning finetune,metasgd
    bench run --source ped1+ped2 --target ped2 --data DIR --method 'apn[scales=1,0.5,0.25]' --dry-run
    bench run --source path:my_camera --target ped2 --method 'apn[prototypes=20]' --method my_file.py:MyMethod
    """
    _run_and_show(leave_out=False, **said)


@click.command()
@click.argument("suite", type=click.Path(path_type=Path, dir_okay=False), required=False)
@PAIRS
@METHOD
@PLACES
@AMOUNTS
@click.pass_context
def matrix(context: click.Context, /, suite: Path | None, **said: Any) -> None:
    """Run every source/target pair of a list, or of a SUITE file (TOML) whose entries the options override.

    A pair that cannot be (a source without training video) is left out, with the reason.

    \b
    bench matrix --source synthetic-street,ped2 --target synthetic-plaza,ped2 --data DIR
    bench matrix suite.toml        # source = ["ped2"]  target = ["ped1"]  method = ["apn"]  shots = [0, 10]
    """
    if suite:
        from crossvad.planning.request import read_suite

        given = stated(context)
        said |= {name: value for name, value in read_suite(suite).items() if name not in given}
    if not said["sources"]:
        raise InputError("bench matrix", "has no sources", "give --source, or a suite file with source = […]")
    said["targets"] = said["targets"] or said["sources"]
    _run_and_show(leave_out=True, **said)


def _run_and_show(
    sources: list[str], targets: list[str], methods: list[str] | None, dry_run: bool, **amounts: Any
) -> None:
    """Run a grid and print its tables; exit with 1 if a cell failed or was refused, and say why even if quiet."""
    from crossvad import api
    from crossvad.execution.progress import Reporter
    from crossvad.planning.catalogue import DEFAULT_METHODS
    from crossvad.store.urls import is_url
    from crossvad.tabulation.failed_cells import failures, skips

    if dry_run:
        for name in ("device", "jobs", "launcher", "retry", "max_failures", "time_limit"):  # how, and not what
            del amounts[name]
        asked = api.estimate(source=sources, target=targets, methods=methods or DEFAULT_METHODS, **amounts)
        TABLE_FORMATS["rich"].write(asked, "")
        return
    results = api.run(source=sources, target=targets, methods=methods or DEFAULT_METHODS, **amounts)
    for tables in results.summary():
        TABLE_FORMATS["rich"].write(tables, "")
    failed = failures(results.store, results.records)
    for line in (*failed, *skips(results.records)):
        click.echo(plain(line), err=True)
    told = f"Scores of {number_of(len(results), 'cell')} lie in {results.store.root / 'cells'}"
    told += f", and at {results.store.address}" if is_url(results.store.address) else ""
    Reporter(quiet=amounts["quiet"]).say(f"{told}. More tables: bench table --help")
    if failed:
        sys.exit(1)
