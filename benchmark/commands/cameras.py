"""`bench cameras`: means over cameras, which is what a claim about unseen ones rests on."""

from __future__ import annotations

import click

from crossvad.commands.options import FOLDERS, RULES, Folders, Names, listed, rival_names, where
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.command(cls=TableCommand)
@listed("against", Names(rival_names, or_none=True), "framediff", "Methods at K = 0, comma-separated, and `itself`.")
@click.option("--each", is_flag=True, help="Show the AUC on every camera, too.")
@where()
@RULES
@format_option("parts", "numbers")
@FOLDERS
def cameras(against: list[str], each: bool, where: tuple[str, ...], rules: str, results: Folders) -> Tables:
    """How well each method works on a camera that it has never seen: its mean AUC over cameras, each counting once.

    A camera is a scene of a target. With the 95 % interval (cameras, their videos and seeds are what might have been
    others), the worst camera, and the difference to each rival: its interval, p value adjusted over the whole table
    (Holm), on how many cameras the method is ahead, and how large a true difference would have had to be to be found in
    80 of 100 such comparisons. Only cameras that all rows have are counted; targets that a method was trained on are
    not. What learns nothing from a source stands beside every source, whatever --where says of how others adapt.

    \b
    bench cameras --where source=ped2 --where budget=quick
    bench cameras --where shots=10 --against framediff,itself --each
    bench cameras --where target=shanghaitech --format md
    """
    from crossvad import api

    return api.load_results(results, where, rules, untrained=True).cameras(against, each)
