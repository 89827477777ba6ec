"""`bench audit`: what is wrong with how the field measures, in numbers anyone can reproduce."""

from __future__ import annotations

from pathlib import Path

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import (
    BUDGET,
    DATA,
    DEVICE,
    ONE_DATASET,
    PATH,
    PLACES,
    QUIET,
    RESULTS,
    SEEDS,
    STORED,
    one_method,
    where,
)
from crossvad.commands.saying import Once
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.group(cls=Group)
def audit() -> None:
    """What is wrong with how the field measures, in numbers anyone can reproduce."""


@audit.command("protocol", cls=TableCommand, offline=("--stored", "--quiet"))
@DATA
@RESULTS
@click.option("--out", "figure", cls=Once, type=PATH, help="Draw it, too: FILE.svg, .png or .pdf.")
@DEVICE
@format_option("parts")
@STORED
@QUIET
def protocol(
    data: Path | None, results: str | Path, figure: Path | None, device: str, stored: bool, quiet: bool
) -> Tables:
    """What the labels of Ped1, Ped2, Avenue and ShanghaiTech give away, and what untrained detectors score on them.

    The first part needs no data: the labels are part of the package. The second takes what video lies below --data.

    \b
    bench audit protocol
    bench audit protocol --data DIR --out audit.svg
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.evaluation.selection import superseded
    from crossvad.execution.device import get_device
    from crossvad.execution.progress import Reporter
    from crossvad.execution.runner import Runner
    from crossvad.planning.data_root import data_root
    from crossvad.present.figures import audit as picture
    from crossvad.present.figures.style import save, writable
    from crossvad.results import conditions
    from crossvad.store.opening import open_store
    from crossvad.studies import audit as study
    from crossvad.studies import published
    from crossvad.tabulation.audit import tabulate_protocol
    from crossvad.tabulation.left_out import noted, older_facts

    if figure:
        writable(figure)
    reporter = Reporter(quiet=quiet)
    store = open_store(results, "" if stored else "runs", reporter)
    if stored:
        records = study.stored_untrained(store)
    else:
        runner = Runner(store, FrameCache(), get_device(device), reporter)
        records = study.run_untrained(study.at_hand(data_root(data)), runner)
    untrained, figures = study.read_untrained(records, store), published.load()
    labels = study.label_findings(reporter)
    rivals = (
        {target: study.rivals(figures, target) for target in untrained["target"].unique()} if len(untrained) else {}
    )
    if figure:
        save(picture.figure(labels, untrained, rivals), figure)
    tables, asked = tabulate_protocol(labels, untrained, rivals), {"tuning": "none", "shots": 0}
    asked |= {"method": study.labels_of_untrained(), "budget": study.BUDGET.name}
    return noted(tables, older_facts(superseded(store.records(), conditions(asked))), place=-1)


@audit.command("scores", cls=TableCommand)
@where()
@format_option("parts", "numbers")
@RESULTS
def scores(where: tuple[str, ...], results: str | Path) -> Tables:
    """What normalising and smoothing make of the same raw scores: the AUC of every method by each of the field's ways.

    On the frames that protocol fair counts. Only `raw` and `causal smoothing` are to be had before a video has ended.

    \b
    bench audit scores --where budget=quick --where shots=0
    """
    from crossvad import api
    from crossvad.studies.audit import readings
    from crossvad.tabulation.audit import tabulate_scores
    from crossvad.tabulation.left_out import noted

    stored = api.load_results(results, where).of_one_budget
    rows = readings(stored.store, list(stored.records), stored.protocol)
    stored.refuse_empty(rows, "finished cell")
    return noted(tabulate_scores(rows), stored.remarks)


@audit.command("checkpoints", cls=TableCommand, offline=None)
@click.option("--source", type=ONE_DATASET, default="ped2", show_default=True, help="Train on this.")
@click.option("--target", type=ONE_DATASET, help="Score this, unadapted. [the source]")
@one_method("framepred")
@click.option("--checkpoints", "count", type=click.IntRange(2), default=30, show_default=True, help="How many.")
@SEEDS
@PLACES
@BUDGET
@DEVICE
@format_option("parts", "rows")
@QUIET
def checkpoints(
    source: str,
    target: str | None,
    method: str,
    count: int,
    seeds: list[int],
    data: Path | None,
    results: str | Path,
    budget: str,
    device: str,
    quiet: bool,
) -> Tables:
    """What choosing the best checkpoint on the test set adds, as some public code does: measured on a training.

    Every checkpoint of one training is scored on the target; the table has the last one's AUC, which is what a fair
    protocol reports, and the best one's. Format `long` is a CSV row per checkpoint.

    \b
    bench audit checkpoints --data DIR --seed 0,1,2
    bench audit checkpoints --source synthetic-street --target synthetic-plaza --budget demo
    """
    from crossvad.datasets.readers.frame_cache import FrameCache
    from crossvad.execution.device import get_device
    from crossvad.execution.progress import Reporter
    from crossvad.execution.runner import Runner
    from crossvad.planning import registry
    from crossvad.planning.budgets import BUDGETS
    from crossvad.planning.data_root import data_root
    from crossvad.planning.request import unadapted
    from crossvad.store.opening import open_store
    from crossvad.studies.checkpoint_selection import judge, train_and_score
    from crossvad.tabulation.audit import tabulate_checkpoints

    reporter, torch_device = Reporter(quiet=quiet), get_device(device)
    store = open_store(results, teller=reporter)
    trained, scored = (registry.get_dataset(name, data_root(data)) for name in (source, target or source))
    grid = unadapted([method], trained, scored, BUDGETS[budget], seeds)
    runner = Runner(store, FrameCache(), torch_device, reporter)
    cells = runner.take(grid)
    runner.check(cells)
    weights, published = grid.methods[0].build(grid.budget).fusion, grid.methods[0].cls.published_evaluation
    curves = []
    for cell in cells:
        saved = train_and_score(runner.fitter, cell, count)
        curves.append(judge(cell, saved, weights, published))
    return tabulate_checkpoints(curves, count)
