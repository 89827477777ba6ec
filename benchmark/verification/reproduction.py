"""Whether what is published in a results folder is what its stored scores say: tables made again, and compared."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import click
import numpy as np
import pandas as pd

from crossvad.datasets.errors import InputError, Problem
from crossvad.evaluation.metrics import METRICS
from crossvad.evaluation.selection import KEYS, mixtures
from crossvad.evaluation.tidy import COLUMNS, COUNTS, LOCATED, table
from crossvad.planning.protocol import get_protocol
from crossvad.present.formats import Tables, markdown
from crossvad.store.store import Store
from crossvad.studies import published
from crossvad.verification.integrity import RERUN

NUMBERS = [*(column for metric in METRICS.values() if metric.of_frames for column in metric.columns), *COUNTS]
TOLERANCE = 1e-4  # of a number in a CSV file, which has four decimals
COMMAND = re.compile(r"^<!-- bench (.+) -->\n+", re.MULTILINE)
RULE = re.compile(r"\|[ :|-]+\|$")  # the line below a table's head
# The tables of `bench WORDS…`, made of the cells of a results folder; None if they cannot be without running something.
Remake = Callable[[Sequence[str], str], Tables | None]


def verify_csv(path: Path, store: Store) -> tuple[str, list[Problem]]:
    """Recompute a CSV file of tidy rows from stored scores. Returns what was done, and what does not fit."""
    if path.name == "published.csv":
        return f"{len(published.load(path))} published figures fit their schema", []
    rows = pd.read_csv(path)
    if not set(KEYS) <= set(rows.columns):
        return "", [Problem("warning", path.name, "is no table of cells, so it was not recomputed", "see its page")]
    problems = []
    if mixed := mixtures(rows.reindex(columns=COLUMNS)):
        problems.append(Problem("warning", path.name, f"mixes {'; '.join(mixed)}", "compare within one only"))
    if rows.reindex(columns=LOCATED).notna().to_numpy().any():
        fix = "bench table --metric rbdc,tbdc, where the maps are"
        problems.append(Problem("warning", path.name, "RBDC and TBDC were not recomputed: maps are not kept", fix))
    done = rows[rows["status"] == "done"]
    parts = [table(store, store.records(), get_protocol(name)) for name in done["protocol"].unique()]
    again = pd.concat(parts) if parts else rows[:0]
    known = _numbers(again[again["status"] == "done"])
    lost = 0
    for key, said in _numbers(done).items():
        if key not in known:
            lost += 1
            continue
        pairs = {name: (said[name], known[key][name]) for name in NUMBERS if name in rows}
        wrong = [
            f"{name} {then:.4f}, not {now:.4f}"
            for name, (then, now) in pairs.items()
            if not np.isclose(then, now, rtol=0, atol=TOLERANCE, equal_nan=True)
        ]
        if wrong:
            where = f"{path.name}, {', '.join(key)}"
            problems.append(Problem("error", where, f"is not what the stored scores say: {'; '.join(wrong)}", RERUN))
    if lost:
        fix = "keep the cells (bench keep), or drop the rows"
        problems.append(Problem("warning", path.name, f"{lost} of {len(done)} rows have no stored scores", fix))
    return f"{len(done) - lost} of {len(done)} rows recomputed", problems


def _numbers(rows: pd.DataFrame) -> dict[tuple[str, ...], dict[str, float]]:
    """A table's numbers by the keys of its rows, as text."""
    lines = rows.to_dict("records")
    return {
        tuple(str(line[key]) for key in KEYS): {name: float(line[name]) for name in NUMBERS if name in line}
        for line in lines
    }


def verify_page(path: Path, remake: Remake, results: Path) -> tuple[str, list[Problem]]:
    """Make every table of a Markdown page again that names its command, and compare.

    Returns:
        What was done, and what does not fit.
    """
    text = path.read_text(encoding="utf-8")
    problems: list[Problem] = []
    commands, remade, named = list(COMMAND.finditer(text)), 0, 0
    for command in commands:
        where = f"{path.name}, line {text[: command.start()].count(chr(10)) + 1}"
        words = shlex.split(command[1])
        try:
            tables = remake(words, str(results))
        except (InputError, click.ClickException) as error:
            fix = "keep its cells (bench keep)"
            problems.append(Problem("error", where, f"bench {command[1]} fails: {_message(error)}", fix))
            continue
        if tables is None:
            named += 1
            name = " ".join(takewhile(lambda word: not word.startswith("-"), words))
            problems.append(Problem("warning", where, f"bench {name} was not run again", "see its page"))
            continue
        remade += 1
        expected = markdown(tables).strip().splitlines()
        named += sum(map(bool, map(RULE.match, expected)))
        printed = text[command.end() :].splitlines()[: len(expected)]
        if differing := list(_differing(printed, expected)):
            (old, new), more = differing[0], len(differing) - 1
            what = f"has\n{old}\nwhere stored scores give\n{new}"
            what += f"\nand {more} more line{'s' * (more > 1)} differ" if more else ""
            problems.append(Problem("error", where, what, f"paste what bench {command[1]} --format md prints"))
    bare = sum(map(bool, map(RULE.match, text.splitlines()))) - named
    if bare > 0:
        fix = "paste them with the comment that --format md prints"
        problems.append(Problem("warning", path.name, f"{bare} tables name no command, and were not made again", fix))
    return f"{remade} of {len(commands)} commands run again", problems


def _message(error: Exception) -> str:
    return error.format_message() if isinstance(error, click.ClickException) else str(error)


@contextmanager
def committed(results: Path) -> Iterator[Path]:
    """A results folder that holds the committed cells alone, where there are any: tables were made of those.

    What somebody has run beside them, in another place or after, is no part of a committed table.
    """
    if not Store(results).reference.is_dir():
        yield results
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "reference").symlink_to(Store(results).reference.resolve(), target_is_directory=True)
        yield Path(folder)


def _differing(found: list[str], expected: list[str]) -> Iterator[tuple[str, str]]:
    for number, new in enumerate(expected):
        old = found[number] if number < len(found) else "(the end of the page)"
        if old.rstrip() != new.rstrip():
            yield old, new
