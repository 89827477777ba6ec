"""`bench diagnostics`: what methods watched as they trained, and their papers do not report."""

from __future__ import annotations

from pathlib import Path

import click

from crossvad.commands.options import RESULTS, where
from crossvad.commands.table_command import TableCommand, format_option
from crossvad.present.formats import Tables


@click.command(cls=TableCommand)
@where("fits")
@format_option("parts", "numbers")
@RESULTS
def diagnostics(where: tuple[str, ...], results: str | Path) -> Tables:
    """Whether prototypes collapsed and memories are used: what stored fits watched, as it was when they ended.

    \b
    prototype cosine   mean of pairs, 1: all alike      prototype rank   effective, 1: alike, M: all different
    items in use       nearest to some query            item cosine      mean of pairs
    slots in use       read by some query               queries served   that reach any slot
    gate open          frames that a memory's test-time gate would let in
    \b
    bench diagnostics
    bench diagnostics --where budget=quick --where target=ped2 --where method=apn,mpn --format md
    """
    from crossvad import api

    return api.load_results(results, where).diagnostics()
