"""`bench ablate`: what each part of APN is worth."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pandas as pd

from crossvad.commands.options import BUDGET, PLACES, QUIET, STORED, Numbers, root, spelled
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.selection import current
from crossvad.execution.device import get_device
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.protocol import FAIR
from crossvad.planning.request import unadapted, unadapted_cell
from crossvad.present import tables, terminal
from crossvad.store.store import Store
from crossvad.studies.ablation import ABLATIONS, DIAGNOSTICS, MEASURED, measured, summary


@click.command()
@click.argument("what", type=click.Choice(list(ABLATIONS)))
@click.option("--source", default="ped2", show_default=True, help="Train on this.")
@click.option("--target", help="Score this, without adaptation. [the source]")
@click.option("--seeds", type=Numbers(), default="0", show_default=True, help="At least three for a claim.")
@PLACES
@BUDGET
@click.option("--device", "where", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--format", "style", type=click.Choice(["rich", "md", "csv"]), default="rich", show_default=True)
@STORED
@QUIET
def ablate(
    what: str,
    source: str,
    target: str | None,
    seeds: list[int],
    data: Path | None,
    results: Path,
    budget: str,
    where: str,
    style: str,
    stored: bool,
    quiet: bool,
) -> None:
    """Take APN apart, beside what its paper prints (Tables 4, 6 and 7). `collapse` shows whether its prototypes differ.

    \b
    bench ablate components --data DIR --seeds 0,1,2
    bench ablate collapse --source synthetic-street --target synthetic-plaza --budget demo
    bench ablate prototypes --data DIR --format md > prototypes.md
    """
    target = target or source
    methods = list(ABLATIONS[what].variants.values())
    reporter, store = Reporter(quiet=quiet), Store(results)
    if stored:
        labels = [registry.get_method(text).label for text in methods]
        records = [record for record in store.records() if unadapted_cell(record.cell, labels, source, target, budget)]
        records = [record for record in current(records) if record.cell.seed in seeds]
    else:
        trained, scored = (registry.get_dataset(name, root(data)) for name in (source, target))
        grid = unadapted(methods, trained, scored, BUDGETS[budget], seeds)
        records = Runner(store, FrameCache(), get_device(where), reporter).run(grid)
        source, target = trained.name, scored.name
    table = summary(what, measured(what, store, records, FAIR), target)
    note = (
        f"trained on {source}, scored on {target} without adaptation; budget {budget}; "
        f"seeds {', '.join(map(str, seeds))}{' (mean ± standard deviation)' if len(seeds) > 1 else ''}; AUC in %; "
        "published: the paper's, at its full size, by a protocol like that of paper AUC; prototype cosine (1: all "
        "alike) and effective rank (1: all alike, M: all different): on training clips"
    )
    if style == "csv":
        click.echo(table.to_csv(float_format="%.4f"), nl=False)
    else:
        terminal.give(style, spelled(), (_texts(table), note), title=ABLATIONS[what].title)
    failed = [record for record in records if record.status == "failed"]
    for record in failed:
        place = store.place("cells", record.cell.key) / "record.json"
        reporter.say(f"failed: {record.cell}: {record.reason.strip().splitlines()[-1]} ({place})")
    if failed:
        sys.exit(1)


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    """The summary as text: mean ± standard deviation where there are seeds to take one of, – where there is nothing."""
    shown = pd.DataFrame(index=table.index)
    for name in (*MEASURED, "published"):
        digits = 3 if name in DIAGNOSTICS else 1
        spread = table[f"{name} ±"] if f"{name} ±" in table else table[name] * float("nan")
        shown[name] = [tables.mean_and_spread(*pair, digits) for pair in zip(table[name], spread, strict=True)]
    return shown
