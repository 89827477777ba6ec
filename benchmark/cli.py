"""The command line: `bench run`, `bench matrix`, `bench table`, and groups of others. Thin on purpose."""

from __future__ import annotations

import sys

import click

from crossvad import __version__
from crossvad.commands.ablate import ablate
from crossvad.commands.audit import audit
from crossvad.commands.compare import compare
from crossvad.commands.datasets import datasets
from crossvad.commands.diagnostics import diagnostics
from crossvad.commands.gain import gain
from crossvad.commands.methods import methods
from crossvad.commands.plot import plot
from crossvad.commands.report import report
from crossvad.commands.run import matrix, run
from crossvad.commands.score import score
from crossvad.commands.table import table_command
from crossvad.commands.verify import keep, verify
from crossvad.datasets.errors import InputError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def bench(debug: bool) -> None:
    """Which video anomaly detector still works on a camera it has never seen?

    \b
    bench run --source synthetic-street --target synthetic-plaza      needs no data
    bench run --source ped2 --target ped1 --data DIR --support test-head
    bench matrix --sources ped2,synthetic-street --targets ped2,synthetic-plaza --data DIR
    bench table --matrix --where shots=10
    bench plot shots --where source=path:normal --out shots.svg
    bench report --data DIR
    bench score my_video.mp4 --source synthetic-street
    bench ablate components --data DIR
    """


for command in (
    ablate, audit, compare, datasets, diagnostics, gain, keep, matrix,
    methods, plot, report, run, score, table_command, verify,
):  # fmt: skip
    bench.add_command(command)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a cell failed or a check found errors, 2 wrong use or bad input."""
    try:
        bench(standalone_mode=False)
    except InputError as error:
        if "--debug" in sys.argv[1:]:
            raise
        _fail(f"Error: {error}", 2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _fail("Stopped. The same command goes on where this one was.", 1)


def _fail(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)
