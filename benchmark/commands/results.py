"""`bench results`: what is stored, by what it can be asked for, and how to be rid of it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import FOLDERS, RESULTS, Folders, where
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.commands.telling import tell
from crossvad.datasets.errors import InputError, plain
from crossvad.present.formats import Tables


@click.group(cls=Group)
def results() -> None:
    """What is stored: list, remove."""


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


@results.command()
@where(help="Remove cells where KEY=VALUE[,VALUE]. May be repeated.")
@click.option("--failed", is_flag=True, help="Those alone that failed, were skipped or were stopped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@RESULTS
def remove(where: tuple[str, ...], failed: bool, yes: bool, results: str | Path) -> None:
    """Remove cells from runs/, such as failed ones of a file that was wrong; shows them first, and asks.

    Older copies and versions that --where names go with them. Cells of reference/ stay, and so does what a run is at;
    trainings stay, too, for the next cells that are of them.
    What is removed is run again when it is asked for again. Nothing at a URL is removed: name a folder.

    \b
    bench results remove --failed
    bench results remove --where 'method=my_file.py:MyMethod'
    bench results remove --where budget=smoke --yes
    """
    from crossvad import api
    from crossvad.datasets.words import number_of
    from crossvad.present.terminal import console, plain_table
    from crossvad.store.removal import remove_cells, to_remove
    from crossvad.store.urls import local_folder

    if not where and not failed:
        raise InputError("bench results remove", "is told of no cells", "say which: --where KEY=VALUE, or --failed")
    stored = api.load_results(local_folder(results, "bench results remove"), where)
    named = [record for record in (*stored.records, *stored.older) if not failed or record.status != "done"]
    if failed and not where and not named:
        tell("No cell here failed: nothing to remove.")
        return
    stored.refuse_empty(named, "cell that did not end well" if failed else "cell")
    chosen = to_remove(stored.store, named)
    stay = [f"{number_of(chosen.committed, 'committed cell')} of {stored.store.reference}"] if chosen.committed else []
    stay += [f"{number_of(chosen.at_work, 'cell')} that a run is at"] if chosen.at_work else []
    if not chosen.records:
        raise InputError(stored.store.address, f"has nothing to remove but {' and '.join(stay)}", "these stay")
    stored.store.check_writable()
    counts = Counter(
        (cell.method, cell.source, cell.target, record.status) for record in chosen.records for cell in [record.cell]
    )
    heads = ("method", "source", "target", "status", "cells")
    console().print(plain_table(heads, [[*key, str(count)] for key, count in sorted(counts.items())]))
    for line in stay:
        tell(f"note: not removed: {line}", err=True)
    told = f"{number_of(len(chosen.records), 'cell')} of {stored.store.place('cells', '')}"
    if not yes and not sys.stdin.isatty():
        problem = f"removed nothing, as there is no terminal to ask on whether {told} may go"
        raise InputError("bench results remove", problem, "say --yes to remove without being asked")
    if not yes and not click.confirm(plain(f"Remove {told}?")):
        tell("Nothing was removed.")
        return
    removed = remove_cells(stored.store, chosen.records)
    tell(f"Removed {number_of(removed, 'cell')} of {stored.store.place('cells', '')}")
    if changed := len(chosen.records) - removed:
        tell(f"note: {number_of(changed, 'cell')} changed meanwhile: not removed", err=True)
