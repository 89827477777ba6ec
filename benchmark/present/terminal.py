"""How tables and problems are printed: on a terminal, or as Markdown."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossvad.datasets.errors import Problem, plain
from crossvad.present.tables import flat_table

WORDS = ("kind", "read_in", "note", "at", "command")  # columns of words, beside those of numbers


def console() -> Console:
    """Open what tables are printed on: the terminal, or a page wide enough for one where nothing tells the width."""
    known_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known_width else 150, emoji=False)  # a folder called camera is no picture of one


def give(style: str, command: str, *parts: tuple[pd.DataFrame, str], title: str = "") -> None:
    """Print tables with captions: as Markdown (`md`), below the command that makes them again, or on a terminal."""
    if style == "md":
        print(f"<!-- {command} -->\n\n" + "\n".join(markdown(*part) for part in parts), end="")
    else:
        for number, part in enumerate(parts):
            show(*part, title="" if number else title)


def show(table: pd.DataFrame, note: str, title: str = "") -> None:
    """Print a pivoted table on the terminal, with its title above and its caption below."""
    page = console()
    if title:
        page.print(f"\n{plain(title)}", style="bold", highlight=False, markup=False)
    if len(table):
        page.print(rich_table(table))
    page.print(plain(note), highlight=False, markup=False, soft_wrap=True)


def rich_table(table: pd.DataFrame) -> Table:
    """Set a pivoted table for the terminal."""
    flat = flat_table(table)
    shown = Table()
    for number, name in enumerate(flat.columns):
        left = number < table.index.nlevels or name in WORDS
        shown.add_column(Text(plain(str(name))), justify="left" if left else "right", overflow="fold")  # nothing is cut
    lines = flat.astype(str).to_numpy().tolist()
    grouped = len({line[0] for line in lines}) < len(lines)
    for number, line in enumerate(lines):
        last = number + 1 == len(lines) or lines[number + 1][0] != line[0]
        shown.add_row(*(Text(plain(text, lines=True)) for text in line), end_section=grouped and last)
    return shown


def markdown(table: pd.DataFrame, note: str) -> str:
    """Write a pivoted table in Markdown, with its caption below; names that are markup are shown as they are."""
    flat = flat_table(table).map(lambda text: _literal(str(text)))
    flat.columns = pd.Index([_literal(str(name)) for name in flat.columns], dtype=object)
    return f"{flat.to_markdown(index=False, disable_numparse=True)}\n\n{_literal(note, cell=False)}\n"


def _literal(text: str, cell: bool = True) -> str:
    """A text in which Markdown finds no tags, comments, links or, in a cell of a table, borders; `< 0.001` is none."""
    text = re.sub(r"<(?=[A-Za-z/!?])", r"\\<", plain(text)).replace("](", r"]\(")
    return text.replace("|", r"\|") if cell else text


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", lines: bool = False) -> Table:
    """Set a table of texts as they are, whatever brackets names may hold; with `lines` between the rows."""
    table = Table(title=Text(plain(title)) if title else None, show_lines=lines)
    for column in columns:
        table.add_column(Text(column), overflow="fold")  # a path that is cut short is of no use
    for row in rows:
        table.add_row(*(Text(plain(text, lines=True)) for text in row))
    return table


def show_problems(name: str, problems: Sequence[Problem], directory: str = "") -> None:
    """Print every problem once, errors first; places below `directory` as seen from there."""
    if not problems:
        console().print(f"{name}: no problems", highlight=False, markup=False)
        return
    prefix = directory + os.sep if directory else ""
    rows = [
        [problem.severity, problem.where.removeprefix(prefix), problem.problem, problem.fix]
        for problem in sorted(dict.fromkeys(problems), key=lambda problem: problem.severity)
    ]
    title = f"{name}, in {directory}" if directory else name
    console().print(plain_table(["", "where", "problem", "what to do"], rows, title=title, lines=True))
