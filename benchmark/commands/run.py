"""`bench run` and `bench matrix`: train, adapt, score, and print the table."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

import click

from crossvad.commands.options import AMOUNTS, METHOD, PAIR, PAIRS, PLACES, SUITE, stated
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError
from crossvad.datasets.words import number_of
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
    if _went_wrong(_run_and_show(leave_out=False, **said)):
        sys.exit(1)


@click.command()
@click.argument("suite", type=SUITE, required=False)
@PAIRS
@METHOD
@PLACES
@AMOUNTS
@click.pass_context
def matrix(context: click.Context, /, suite: str | None, **said: Any) -> None:
    """Run every source/target pair of a list, or of a SUITE, whose entries the options override.

    A SUITE is a TOML file, or one that comes with the benchmark, by name: see bench suites list. All of its names are
    looked up before anything runs. A pair that cannot be (a source without training video) is left out, with the
    reason.

    \b
    bench matrix --source synthetic-street,ped2 --target synthetic-plaza,ped2 --data DIR
    bench matrix quick
    bench matrix cross-camera --data DIR --dry-run
    bench matrix suite.toml        # source = ["ped2"]  target = ["ped1"]  method = ["apn"]  shots = [0, 10]
    """
    if suite:
        _run_suite(suite, stated(context), said)
        return
    if not said["sources"]:
        raise InputError("bench matrix", "has no sources", "give --source, or a suite file with source = […]")
    said["targets"] = said["targets"] or said["sources"]
    if _went_wrong(_run_and_show(leave_out=True, **said)):
        sys.exit(1)


def _run_suite(name: str, given: dict[str, Any], said: dict[str, Any]) -> None:
    """Run a suite's grids one after another, once all of them are known to be sound; exit with 1 if a cell failed."""
    from crossvad.execution.preflight import Refused
    from crossvad.execution.progress import Reporter
    from crossvad.planning.data_root import data_root
    from crossvad.planning.suite import get_suite
    from crossvad.planning.suite_plan import check, requests

    suite = get_suite(name)
    check(suite, given, data_root(said["data"]))
    grids, ended, begun = requests(suite, given), Counter[str](), time.monotonic()
    for number, request in enumerate(grids, 1):
        if len(grids) > 1:
            pair = " → ".join(", ".join(map(str, names)) for names in (request.sources, request.targets))
            Reporter(quiet=said["quiet"]).say(f"Grid {number} of {len(grids)} of {name}: {pair}")
        left = {limit: said[limit] for limit in ("time_limit", "max_failures")}
        if left["time_limit"]:
            left["time_limit"] = max(1.0, left["time_limit"] - (time.monotonic() - begun))
        if left["max_failures"]:
            left["max_failures"] -= ended["failed"]
        try:
            ended += _run_and_show(leave_out=True, **said | vars(request) | left)
        except Refused as refused:  # all of this grid: what the others ask for is no worse for it
            tell(f"refused: {refused.line}", err=True)
            ended["refused"] += 1
        if said["max_failures"] and ended["failed"] >= said["max_failures"]:
            break
    if _went_wrong(ended):
        sys.exit(1)


def _run_and_show(
    sources: list[str], targets: list[str], methods: list[str] | None, dry_run: bool, **amounts: Any
) -> Counter[str]:
    """Run a grid and print its tables, and say even if quiet why cells failed; returns how many ended in which way."""
    from crossvad import api
    from crossvad.execution.progress import Reporter
    from crossvad.planning.catalogue import DEFAULT_METHODS
    from crossvad.store.urls import is_url
    from crossvad.tabulation.failed_cells import checks, failures, skips

    if dry_run:
        how = ("device", "devices", "jobs", "launcher", "retry", "max_failures", "time_limit")  # and not what
        for name in how:
            del amounts[name]
        asked = api.estimate(source=sources, target=targets, methods=methods or DEFAULT_METHODS, **amounts)
        TABLE_FORMATS["rich"].write(asked, "")
        return Counter()
    results = api.run(source=sources, target=targets, methods=methods or DEFAULT_METHODS, **amounts)
    for tables in results.summary():
        TABLE_FORMATS["rich"].write(tables, "")
    failed = failures(results.store, results.records)
    lost = {record.cell.method for record in results.records if record.status == "failed"}
    for line in (*failed, *checks(methods or (), lost), *skips(results.records)):
        tell(line, err=True)
    told = f"Scores of {number_of(len(results), 'cell')} lie in {results.store.root / 'cells'}"
    told += f", and at {results.store.address}" if is_url(results.store.address) else ""
    Reporter(quiet=amounts["quiet"]).say(f"{told}. More tables: bench table --help")
    return Counter(record.status for record in results.records)


def _went_wrong(ended: Counter[str]) -> bool:
    """Whether the exit code must say that not all is there."""
    return bool(ended["failed"] or ended["refused"])
