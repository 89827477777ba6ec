"""How tables and problems are printed: on a terminal, or as Markdown."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from crossvad.datasets.errors import Problem, plain
from crossvad.datasets.words import number_of
from crossvad.evaluation.columns import KEYS
from crossvad.present.tables import flat_table

MOST = 150  # rows of a table that a terminal is given
ENDLESS = 10_000  # columns of a page that is no terminal
BESIDE = 3  # columns of a border and of the blanks beside it
NARROWEST = 8  # columns that names of rows fold to, at least
FOLDED = 24  # columns that a column of words folds to, at most
WORDS = ("kind", "read_in", "note", "at", "command")  # columns of words, beside those of numbers


def console() -> Console:
    """Open what tables are printed on: the terminal or, where nothing tells its width, a page where no line folds."""
    known_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known_width else ENDLESS, emoji=False)  # a folder called camera is no picture of one


def show(table: pd.DataFrame, note: str, title: str = "", told_by: str = "") -> None:
    """Print a pivoted table on the terminal, its title above and its caption below; of a very long one its first rows.

    What is longer says so above: how many rows there are, how to narrow them, and how to have all of them: by options
    of the command that prints it or, where that has none of the kind, of one that it is `told_by`. And shortly below,
    as what is above has scrolled away.
    """
    page = console()
    if title:
        page.print(f"\n{plain(title)}", style="bold", highlight=False, markup=False)
    if len(table) > MOST:
        page.print(plain(bounded(table, told_by)), highlight=False, markup=False, soft_wrap=True)
    for block in blocks(table.iloc[:MOST], page.width) if len(table) else ():
        page.print(block)
    if len(table) > MOST:
        page.print(unshown(table, told_by), highlight=False, markup=False, soft_wrap=True)
    page.print(plain(note), highlight=False, markup=False, soft_wrap=True)


def bounded(table: pd.DataFrame, told_by: str = "") -> str:
    """Say of how many rows the first `MOST` of a table are, and what may narrow it, by options of which command."""
    values = {name: table.index.get_level_values(name).nunique() for name in table.index.names if name in KEYS}
    many = [f"{name} ({count} of them)" for name, count in values.items() if count > 1]
    by = f"{told_by} " if told_by else ""
    narrow = f"narrow it by {by}--where KEY=VALUE, such as of {', '.join(many)}; " if many else ""
    return f"The first {MOST} of {len(table):,} rows: {narrow}all of them: {by}--format md, or csv"


def unshown(table: pd.DataFrame, told_by: str = "") -> str:
    """Say shortly how many rows of a table come after the first `MOST`, for below these."""
    every = f"{told_by} " * bool(told_by) + "--format md, or csv"
    return f"{number_of(len(table) - MOST, 'more row')} not shown: how to narrow it stands above; all of them: {every}"


def blocks(table: pd.DataFrame, width: int) -> list[Table]:
    """Set a pivoted table for a page of a width: as few tables as fit, each with all rows and some of the columns.

    A number and its interval are read as one, so that no such cell folds. Heads do, and words, and long names of rows.
    """
    endless = Console(width=ENDLESS)
    whole = rich_table(table, folding=False)
    if Measurement.get(endless, endless.options, whole).maximum <= min(width, ENDLESS - 1):
        return [whole]
    if width >= ENDLESS or not len(table.columns):
        return [rich_table(table)]
    flat, levels = flat_table(table), table.index.nlevels
    least = [_least_width(name, flat.iloc[:, number]) for number, name in enumerate(flat.columns)]
    rows, columns = _narrowed(least[:levels], width - 1 - max(least[levels:]) - BESIDE), least[levels:]
    parts: list[list[int]] = [[]]
    left = room = width - 1 - sum(rows) - BESIDE * levels
    for number, each in enumerate(columns):
        if each + BESIDE > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(number)
        left -= each + BESIDE
    return [rich_table(table.iloc[:, part], [*rows, *(columns[number] for number in part)]) for part in parts]


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """Columns of these widths, the widest of them narrowed until all have room."""
    narrowed = list(widths)
    while sum(narrowed) + BESIDE * len(narrowed) > room and max(narrowed) > NARROWEST:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def _least_width(name: object, cells: pd.Series) -> int:
    """How narrow a column can be: heads fold between words, words do wherever need be, and all else not at all."""
    longest = max((cell_len(line) for cell in cells for line in plain(str(cell), lines=True).split("\n")), default=0)
    heads = plain(str(name)).split(" ")
    return max(min(longest, FOLDED) if name in WORDS else longest, *map(cell_len, heads))


def rich_table(table: pd.DataFrame, widths: Sequence[int] = (), folding: bool = True) -> Table:
    """Set a pivoted table for the terminal, its columns of these widths if they are given; one of words takes more.

    Unless cells fold, lines between two rules are set as one row of as many lines, which takes a third of the time.
    """
    flat = flat_table(table)
    shown = Table()
    for number, name in enumerate(flat.columns):
        left = number < table.index.nlevels or name in WORDS
        width = None if name in WORDS or not widths else widths[number]
        shown.add_column(  # nothing is cut
            Text(plain(str(name))), justify="left" if left else "right", overflow="fold", width=width,
            no_wrap=not folding,
        )  # fmt: skip
    lines = [[plain(text, lines=True) for text in line] for line in flat.astype(str).to_numpy().tolist()]
    firsts = [line[0] for line in lines]
    sections = [list(some) for _, some in groupby(lines, itemgetter(0))] if len({*firsts}) < len(firsts) else [lines]
    for section in sections:
        together = not folding and not any("\n" in text for line in section for text in line)
        rows = [["\n".join(texts) for texts in zip(*section, strict=True)]] if together else section
        for row in rows:
            shown.add_row(*map(Text, row))
        shown.add_section()
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
