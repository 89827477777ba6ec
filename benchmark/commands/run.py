"""`bench run` and `bench matrix`: train, adapt, score, and print the table"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import pandas as pd
from click.core import ParameterSource

from crossvad.commands.options import AMOUNTS, DATASETS, METHODS, PLACES, root
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.comparison import ITSELF, counted, differences
from crossvad.evaluation.tidy import table
from crossvad.execution.decoding import Decoder
from crossvad.execution.device import get_device
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.execution.skip_bad import without_bad
from crossvad.planning.grid import Grid
from crossvad.planning.request import DEFAULT_METHODS, Request, read_suite
from crossvad.present import captions, gain_table, tables, terminal
from crossvad.present.captions import table_title
from crossvad.store.store import Store


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
    bench run --source path:my_camera --target ped2 --method 'apn[prototypes=20]' --method my_file.py:MyMethod
    """
    named = [name for names in method for name in names] or DEFAULT_METHODS
    _execute({"sources": [source], "targets": [target], "methods": named}, amounts, leave_out=False)


@click.command()
@click.argument("suite", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--sources", type=DATASETS, help="Comma-separated.")
@click.option("--targets", type=DATASETS, help="Comma-separated. [the sources]")
@click.option("--methods", type=METHODS, help="Comma-separated. [apn,memae,lmn]")
@PLACES
@AMOUNTS
def matrix(suite: Path | None, **amounts: Any) -> None:
    """Run every source/target pair of a list, or of a SUITE file (TOML) whose entries the options override.

    A pair that cannot be (a source without training video) is left out, with the reason.

    \b
    bench matrix --sources synthetic-street,ped2 --targets synthetic-plaza,ped2 --data DIR
    bench matrix suite.toml        # sources = ["ped2"]  targets = ["ped1"]  methods = ["apn"]  shots = [0, 10]
    """
    entries = read_suite(suite) if suite else {}
    context = click.get_current_context()
    for name in [name for name in entries if name in amounts]:
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            amounts[name] = entries[name]
    if not amounts["sources"]:
        raise InputError("bench matrix", "has no sources", "give --sources, or a suite file with sources = […]")
    axes = {name: amounts.pop(name) for name in ("sources", "targets", "methods")}
    axes["targets"] = axes["targets"] or axes["sources"]
    axes["methods"] = axes["methods"] or DEFAULT_METHODS
    _execute(axes, amounts, leave_out=True)


def _execute(axes: dict[str, Any], amounts: dict[str, Any], leave_out: bool) -> None:
    """Run a grid and print its table; exit with 1 if a cell failed."""
    results, quiet = amounts.pop("results"), amounts.pop("quiet")
    chosen, data = get_device(amounts.pop("device")), root(amounts.pop("data"))
    skip_bad, keep_maps = amounts.pop("skip_bad"), amounts.pop("maps")
    grid = Request(**axes, **amounts).grid(data)
    store, cache, reporter = Store(results), FrameCache(), Reporter(quiet=quiet)
    if skip_bad:
        store.check_writable()
        grid = without_bad(grid, Decoder(cache, grid.budget), reporter)
    records = Runner(store, cache, chosen, reporter, keep_maps).run(grid, leave_out)
    tidy = _in_order(table(store, records, grid.protocol), grid)
    several = len(grid.sources) * len(grid.targets) > 1
    down, across = (["method", "source"], ["target", "shots"]) if several else (["method", "tuning"], ["shots"])
    for metric in ("auc", "paper_auc") if grid.protocol.common_mask else ("auc",):
        terminal.show(
            tables.pivot(tidy, down, across, metric), captions.caption(tidy, metric), table_title(tidy, [metric])
        )
    adapted = any(record.status == "done" and record.cell.shots for record in records)
    if adapted and grid.protocol.common_mask:  # else each K counts other frames, and no two of them make a pair
        found = differences(_in_order(counted(store, records, grid.protocol), grid), ITSELF)
        terminal.show(gain_table.gains(found), gain_table.note(found, grid.protocol.name), "gain over K = 0")
    failed = [record for record in records if record.status == "failed"]
    for record in failed:
        why = record.reason.strip().splitlines()[-1]
        reporter.say(f"failed: {record.cell}: {why} ({store.place('cells', record.cell.key) / 'record.json'})")
    reporter.say(f"Scores of these {len(records)} cells lie in {store.root / 'cells'}. More tables: bench table --help")
    if failed:
        sys.exit(1)


def _in_order(tidy: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Rows in the order in which the user named the methods, trivial ones last."""
    order = {method.label: number for number, method in enumerate(grid.methods)}
    return tidy.sort_values("method", key=lambda names: names.map(order), kind="stable")
