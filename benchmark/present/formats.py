"""The formats that tables are printed in. A new one is a function and an entry of `TABLE_FORMATS`.

Imports nothing heavy before something is printed, so that commands can list the formats at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Content = Literal["parts", "numbers", "rows"]


@dataclass(frozen=True)
class Tables:
    """Tables to show, each with its caption, and the numbers behind them."""

    parts: Sequence[tuple[pd.DataFrame, str]]  # of texts, and what a reader must know of them
    title: str = ""
    metrics: Sequence[
        str
    ] = ()  # of the columns of the first, to set their best values apart; none: nothing is set apart
    numbers: pd.DataFrame | None = None  # what the first shows; None: its texts
    rows: pd.DataFrame | None = None  # tidy rows: one per cell, or per checkpoint
    digits: str = "%.4f"  # of numbers
    failures: Sequence[str] = ()  # a line for each cell that the tables lack because it failed
    notes: Sequence[str] = ()  # of what captions say, what numbers by themselves must not go without

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers where there are any, else the first table's texts."""
        return self.parts[0][0] if self.numbers is None else self.numbers

    def in_python(self) -> Tables:
        """The same, what captions say of options in the words of Python, and not in those of commands."""
        from crossvad.planning.python_words import in_python

        return replace(self, parts=[(table, in_python(note)) for table, note in self.parts])

    def __repr__(self) -> str:
        """As Markdown, captions in the words of Python; of rows alone as pandas shows them."""
        return markdown(self.in_python()) if self.parts else repr(self.frame)

    def _repr_html_(self) -> str:
        """As HTML, for notebooks, captions in the words of Python."""
        return _html(self.in_python()) if self.parts else self.frame.to_html()


@dataclass(frozen=True)
class TableFormat:
    """A way to print tables."""

    name: str  # as `--format` has it
    content: Content  # what it prints of them
    write: Callable[[Tables, str], None]  # prints tables, made by a command


def names(*contents: Content) -> list[str]:
    """List the formats that print any of these contents."""
    return [form.name for form in TABLE_FORMATS.values() if form.content in contents]


def markdown(tables: Tables) -> str:
    """Set tables in Markdown, each with its caption below."""
    from crossvad.present import terminal

    return "\n".join(terminal.markdown(*part) for part in tables.parts)


def _write_rich(tables: Tables, command: str) -> None:
    """Print tables on the terminal, the title above the first; a run's are told by no command that has a format."""
    from crossvad.present import terminal

    for number, (table, note) in enumerate(tables.parts):
        title, told_by = "" if number else tables.title, "" if command else "bench table"
        terminal.show(table, note, title, told_by)


def _write_markdown(tables: Tables, command: str) -> None:
    """Print tables below a hidden comment that names their command, so that they can be made again."""
    print(f"<!-- {command} -->\n\n{markdown(tables)}", end="")


def _write_numbers(tables: Tables, command: str) -> None:
    print(_csv(tables.frame, tables.digits), end="")


def _write_rows(tables: Tables, command: str) -> None:
    assert tables.rows is not None, "a command that offers this format has rows"
    print(_csv(tables.rows, tables.digits), end="")


def _csv(frame: pd.DataFrame, digits: str) -> str:
    """Write a table as CSV, with its index unless that only counts rows."""
    counts = frame.index.nlevels == 1 and frame.index.name is None
    return frame.to_csv(index=not counts, float_format=digits)


def _write_latex(tables: Tables, command: str) -> None:
    from crossvad.present import latex_html

    first, *others = tables.parts
    texts = [latex_html.latex(*first, tables.metrics), *(latex_html.latex(*part, ()) for part in others)]
    print("\n".join(texts), end="")


def _write_html(tables: Tables, command: str) -> None:

    print(_html(tables), end="")


def _html(tables: Tables) -> str:
    from crossvad.present import latex_html

    first, *others = tables.parts
    return latex_html.html(*first, tables.metrics) + "".join(latex_html.html(*part, ()) for part in others)


TABLE_FORMATS = {
    form.name: form
    for form in (
        TableFormat("rich", "parts", _write_rich),
        TableFormat("md", "parts", _write_markdown),
        TableFormat("csv", "numbers", _write_numbers),
        TableFormat("latex", "parts", _write_latex),
        TableFormat("html", "parts", _write_html),
        TableFormat("long", "rows", _write_rows),
    )
}
