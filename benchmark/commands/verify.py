"""`bench verify` and `bench keep`: tables that anyone can make again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from crossvad.commands.options import QUIET, RESULTS
from crossvad.datasets.errors import InputError, Problem
from crossvad.evaluation.selection import select
from crossvad.execution.progress import Reporter
from crossvad.present import terminal
from crossvad.store.store import Store
from crossvad.verification import integrity, reproduction


@click.command()
@RESULTS
@QUIET
def verify(results: Path, quiet: bool) -> None:
    """Hold all that lies in the results folder against the stored scores. Exit code 1 if something does not fit.

    Every cell: its name and hash, its labels against the manifests, its frames against those of other cells; a
    perfect detector must get 100 %, and its own scores 50 under shuffled labels. Every table: a CSV row is computed
    again, and so is a table on a page whose hidden comment names its command, as `--format md` prints it; from the
    cells below reference/ where there are any, whatever else was run.

    \b
    bench verify
    bench verify --results my_results
    """
    store, reporter = Store(results), Reporter(quiet=quiet)
    with reporter.task("cells") as update:
        update(0, 1, "")
        sound, problems = integrity.verify_store(store)
    done = [["cells", f"{len(sound)} of {len(store.cell_places())} hold scores, and were checked"]]
    with reporter.task("tables") as update, reproduction.committed(results) as folder:
        bench, kept = click.get_current_context().find_root().command, Store(folder)

        def run(words: list[str]) -> None:
            bench.main([*words, "--results", str(folder)], prog_name="bench", standalone_mode=False)

        pages: dict[str, Callable[[Path], tuple[str, list[Problem]]]] = {
            ".csv": lambda path: reproduction.verify_csv(path, kept),
            ".md": lambda path: reproduction.verify_page(path, run),
        }
        found = sorted(path for path in results.glob("*") if path.suffix in pages and path.name != "README.md")
        for number, path in enumerate(found):
            update(number, len(found), path.name)
            try:
                what, more = pages[path.suffix](path)
            except (InputError, OSError, ValueError) as error:
                what, more = "", [Problem("error", path.name, f"cannot be read: {error}", "restore it")]
            problems += more
            done += [[path.name, what]] if what else []
    terminal.console().print(terminal.plain_table(["what", "how"], done))
    terminal.show_problems(str(results), problems)
    if any(problem.severity == "error" for problem in problems):
        sys.exit(1)


@click.command()
@click.option("--where", multiple=True, help="Keep cells where KEY=VALUE[,VALUE]. May be repeated.")
@RESULTS
def keep(where: tuple[str, ...], results: Path) -> None:
    """Copy finished cells from runs/ to reference/, to be committed, so that anyone can make a table again.

    \b
    bench keep --where budget=quick --where target=ped2
    """
    store = Store(results)
    cells = [record.cell for record in select(store.records(), where) if record.status == "done"]
    for cell in cells:
        store.keep(cell)
    click.echo(f"{len(cells)} cells lie in {store.reference}")
