"""`bench audit`: what is wrong with how the field measures, in numbers anyone can reproduce."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from crossvad.commands.options import BUDGET, DATA, PATH, PLACES, QUIET, RESULTS, STORED, Numbers, root, spelled
from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.frame_cache import FrameCache
from crossvad.evaluation.postprocessing import READINGS
from crossvad.evaluation.selection import KEYS, refuse_empty, select, varying_keys
from crossvad.execution.device import get_device
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.protocol import FAIR
from crossvad.planning.request import unadapted
from crossvad.present import tables, terminal
from crossvad.present.figures import audit as shown
from crossvad.store.store import Store
from crossvad.studies import audit as study
from crossvad.studies import published
from crossvad.studies.checkpoint_selection import gains, judge, train_and_score


@click.group()
def audit() -> None:
    """What is wrong with how the field measures, in numbers anyone can reproduce."""


@audit.command("protocol")
@DATA
@RESULTS
@click.option("--figure", type=PATH, help="Draw it, too: FILE.svg, .png or .pdf.")
@click.option("--device", "where", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--format", "style", type=click.Choice(["rich", "md"]), default="rich", show_default=True)
@STORED
@QUIET
def protocol(
    data: Path | None, results: Path, figure: Path | None, where: str, style: str, stored: bool, quiet: bool
) -> None:
    """What the labels of Ped1, Ped2, Avenue and ShanghaiTech give away, and what untrained detectors score on them.

    The first part needs no data: the labels are part of the package. The second takes what video lies below --data.

    \b
    bench audit protocol
    bench audit protocol --data DIR --figure audit.svg
    """
    reporter, store = Reporter(quiet=quiet), Store(results)
    if stored:
        records = study.stored_untrained(store)
    else:
        runner = Runner(store, FrameCache(), get_device(where), reporter)
        records = study.run_untrained(study.at_hand(root(data)), runner)
    measured, figures = study.read_untrained(records, store), published.load()
    found = study.label_findings(reporter)
    parts = [(shown.labels_table(found), shown.LABELS_NOTE)]
    rivals: dict[str, pd.Series] = {}
    if len(measured):
        rivals = {target: study.rivals(figures, target) for target in measured["target"].unique()}
        parts.append((shown.untrained_table(measured, rivals), shown.UNTRAINED_NOTE))
    terminal.give(style, spelled(), *parts)
    if figure:
        try:
            shown.figure(found, measured, rivals).savefig(figure, metadata={"Date": None})
        except (OSError, ValueError) as error:
            raise InputError(figure, f"cannot be written ({error})", "name an .svg, .png or .pdf file") from error


@audit.command("scores")
@click.option("--where", multiple=True, help="Keep cells where KEY=VALUE[,VALUE]. May be repeated.")
@click.option("--format", "style", type=click.Choice(["rich", "md", "csv"]), default="rich", show_default=True)
@RESULTS
def scores(where: tuple[str, ...], style: str, results: Path) -> None:
    """What normalising and smoothing make of the same raw scores: the AUC of every method by each of the field's ways.

    On the frames that protocol fair counts. Only `raw` and `causal smoothing` are to be had before a video has ended.

    \b
    bench audit scores --where budget=quick --where shots=0
    """
    store = Store(results)
    rows = study.readings(store, select(store.records(), where, protocol=FAIR.name), FAIR)
    refuse_empty(rows, results, "finished cell")
    keys = [key for key in KEYS if key not in ("seed", "protocol")]
    varying = varying_keys(rows, keys, always=["method"])
    groups = rows.groupby([*varying, "reading"], sort=False)["auc"]
    mean = groups.mean().unstack("reading").sort_values("raw", ascending=False)
    spread = groups.std().unstack("reading").loc[mean.index]
    if style == "csv":
        click.echo(mean[list(READINGS)].to_csv(float_format="%.4f"), nl=False)
        return
    table = pd.DataFrame(index=mean.index)
    for name in READINGS:
        table[name] = [tables.mean_and_spread(*pair, 1) for pair in zip(mean[name], spread[name], strict=True)]
    same = [f"{key} {rows[key].iloc[0]}" for key in keys if key not in varying]
    note = (
        "micro AUC in % of the same raw scores, frames of protocol fair, cues fused after normalising; ± over seeds; "
        f"{', '.join(same)}; global min-max of a single cue changes no order, so no AUC"
    )
    terminal.give(style, spelled(), (table, note))


@audit.command("checkpoints")
@click.option("--source", default="ped2", show_default=True, help="Train on this.")
@click.option("--target", help="Score this, unadapted. [the source]")
@click.option("--method", default="framepred", show_default=True, help="Name, name[option=value] or file.py:Class.")
@click.option("--checkpoints", "count", type=click.IntRange(2), default=30, show_default=True, help="How many.")
@click.option("--seeds", type=Numbers(), default="0", show_default=True, help="A training each.")
@PLACES
@BUDGET
@click.option("--device", "where", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--format", "style", type=click.Choice(["rich", "md", "long"]), default="rich", show_default=True)
@QUIET
def checkpoints(
    source: str,
    target: str | None,
    method: str,
    count: int,
    seeds: list[int],
    data: Path | None,
    results: Path,
    budget: str,
    where: str,
    style: str,
    quiet: bool,
) -> None:
    """What choosing the best checkpoint on the test set adds, as some public code does: measured on a training.

    Every checkpoint of one training is scored on the target; the table has the last one's AUC, which is what a fair
    protocol reports, and the best one's. Format `long` is a CSV row per checkpoint.

    \b
    bench audit checkpoints --data DIR --seeds 0,1,2
    bench audit checkpoints --source synthetic-street --target synthetic-plaza --budget demo
    """
    reporter, store, chosen = Reporter(quiet=quiet), Store(results), get_device(where)
    trained, scored = (registry.get_dataset(name, root(data)) for name in (source, target or source))
    grid = unadapted([method], trained, scored, BUDGETS[budget], seeds)
    runner = Runner(store, FrameCache(), chosen, reporter)
    cells = runner.take(grid)
    runner.check(cells)
    weights = grid.methods[0].build(grid.budget).fusion
    curves = []
    for cell in cells:
        saved = train_and_score(grid, cell, count, store, runner.decoder, chosen, reporter)
        curves.append(judge(cell, saved, weights))
    tidy = pd.concat(curves)
    if style == "long":
        click.echo(tidy.to_csv(index=False, float_format="%.4f"), nl=False)
        return
    table = gains(tidy).map(lambda value: f"{value:.1f}")
    note = f"AUC in %; of {count} checkpoints, evenly spread over the training; best: chosen on the test set itself"
    terminal.give(style, spelled(), (table, note))
