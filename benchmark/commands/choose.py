"""`bench choose`: options of a method, chosen on a source alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from crossvad.commands.options import (
    BUDGET,
    DATASETS,
    DEVICE,
    METHODS,
    PATH,
    PLACES,
    QUIET,
    SEEDS,
    STORED,
    Name,
    several,
    stated,
)
from crossvad.commands.saying import Once, Word
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue
from crossvad.planning.names import listed, split_options
from crossvad.present.formats import Tables


class Choice(Word):
    """NAME=VALUE[,VALUE], the name completed from the options of the methods that are said before."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the name."""
        from crossvad.planning.variants import option_names

        if "=" in incomplete:
            return []
        # Before an option has its value, click has not told words from methods yet.
        words = [*ctx.args, *(name for names in ctx.params.get("methods") or () for name in names)]
        methods = [name for word in words for name in listed(word) if split_options(name)[0] in catalogue.METHODS]
        return [CompletionItem(f"{name}=") for name in option_names(methods) if name.startswith(incomplete)]


@click.command(cls=TableCommand, offline=("--stored", "--quiet"))
@click.argument("methods", nargs=-1, type=METHODS)
@several("source", DATASETS, "Plant in this, and in no target.")
@click.option("--option", "options", type=Choice(), multiple=True, help="NAME=VALUE[,VALUE]: choose one of these.")
@click.option("--shots", type=click.IntRange(0), default=10, show_default=True, help="Clips to adapt on.")
@click.option("--steps", type=click.IntRange(1), default=10, show_default=True, help="Gradient steps on them.")
@click.option(
    "--tuning", cls=Once, type=Name(catalogue.tuning_names), default="finetune", show_default=True, help="How to adapt."
)
@SEEDS
@PLACES
@BUDGET
@DEVICE
@click.option("--out", cls=Once, type=PATH, help="Keep the rows in this CSV file, beside what it holds.")
@click.option("--from", "file", cls=Once, type=PATH, help="Run nothing: take the rows of this file, which --out wrote.")
@click.option("--agreement", is_flag=True, help="With --from: whether stored cells rank methods likewise.")
@several("target", DATASETS, "With --agreement: with cells of these targets alone.")
@format_option("parts", "numbers", "rows")
@STORED
@QUIET
@click.pass_context
def choose(
    context: click.Context,
    /,
    methods: tuple[list[str], ...],
    sources: list[str],
    options: tuple[str, ...],
    shots: int,
    steps: int,
    tuning: str,
    seeds: list[int],
    data: Path | None,
    results: str | Path,
    budget: str,
    device: str,
    out: Path | None,
    file: Path | None,
    agreement: bool,
    targets: list[str],
    stored: bool,
    quiet: bool,
) -> Tables:
    """Choose a method's options on its source alone, by anomalies planted in video that no training saw.

    Somebody is cut out of the scene and put in again: in haste, backwards, frozen, filled with a texture, or something
    foreign in their place. The AUC is that of telling such clips from the same ones in which the same walker is put in
    as it was, before and after adapting. No label is read, and no target. METHODS are compared in every combination of
    the options that they have. What is in the store is neither trained nor scored again.

    \b
    bench choose apn framediff --source ped2 --data DIR --option pool=mean,p99 --option score=0,1 --seed 0,1,2
    bench choose apn --source synthetic-street --budget demo --option predicts=frame,change --out planted.csv
    bench choose --from planted.csv --source synthetic-street
    bench choose --from planted.csv --agreement
    """
    if file is None and (stored or agreement):
        flag = "--stored" if stored else "--agreement"
        raise InputError(f"bench choose {flag}", "has no rows to read", "name their file: --from FILE")
    if targets and not agreement:
        raise InputError("--target", "is of --agreement alone: nothing is planted in a target", "leave it out")
    if out and file is not None:
        raise InputError("--out", "keeps what is run, and --from runs nothing", "leave one of them out")
    names = [name for some in methods for name in some]
    if file is not None:
        asked = {
            name: value for name, value in stated(context).items() if name in ("shots", "steps", "tuning", "budget")
        }
        asked |= {"seeds": seeds} if "seeds" in stated(context) else {}
        return _of_file(file, names, sources, options, asked, results if agreement else None, targets)
    if not names or not sources:
        lacking = "method" if not names else "source"
        raise InputError(
            "bench choose", f"has no {lacking}", "write bench choose METHOD --source SOURCE, or --from FILE"
        )
    from crossvad import api

    return api.choose(
        names, source=sources, options=options, shots=shots, steps=steps, tuning=tuning, seeds=seeds, budget=budget,
        data=data, results=results, device=device, quiet=quiet, out=out,
    )  # fmt: skip


def _of_file(
    file: Path,
    methods: Sequence[str],
    sources: Sequence[str],
    options: Sequence[str],
    asked: Mapping[str, Any],
    results: str | Path | None,
    targets: Sequence[str],
) -> Tables:
    """Make the tables of rows that were kept; with a results folder, those of how they agree with its cells."""
    from crossvad.studies import planted_rows
    from crossvad.tabulation.choose import of_file

    labels = []
    if methods:
        from crossvad.planning import registry
        from crossvad.planning.variants import variants

        labels = [registry.get_method(text).label for text in variants(methods, options)]
    elif options:
        raise InputError("--option", "is of no method", "name the methods, too")
    return of_file(planted_rows.load(file), file.name, labels, sources, asked, results, targets)
