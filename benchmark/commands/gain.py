"""`bench gain`: what adaptation is worth, and how far its steps went."""

from __future__ import annotations

import click

from crossvad.commands.options import FOLDERS, RULES, Folders, where
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.command(cls=TableCommand)
@where()
@RULES
@click.option("--rates", is_flag=True, help="Show the chosen rates of adaptation instead.")
@format_option("parts", "numbers")
@FOLDERS
def gain(where: tuple[str, ...], rules: str, rates: bool, results: Folders) -> Tables:
    """What adapting to a scene gains over the same method at K = 0, on the same test videos.

    The gain in points of AUC with its 95 % interval: resamples of videos, the same for both, and, where there are
    several seeds, the spread over seeds. It is cut at ±100, as no two AUCs differ by more.

    With --rates: the query loss that each rate of a search left of the one before it adapted, on scenes made of
    held-out source video, and the rate that was chosen.

    \b
    bench gain --where budget=quick
    bench gain --where method=apn,lmn --where target=ped2 --format md
    bench gain --rates --where tuning=finetune
    """
    from crossvad import api

    stored = api.load_results(results, where, rules)
    return stored.rates() if rates else stored.gains()
