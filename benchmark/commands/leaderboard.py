"""`bench leaderboard`: submissions as a static site."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crossvad.commands.lazy_group import Group
from crossvad.commands.options import PATH, QUIET, out
from crossvad.commands.telling import tell


@click.group(cls=Group)
def leaderboard() -> None:
    """Submissions as a static site, its figures with their uncertainty: build."""


@leaderboard.command()
@click.argument("folders", nargs=-1, required=True, type=PATH)
@out("leaderboard", "The folder to write.")
@QUIET
def build(folders: tuple[Path, ...], out: Path, quiet: bool) -> None:
    """Make a site of the submissions in FOLDERS: no network, no server, no framework.

    Each is checked first; one that is refused is named, left out, and makes this exit with 1. The site has a board of
    every source and target, of every set of cameras with the mean over them, mean ranks with their critical difference,
    and a page of every method: its card, what it costs, where it stands, its versions. All of it is computed from raw
    scores. Where two folders hold copies of a data set by one name, or other scores of one cell, the first counts; of a
    method the newest version. A folder that a site was written to before is replaced.

    \b
    bench leaderboard build submissions/* --out site
    """
    from crossvad.datasets.errors import InputError
    from crossvad.datasets.words import number_of
    from crossvad.execution.progress import Reporter
    from crossvad.leaderboard import site
    from crossvad.present.atomic_files import replacing_folder

    if out.exists() and not _is_site(out):
        raise InputError(out, "holds something else than a site", "name another folder with --out")
    with replacing_folder(out) as draft:  # first: what cannot be written is told before anything is computed
        made = site.make(folders, Reporter(quiet=quiet))
        pages = site.pages(made)
        for name, text in pages.items():
            (draft / name).write_text(text, encoding="utf-8")
    told = f"{number_of(len(pages), 'page')} of {number_of(len(made.gathered.records), 'cell')}"
    tell(f"{out / 'index.html'}: {told}, {number_of(len(made.gathered.accepted), 'submission')}")
    for folder, problems in made.gathered.refused.items():
        more = f", and {len(problems) - 1} more: bench submit check {folder}" if len(problems) > 1 else ""
        tell(f"refused: {folder}: {problems[0].where}: {problems[0].problem}{more}", err=True)
    if made.gathered.refused:
        sys.exit(1)


def _is_site(folder: Path) -> bool:
    """Whether a folder is empty, or holds a site and nothing else."""
    if not folder.is_dir() or not all(path.suffix == ".html" for path in folder.iterdir()):
        return False
    index = folder / "index.html"
    return "crossvad leaderboard" in index.read_text(errors="replace") if index.is_file() else not any(folder.iterdir())
