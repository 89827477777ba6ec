"""All that lies in a results folder, held against its stored scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crossvad.datasets.errors import InputError, Problem
from crossvad.execution.progress import Reporter
from crossvad.store.store import Store
from crossvad.verification import integrity
from crossvad.verification.page_checks import PageCheck, Remake, check_pages
from crossvad.verification.reproduction import committed, verify_csv

Findings = tuple[list[list[str]], list[Problem]]  # what was checked, and how much of it; and every problem found


def verify_folder(results: Path, remake: Remake, reporter: Reporter, write: bool = False) -> Findings:
    """Check every cell, every table in a CSV file, and every table and number on a page.

    Args:
        results: the folder.
        remake: makes the tables of a command again.
        reporter: told how far it is.
        write: tables and numbers that stored scores say otherwise are written.
    """
    store = Store(results)
    with reporter.task("cells") as update:
        update(0, 1, "")
        sound, problems = integrity.verify_store(store)
    checks = [["cells", f"{len(sound)} of {len(store.cell_places())} hold scores, and were checked"]]
    with committed(results) as folder:
        for path in sorted(results.glob("*.csv")):
            try:
                check, more = verify_csv(path, Store(folder), write)
            except (InputError, OSError, ValueError) as error:
                check, more = "", [_unreadable(path, error)]
            problems += more
            checks += [[path.name, check]] if check else []
    pages, more = verify_pages(sorted(results.glob("*.md")), results, remake, reporter, write)
    return checks + pages, problems + more


def verify_pages(
    paths: Sequence[Path], results: Path, remake: Remake, reporter: Reporter, write: bool = False
) -> Findings:
    """Check pages: all of one in the results folder; of any other, such as a README, the tables that name commands.

    Args:
        paths: the pages.
        results: the folder whose cells their tables are made of.
        remake: makes the tables of a command again.
        reporter: told how far it is.
        write: tables and numbers that stored scores say otherwise are written.
    """
    pages, checks, problems = [], [], list[Problem]()
    for path in paths:
        try:
            pages.append(PageCheck(path, path.resolve().parent == results.resolve(), write))
        except (OSError, ValueError) as error:
            problems.append(_unreadable(path, error))
    with reporter.task("pages") as update, committed(results) as folder:
        for page in check_pages(pages, remake, folder, lambda done, name: update(done, len(pages), name)):
            checks.append([page.path.name, page.told()])
            problems += page.problems
    return checks, problems


def _unreadable(path: Path, error: Exception) -> Problem:
    return Problem("error", path.name, f"cannot be read: {error}", "restore it")
