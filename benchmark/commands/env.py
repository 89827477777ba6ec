"""`bench env`: what a report of a fault needs."""

from __future__ import annotations

from pathlib import Path

import click

from crossvad.commands.options import PLACES
from crossvad.commands.telling import tell
from crossvad.planning.data_root import data_root


@click.command()
@PLACES
def env(data: Path | None, results: str | Path) -> None:
    """What runs stand on here: versions, processor, memory, data at hand, what is missing.

    To be pasted into a report of a fault: plain lines, which name the folders of this machine and nothing in them.

    \b
    bench env
    bench env --data DIR --results DIR
    """
    from crossvad.execution.environment import environment
    from crossvad.store.urls import local_folder

    for name, fact in environment(data_root(data), local_folder(results, "bench env")).items():
        tell(f"{name + ':':<11}{fact}")
