"""`bench submit`: cells that go to a leaderboard, in a folder that anyone can check."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import PATH, PLACES, QUIET, where
from crossvad.commands.telling import tell


@click.group(cls=Group)
def submit() -> None:
    """Cells for a leaderboard, in one folder that anyone can check: pack, check."""


@submit.command()
@click.argument("out", type=PATH)
@where()
@click.option("--code", type=PATH, multiple=True, help="The file of a plug-in that cells name. May be repeated.")
@PLACES
@QUIET
def pack(
    out: Path, where: tuple[str, ...], code: tuple[Path, ...], data: Path | None, results: Path, quiet: bool
) -> None:
    """Put finished cells into the folder OUT, with all that says what made them, and check it.

    With the cells go what they start from at K = 0 and the trivial rows of the same boards, unadapted and after the
    same support sets; raw scores and records; what `bench env` says, but for folders; each plug-in's file (--code,
    which is imported to see that it is still what was run), but no code of installed packages; a card, card.toml, for
    what no code can know; and the SHA-256 of every file. Cells that saw test video, or that failed, are left out. Run
    it again after the card is filled in: what is written there is kept. The same cells and card make the same bytes.
    Exits with 1 while something is to be mended.

    \b
    bench submit pack apn-submission --where budget=quick --where method=apn
    bench submit pack mine --where 'method=mine.py:Mine' --code mine.py
    """
    from crossvad import api
    from crossvad.datasets.words import number_of
    from crossvad.execution.environment import environment
    from crossvad.planning.data_root import data_root
    from crossvad.submission import packing

    stored = api.load_results(results, where)
    others = [*stored.rivals, *api.load_results(results).records]
    cells, left_out = packing.chosen_cells(stored.records, others)
    stored.refuse_empty(cells, "finished cell")
    packing.pack(out, stored.store, cells, where, environment(data_root(data), stored.folder), code)
    facts = [*left_out, *stored.left_out]
    tell("; ".join([f"{out}: {number_of(len(cells), 'cell')}", *(f"left out: {fact}" for fact in facts)]))
    _tell(out, quiet)


@submit.command()
@click.argument("folder", type=PATH)
@QUIET
def check(folder: Path, quiet: bool) -> None:
    """Hold a submission's FOLDER against all that can be known of it. Nothing in it is run. Exits with 1 if not.

    Every file against its sum, and no file, link or size that does not belong; every record and score by the readers
    of the store; labels and copies of data sets against those that this package has; metrics computed again from raw
    scores; on each board the trivial rows, every start at K = 0 and every seed; protocol fair; one version of each
    method. Whatever is wrong is told at once. Code is hashed and named, and never imported.

    \b
    bench submit check apn-submission
    """
    _tell(folder, quiet)


def _tell(folder: Path, quiet: bool) -> None:
    """Check a submission, and print what is in it and what is wrong. Exits with 1 if anything is."""
    from crossvad.execution.progress import Reporter
    from crossvad.present import terminal
    from crossvad.submission.checking import check as checked
    from crossvad.submission.contents import contents

    with Reporter(quiet=quiet).task("Check") as update:
        found = checked(folder, report=update)
    if found.records:
        terminal.console().print(terminal.plain_table(["what", ""], contents(found)))
    terminal.show_problems(str(folder), found.problems)
    if found.errors:
        sys.exit(1)
