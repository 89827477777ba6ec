"""`bench ablate`: what each part of APN is worth."""

from __future__ import annotations

from pathlib import Path

import click

from crossvad.commands.options import BUDGET, DEVICE, ONE_DATASET, PLACES, QUIET, SEEDS, STORED
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables

NAMES = ("components", "resolution", "prototypes", "collapse")


@click.command(cls=TableCommand, offline=("--stored", "--quiet"))
@click.argument("what", type=click.Choice(NAMES))
@click.option("--source", type=ONE_DATASET, default="ped2", show_default=True, help="Train on this.")
@click.option("--target", type=ONE_DATASET, help="Score this, without adaptation. [the source]")
@SEEDS
@PLACES
@BUDGET
@DEVICE
@format_option("parts", "numbers")
@STORED
@QUIET
def ablate(
    what: str,
    source: str,
    target: str | None,
    seeds: list[int],
    data: Path | None,
    results: str | Path,
    budget: str,
    device: str,
    stored: bool,
    quiet: bool,
) -> Tables:
    """Take the APN of its paper apart, beside what that prints (Tables 4, 6 and 7).

    `collapse` shows whether its prototypes differ.

    \b
    bench ablate components --data DIR --seed 0,1,2
    bench ablate collapse --source synthetic-street --target synthetic-plaza --budget demo
    bench ablate prototypes --data DIR --format md > prototypes.md
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.evaluation.selection import superseded
    from crossvad.execution.device import get_device
    from crossvad.execution.progress import Reporter
    from crossvad.execution.runner import Runner
    from crossvad.planning import registry
    from crossvad.planning.budgets import BUDGETS
    from crossvad.planning.data_root import data_root
    from crossvad.planning.request import unadapted
    from crossvad.results import conditions
    from crossvad.store.opening import open_store
    from crossvad.studies.ablation import ABLATIONS, labels_of, stored_variants
    from crossvad.tabulation import ablation
    from crossvad.tabulation.left_out import noted, older_facts

    target = target or source
    store = open_store(results, "" if stored else "runs", Reporter(quiet=quiet), all_cells=stored)
    if stored:
        records = stored_variants(what, store, source, target, budget, seeds)
    else:
        trained, scored = (registry.get_dataset(name, data_root(data)) for name in (source, target))
        grid = unadapted(list(ABLATIONS[what].variants.values()), trained, scored, BUDGETS[budget], seeds)
        records = Runner(store, FrameCache(), get_device(device), Reporter(quiet=quiet)).run(grid)
        source, target = trained.name, scored.name
    tables = ablation.tabulate(what, store, records, source, target, budget, seeds)
    asked = {"method": labels_of(what), "source": source, "target": target, "budget": budget, "seed": seeds}
    older = superseded(store.records(), conditions(asked | {"tuning": "none", "shots": 0}))
    return noted(tables, older_facts(older))
