"""`bench plot`: stored cells as pictures, a command for each plot that there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import DATA, FOLDERS, RESULTS, RULES, Folders, Numbers, joined, out, stacked, where
from crossvad.commands.saying import Word
from crossvad.commands.telling import tell
from crossvad.present.figures import drawing

if TYPE_CHECKING:
    from crossvad.present.figures.plot import Plot

KINDS = {"text": Word(), "numbers": Numbers()}  # of an option's values


class PlotGroup(Group):
    """A group whose commands are the plots, whatever they are. They are listed without loading any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the plots."""
        return sorted(drawing.listed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a plot."""
        return plot_command(drawing.load(cmd_name)) if cmd_name in drawing.listed() else None

    def helps(self, ctx: click.Context) -> dict[str, str]:
        """Tell each plot's help up to its first full stop."""
        return {name: plot.help for name, plot in sorted(drawing.listed().items())}


@click.group(cls=PlotGroup)
def plot() -> None:
    """Stored cells as pictures: the matrix, ROC curves, scores over time, AUC against shots, steps and speed.

    And what one method sees of frames: its prototypes' maps, its activations, its errors. Nothing is trained.
    """


def plot_command(kind: type[Plot]) -> click.Command:
    """Make the command that draws a plot: its docstring is the help, its fields are options."""

    def draw(
        where: tuple[str, ...], out: Path, results: str | Path | Folders, rules: str = "fair", **options: Any
    ) -> None:
        from crossvad import api
        from crossvad.planning.data_root import data_root
        from crossvad.present.figures.style import save, writable

        writable(out)
        stored = api.load_results(results, where, rules, starts=kind.with_starts).of_one_budget
        stored.refuse_empty(stored.records, "finished cell")
        if "data" in options:
            options["data"] = data_root(options["data"])
        given = {name: value for name, value in options.items() if value is not None}
        figure, note = drawing.draw(
            kind.name, stored.store, stored.records, stored.protocol, left_out=stored.remarks, **given
        )
        save(figure, out)
        tell(f"{out}: {note}")

    return click.command(kind.name, help=cleandoc(kind.__doc__ or ""))(_options(kind)(draw))


def _options(kind: type[Plot]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    own = [
        click.option(
            of["flag"],
            field.name,
            type=KINDS[of["kind"]],
            help=of["help"],
            **{"multiple": True, "callback": joined} if of["kind"] == "numbers" else {"multiple": of["many"]},
        )
        for field in fields(kind)
        if (of := field.metadata)
    ]
    data = [DATA] if any(field.name == "data" for field in fields(kind)) else []
    file = out(kind.name + kind.suffix, "FILE.svg, .pdf or .png.")
    if kind.of_one_cell:
        return stacked(where(help="Narrow to one cell, where KEY=VALUE. May be repeated."), *own, file, *data, RESULTS)
    starts = "cells, and what they start from at K = 0," if kind.with_starts else "cells"
    return stacked(*own, *data, where(starts), RULES, file, FOLDERS)
