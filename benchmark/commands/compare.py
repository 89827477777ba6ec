"""`bench compare`: which differences are more than chance."""

from __future__ import annotations

import click

from crossvad.commands.options import FOLDERS, RIVAL, RULES, Folders, where
from crossvad.commands.saying import Once
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.command(cls=TableCommand)
@click.option(
    "--against", cls=Once, type=RIVAL, default="framediff", show_default=True, help="A method at K = 0, or `itself`."
)
@where()
@RULES
@format_option("parts", "numbers")
@FOLDERS
def compare(against: str, where: tuple[str, ...], rules: str, results: Folders) -> Tables:
    """How much better a method is than another on the same test videos, and whether that is more than chance.

    The difference of AUCs in points with its 95 % interval: resamples of videos, the same for both, and, where there
    are several seeds, the spread over seeds. P values are adjusted over all rows of the table (Holm). Where methods
    have run on several targets: average ranks over these, of the mean AUC over sources, and which of them cannot be
    told apart (Nemenyi). Of several budgets it takes the one that `bench table` takes.

    \b
    bench compare --where budget=quick
    bench compare --against itself --where method=apn
    bench compare --against lmn --where target=ped2 --where shots=10 --format md
    """
    from crossvad import api

    return api.load_results(results, where, rules).compare(against)
