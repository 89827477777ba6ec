"""`bench verify` and `bench keep`: tables that anyone can make again."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from crossvad.commands.options import QUIET, RESULTS, where
from crossvad.commands.saying import SomePath
from crossvad.commands.table_command import remake
from crossvad.commands.telling import tell


@click.command()
@click.argument("pages", nargs=-1, type=SomePath(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--write", is_flag=True, help="Write what stored scores say otherwise into tables, and where prose quotes."
)
@RESULTS
@QUIET
@click.pass_context
def verify(context: click.Context, pages: tuple[Path, ...], write: bool, results: str | Path, quiet: bool) -> None:
    """Hold all that lies in the results folder, or PAGES alone, against the stored scores. Exits with 1 if not.

    Every cell: its name and hash, its labels against the manifests, its frames against those of other cells; a
    perfect detector must get 100 %, and its own scores 50 under shuffled labels. Every row of a CSV file is computed
    again. So is every table on a page, by the command in the hidden comment above it, `<!-- NAME: bench … -->`, as
    `--format md` prints it; from the cells below reference/ where there are any, whatever else was run. Every number in
    a page's text must be listed in a hidden comment below it, as quoted from a table or typed; and a page lists the
    rows that its tables must have:

    \b
    <!-- numbers
    80.3 = main[framediff | auc]
    13 = apn[K = 10 | auc] - apn[K = 0 | auc]
    12, 19 = typed, counted by hand
    -->
    <!-- rows
    main = apn | framediff | random
    -->

    Of PAGES outside the results folder, such as a README, tables count and text does not.

    \b
    bench verify
    bench verify --write                     # after cells were run anew; says which sentences to read again
    bench verify README.md results/methods.md
    """
    from crossvad.execution.progress import Reporter
    from crossvad.present import terminal
    from crossvad.store.opening import open_store
    from crossvad.verification.results_folder import verify_folder, verify_pages

    reporter = Reporter(quiet=quiet)
    store = open_store(results, teller=reporter)
    store.refuse_missing()
    folder = store.root.parent  # of a URL, the mirror, which has all of its cells by now
    bench = context.find_root().command
    assert isinstance(bench, click.Group)
    again = partial(remake, bench)
    if pages:
        checks, problems = verify_pages(pages, folder, again, reporter, write)
    else:
        checks, problems = verify_folder(folder, again, reporter, write)
    terminal.console().print(terminal.plain_table(["what", "how"], checks))
    terminal.show_problems(str(results), problems)
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)


@click.command()
@where()
@RESULTS
def keep(where: tuple[str, ...], results: str | Path) -> None:
    """Copy finished cells from runs/ to reference/, to be committed, so that anyone can make a table again.

    \b
    bench keep --where budget=quick --where target=ped2
    """
    from crossvad import api
    from crossvad.datasets.words import number_of
    from crossvad.store.urls import local_folder

    stored = api.load_results(local_folder(results, "bench keep"), where)
    finished = [record.cell for record in stored.records if record.status == "done"]
    stored.refuse_empty(finished, "finished cell")
    stored.store.check_writable()
    for cell in finished:
        stored.store.keep(cell)
    lie = "lies" if len(finished) == 1 else "lie"
    tell("; ".join([f"{number_of(len(finished), 'cell')} {lie} in {stored.store.reference}", *stored.left_out]))
