"""`bench status`: how far runs are."""

from __future__ import annotations

from pathlib import Path

import click

from crossvad.commands.options import RESULTS
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.command(cls=TableCommand, offline=None)
@format_option("parts", "numbers")
@RESULTS
def status(results: str | Path) -> Tables:
    """How far the runs are that are going on in a results folder, from another terminal, or from another machine.

    \b
    bench status
    watch -n 5 bench status --results DIR
    """
    from crossvad import api

    return api.status(results)
