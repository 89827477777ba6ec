"""`bench results`: what is stored, and by what it can be asked for."""

from __future__ import annotations

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import FOLDERS, Folders, where
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.group(cls=Group)
def results() -> None:
    """What is stored: list."""


@results.command("list", cls=TableCommand)
@where()
@format_option("parts", "numbers")
@FOLDERS
def list_results(where: tuple[str, ...], results: Folders) -> Tables:
    """What is stored, by every key that --where takes: its values, and how many cells have each.

    Of what was run from several copies of the data, or by several versions of the code, each is listed: tables show the
    newest alone, unless --where asks for another. A cell lies in runs/, which is yours, or in reference/, which is
    committed beside the tables made of it.

    \b
    bench results list
    bench results list --where place=runs --where budget=quick
    bench results list --format csv > stored.csv
    """
    from crossvad import api

    return api.load_results(results, where).listing()
