"""`bench diagnostics`: what methods watched as they trained, and their papers do not report."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from crossvad.commands.options import RESULTS, spelled
from crossvad.evaluation.selection import KEYS, refuse_empty, select
from crossvad.evaluation.tidy import diagnostics as tidy_diagnostics
from crossvad.present import tables, terminal
from crossvad.store.store import Store


@click.command()
@click.option("--where", multiple=True, help="Keep fits where KEY=VALUE[,VALUE]. May be repeated.")
@click.option("--format", "style", type=click.Choice(["rich", "md", "csv"]), default="rich", show_default=True)
@RESULTS
def diagnostics(where: tuple[str, ...], style: str, results: Path) -> None:
    """Whether prototypes collapsed and memories are used: what stored fits watched, as it was when they ended.

    \b
    prototype cosine   mean of pairs, 1: all alike      prototype rank   effective, 1: alike, M: all different
    items in use       nearest to some query            item cosine      mean of pairs
    slots in use       read by some query               queries served   that reach any slot
    gate open          frames that a memory's test-time gate would let in
    \b
    bench diagnostics
    bench diagnostics --where budget=quick --where target=ped2 --where method=apn,mpn --format md
    """
    tidy = tidy_diagnostics(select(Store(results).records(), where))
    refuse_empty(tidy, results, "fit")
    fits = [key for key in KEYS if key in tidy and key != "target"]
    tidy = tidy.drop(columns="target").drop_duplicates(fits).dropna(axis=1, how="all")
    if style == "csv":
        click.echo(tidy.to_csv(index=False, float_format="%.4f"), nl=False)
        return
    table = _averaged(tidy)
    note = f"on training clips, at the end of training; seeds {', '.join(map(str, sorted(tidy['seed'].unique())))}"
    terminal.give(style, spelled(), (table, note))


def _averaged(tidy: pd.DataFrame) -> pd.DataFrame:
    """Mean ± standard deviation over seeds, as text, per method, source and budget."""
    keys = ["method", "source", "budget"]
    groups = tidy.groupby(keys, sort=False)[[name for name in tidy if name not in (*keys, "seed")]]
    mean, spread = groups.mean(), groups.std()
    return mean.apply(
        lambda column: [tables.mean_and_spread(*pair, 3) for pair in zip(column, spread[column.name], strict=True)]
    )
