"""`bench gain`: what adaptation is worth, and how far its steps went."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from crossvad.commands.options import RESULTS, spelled
from crossvad.evaluation.comparison import ITSELF, counted_where, differences
from crossvad.evaluation.selection import refuse_empty, select, varying_keys
from crossvad.evaluation.tidy import rates
from crossvad.planning.protocol import get_protocol
from crossvad.present import gain_table, tables, terminal
from crossvad.store.store import Store


@click.command()
@click.option("--where", multiple=True, help="Keep cells where KEY=VALUE[,VALUE]. May be repeated.")
@click.option("--protocol", "rules", default="fair", show_default=True, help="Read stored scores by these rules.")
@click.option("--rates", "with_rates", is_flag=True, help="Show the chosen rates of adaptation instead.")
@click.option("--format", "style", type=click.Choice(["rich", "md", "csv"]), default="rich", show_default=True)
@RESULTS
def gain(where: tuple[str, ...], rules: str, with_rates: bool, style: str, results: Path) -> None:
    """What adapting to a scene gains over the same method at K = 0, on the same test videos.

    The gain in points of AUC with its 95 % interval: resamples of videos, the same for both, and, where there are
    several seeds, the spread over seeds. With --rates: the query loss that each rate of a search left of the one before
    it adapted, on scenes made of held-out source video, and the rate that was chosen.

    \b
    bench gain --where budget=quick
    bench gain --where method=apn,lmn --where target=ped2 --format md
    bench gain --rates --where tuning=finetune
    """
    store = Store(results)
    if with_rates:
        found = rates(select(store.records(), where))
        refuse_empty(found[found["shots"] > 0], results, "adapted cell")
        if style == "csv":
            click.echo(found.to_csv(index=False, float_format="%.6g"), nl=False)
        else:
            terminal.give(style, spelled(), _rates(found))
        return
    cells, among = counted_where(store, get_protocol(rules), where)
    refuse_empty(cells[cells["shots"] > 0], results, "adapted cell")
    found = differences(cells, ITSELF, among)
    if style == "csv":
        click.echo(found.to_csv(index=False, float_format="%.4f"), nl=False)
    else:
        terminal.give(style, spelled(), (gain_table.gains(found), gain_table.note(found, rules)))


def _rates(found: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Searches as a table of texts, mean over seeds, and its caption."""
    entry = ["method", "source", "tuning", "shots", "steps"]
    keys = varying_keys(found, entry, always=["method"])
    left = found.pivot_table(index=keys, columns="rate", values="left", aggfunc="mean")
    texts = left.map(lambda value: tables.MISSING if pd.isna(value) else f"{value:.3f}")
    texts.columns = pd.Index([f"{rate:g}" for rate in texts.columns], dtype=object)
    chosen = found[found["chosen"]].groupby(keys)["rate"]
    note = [
        "query loss after adapting over that before (< 1: better), geometric mean over scenes made of held-out source "
        "video, mean over seeds",
        "chosen: the least, by seed",
        *(f"{key} {found[key].iloc[0]}" for key in entry if key not in keys),
        f"seeds {', '.join(map(str, sorted(found['seed'].unique())))}",
    ]
    return texts.assign(chosen=chosen.agg(lambda rates: ", ".join(f"{r:g}" for r in sorted(set(rates))))), "; ".join(
        note
    )
