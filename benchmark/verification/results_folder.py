"""All that lies in a results folder, held against its stored scores."""

from __future__ import annotations

from pathlib import Path

from crossvad.datasets.errors import InputError, Problem
from crossvad.execution.progress import Reporter
from crossvad.store.store import Store
from crossvad.verification import integrity
from crossvad.verification.reproduction import Remake, committed, verify_csv, verify_page


def verify_folder(results: Path, remake: Remake, reporter: Reporter) -> tuple[list[list[str]], list[Problem]]:
    """Check every cell, every table in a CSV file, and every table on a page that names its command.

    Args:
        results: the folder.
        remake: makes the tables of a command again.
        reporter: told how far it is.

    Returns:
        What was checked, and how much of it; and every problem found.
    """
    store = Store(results)
    with reporter.task("cells") as update:
        update(0, 1, "")
        sound, problems = integrity.verify_store(store)
    checks = [["cells", f"{len(sound)} of {len(store.cell_places())} hold scores, and were checked"]]
    with reporter.task("tables") as update, committed(results) as folder:
        kept = Store(folder)
        pages = sorted(
            path for path in results.glob("*") if path.suffix in (".csv", ".md") and path.name != "README.md"
        )
        for number, path in enumerate(pages):
            update(number, len(pages), path.name)
            try:
                check, more = verify_csv(path, kept) if path.suffix == ".csv" else verify_page(path, remake, folder)
            except (InputError, OSError, ValueError) as error:
                check, more = "", [Problem("error", path.name, f"cannot be read: {error}", "restore it")]
            problems += more
            checks += [[path.name, check]] if check else []
    return checks, problems
