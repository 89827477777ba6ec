"""`bench verify` and `bench keep`: tables that anyone can make again."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from crossvad.commands.options import QUIET, RESULTS, where
from crossvad.commands.table_command import remake


@click.command()
@RESULTS
@QUIET
@click.pass_context
def verify(context: click.Context, results: Path, quiet: bool) -> None:
    """Hold all that lies in the results folder against the stored scores. Exit code 1 if something does not fit.

    Every cell: its name and hash, its labels against the manifests, its frames against those of other cells; a
    perfect detector must get 100 %, and its own scores 50 under shuffled labels. Every table: a CSV row is computed
    again, and so is a table on a page whose hidden comment names its command, as `--format md` prints it; from the
    cells below reference/ where there are any, whatever else was run.

    \b
    bench verify
    bench verify --results my_results
    """
    from crossvad.execution.progress import Reporter
    from crossvad.present import terminal
    from crossvad.store.store import Store
    from crossvad.verification.results_folder import verify_folder

    Store(results).refuse_missing()
    bench = context.find_root().command
    assert isinstance(bench, click.Group)
    checks, problems = verify_folder(results, partial(remake, bench), Reporter(quiet=quiet))
    terminal.console().print(terminal.plain_table(["what", "how"], checks))
    terminal.show_problems(str(results), problems)
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)


@click.command()
@where()
@RESULTS
def keep(where: tuple[str, ...], results: Path) -> None:
    """Copy finished cells from runs/ to reference/, to be committed, so that anyone can make a table again.

    \b
    bench keep --where budget=quick --where target=ped2
    """
    from crossvad import api
    from crossvad.planning.names import number_of

    stored = api.load_results(results, where)
    finished = [record.cell for record in stored.records if record.status == "done"]
    stored.refuse_empty(finished, "finished cell")
    stored.store.check_writable()
    for cell in finished:
        stored.store.keep(cell)
    lie = "lies" if len(finished) == 1 else "lie"
    click.echo("; ".join([f"{number_of(len(finished), 'cell')} {lie} in {stored.store.reference}", *stored.left_out]))
