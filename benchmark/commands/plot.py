"""`bench plot`: stored cells as pictures, a command for each plot that there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from crossvad.commands.options import DATA, PATH, RESULTS, Numbers, stacked
from crossvad.evaluation.selection import select
from crossvad.planning.data_root import data_root
from crossvad.planning.protocol import get_protocol
from crossvad.present.figures import drawing
from crossvad.present.figures.plot import Plot
from crossvad.present.figures.style import save, writable
from crossvad.store.store import Store

STARTS = ", and what they start from at K = 0"
KINDS = {"text": str, "numbers": Numbers()}  # of an option's values


class PlotGroup(click.Group):
    """A group whose commands are the plots, whatever they are."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the plots."""
        return sorted(drawing.plots())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a plot."""
        kind = drawing.plots().get(cmd_name)
        return None if kind is None else plot_command(kind)


@click.group(cls=PlotGroup)
def plot() -> None:
    """Stored cells as pictures: the matrix, ROC curves, scores over time, AUC against shots, steps and speed.

    And what one method sees of frames: its prototypes' maps, its activations, its errors. Nothing is trained.
    """


def plot_command(kind: type[Plot]) -> click.Command:
    """Make the command that draws a plot: its docstring is the help, its fields are options."""

    def draw(where: tuple[str, ...], out: Path, results: Path, rules: str = "fair", **options: Any) -> None:
        writable(out)
        store = Store(results)
        protocol = get_protocol(rules)
        records = select(store.records(), where, "starts" if kind.with_starts else "", rules)
        if "data" in options:
            options["data"] = data_root(options["data"])
        given = {name: value for name, value in options.items() if value is not None}
        figure, note = drawing.draw(kind.name, store, records, protocol, **given)
        save(figure, out)
        click.echo(f"{out}: {note}")

    return click.command(kind.name, help=cleandoc(kind.__doc__ or ""))(_options(kind)(draw))


def _options(kind: type[Plot]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    own = [
        click.option(of["flag"], field.name, type=KINDS[of["kind"]], multiple=of["many"], help=of["help"])
        for field in fields(kind)
        if (of := field.metadata)
    ]
    data = [DATA] if any(field.name == "data" for field in fields(kind)) else []
    default = kind.name + kind.suffix
    out = click.option("--out", type=PATH, default=default, show_default=True, help="FILE.svg, .pdf or .png.")
    if kind.of_one_cell:
        one = click.option("--where", multiple=True, help="Narrow to one cell, where KEY=VALUE. May be repeated.")
        return stacked(one, *own, out, *data, RESULTS)
    kept = f"Keep cells where KEY=VALUE[,VALUE]{STARTS if kind.with_starts else ''}. May be repeated."
    where = click.option("--where", multiple=True, help=kept)
    read_by = "Read stored scores by these rules."
    protocol = click.option("--protocol", "rules", default="fair", show_default=True, help=read_by)
    return stacked(*own, *data, where, protocol, out, RESULTS)
