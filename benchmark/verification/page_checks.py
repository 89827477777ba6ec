"""Whether pages say what stored scores say: their tables made again, and the numbers of their prose looked up."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from textwrap import TextWrapper

import click

from crossvad.datasets.errors import InputError, Problem
from crossvad.datasets.words import number_of
from crossvad.present import terminal
from crossvad.present.atomic_files import replacing
from crossvad.present.formats import Tables
from crossvad.verification import quotes
from crossvad.verification.pages import Block, Listed, Page, PageTable, read_page

# The tables of `bench WORDS…`, made of the cells of a results folder; None if they cannot be without running something.
Remake = Callable[[Sequence[str], str], Tables | None]
WRITE = "bench verify --write"


@dataclass
class PageCheck:
    """One page, what does not fit on it, and how its text is to change.

    Args:
        path: of the page.
        whole: every number and every table must say where it is from; else only tables that name their command count.
        write: what stored scores say otherwise is written, not told; what cannot be written is told.
    """

    path: Path
    whole: bool = True
    write: bool = False
    problems: list[Problem] = field(default_factory=list)
    tables: dict[str, PageTable] = field(default_factory=dict)  # as stored scores have them, or as they were typed
    remade: int = 0
    held: int = 0  # numbers
    _edits: list[tuple[int, int, str]] = field(default_factory=list)
    _listed: dict[str, list[str]] = field(default_factory=dict)  # rows to be listed, by the name of their table

    def __post_init__(self) -> None:
        self.page: Page = read_page(self.path.read_text(encoding="utf-8"))

    def told(self) -> str:
        """What was done, in a few words."""
        commands = sum(bool(block.command) for block in self.page.blocks)
        held = f", {number_of(self.held, 'number')} held" if self.held else ""
        return f"{self.remade} of {number_of(commands, 'command')} run again{held}"

    def check_tables(self, remake: Remake, results: Path) -> None:
        """Make every table again that names its command; hold each against the rows that it must have."""
        for block in self.page.blocks:
            if not block.tables:
                self._tell(block.comment, "no table stands below this comment", "paste what its command prints")
            if block.command and (parts := self._made(block, remake, results)):
                tables = [PageTable.read(part.partition("\n\n")[0]) for part in parts]
                names = self._names(block, len(parts))
                if names and all([self._has_rows(block, *pair) for pair in zip(names, tables, strict=True)]):
                    self._compare(block, "\n".join(parts).strip())
            elif names := block.names:
                tables = block.tables
                if self.whole and block.by.startswith("typed"):
                    for pair in zip(names, tables, strict=False):
                        self._has_rows(block, *pair)
            else:
                continue
            for name, table in zip(names, tables, strict=False):
                if name in self.tables:
                    self._tell(block.comment, f"two tables are called {name}", "give one another name")
                self.tables[name] = table
        for name in sorted(self.page.rows.keys() - self.tables.keys()):
            problem = f"lacks table {name}, whose rows it lists"
            self._tell(None, problem, "put the table back, or take it from the list")

    def check_numbers(self, others: Mapping[str, PageTable]) -> None:
        """Hold every number of the prose against what its list says it is.

        Args:
            others: tables of other pages, as page.table.
        """
        if not self.whole:
            return
        for place in self.page.bare:
            fix = "name its command above it, <!-- NAME: bench … -->, or say <!-- NAME: typed, WHY -->"
            self._tell(place, "a table, or a row, that no command prints", fix)
        tables = {**others, **self.tables}
        for found, listed, end in self.page.numbers():
            texts = [number[0] for number in found], [number.text for number in listed]
            for kind, a, b, c, d in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
                if kind == "equal":
                    for number, entry in zip(found[a:b], listed[c:d], strict=True):
                        self._look_up(number, entry, tables)
                else:
                    self._differs(found[a:b], listed[c:d], end)

    def finish(self) -> None:
        """Write the page, if it is to be and something changed."""
        text = self.page.text
        for start, end, new in sorted(self._edits, reverse=True):
            text = text[:start] + new + text[end:]
        if self._listed:
            text = _with_rows(text, self._listed)
        if text != self.page.text:
            with replacing(self.path) as draft:
                draft.write_text(text, encoding="utf-8")

    def _tell(self, place: int | None, problem: str, fix: str, severity: str = "error") -> None:
        line = "" if place is None else f", line {self.page.line(place)}"
        self.problems.append(Problem(severity, f"{self.path.name}{line}", problem, fix))  # type: ignore[arg-type]

    def _made(self, block: Block, remake: Remake, results: Path) -> list[str]:
        """What a block's command prints, by table; nothing, and the problem told, where it prints none."""
        try:
            tables = remake(shlex.split(block.command), str(results))
        except (InputError, click.ClickException, ValueError) as error:
            why = error.line if isinstance(error, InputError) else str(error)
            why = error.format_message() if isinstance(error, click.ClickException) else why
            self._tell(block.comment, f"bench {block.command} fails: {why}", "keep its cells (bench keep)")
            return []
        if tables is None:
            problem = f"bench {block.command} cannot be run again of stored scores"
            self._tell(block.comment, problem, "say <!-- NAME: typed, WHY --> in its place")
            return []
        self.remade += 1
        return [terminal.markdown(*part) for part in tables.parts]

    def _names(self, block: Block, count: int) -> list[str]:
        """The names of a block's tables; made up, if it has none and that is to be written."""
        if len(block.names) == count:
            return block.names
        if block.names or not self.write:
            what = f"its command prints {count} table{'s' * (count > 1)}, and it names {len(block.names) or 'none'}"
            fix = f"name each: <!-- NAME: bench {block.command} -->; {WRITE} makes up names where there are none"
            self._tell(block.comment, what, fix)
            return []
        taken = {*self.tables, *self.page.rows, *(name for other in self.page.blocks for name in other.names)}
        names: list[str] = []
        for _ in range(count):
            stem, number = shlex.split(block.command)[0], 1
            while (name := stem if number == 1 else f"{stem}-{number}") in taken:
                number += 1
            names.append(name)
            taken.add(name)
        place = self.page.text.index("bench", block.comment)
        self._edits.append((place, place, f"{', '.join(names)}: "))
        return names

    def _has_rows(self, block: Block, name: str, table: PageTable) -> bool:
        """Whether a table has the rows that the page lists for it, and no others; where none are listed, they are."""
        if name not in self.page.rows:
            if self.write:
                self._listed[name] = table.names
            elif block.command:
                fix = f"list them in <!-- rows … -->; {WRITE} lists those that are there"
                self._tell(block.comment, f"the page does not list the rows that table {name} must have", fix)
            return self.write
        listed = self.page.rows[name]
        lost = [row for row in listed if row not in table.names]
        new = [row for row in table.names if row not in listed]
        for rows, what in ((lost, f"table {name} lacks"), (new, f"table {name} has, and the page does not list,")):
            if rows:
                fix = "mend the command, keep the cells (bench keep), or change the list of rows"
                self._tell(block.comment, f"{what} {'; '.join(rows)}", fix)
        return not lost and not new

    def _compare(self, block: Block, expected: str) -> None:
        """Hold what is printed below a comment against what its command prints now."""
        printed = self.page.text[block.start : block.end].strip()
        differing = list(_differing(printed.splitlines(), expected.splitlines()))
        if not differing:
            return
        if self.write:
            self._edits.append((block.start, block.end, f"\n\n{expected}\n"))
            self._tell(
                block.comment, f"table {', '.join(block.names)} was made again", "read what is said of it", "warning"
            )
            return
        (old, new), more = differing[0], len(differing) - 1
        what = f"has\n{old}\nwhere stored scores give\n{new}"
        what += f"\nand {more} more line{'s' * (more > 1)} differ" if more else ""
        self._tell(block.comment, what, f"{WRITE}, which prints what bench {block.command} does")

    def _look_up(self, number: re.Match[str], entry: Listed, tables: Mapping[str, PageTable]) -> None:
        """Hold a number that is listed against its source."""
        if entry.source.startswith("typed"):
            if not re.match(r"typed, *\w", entry.source):
                self._tell(entry.place, f"{entry.text} is typed, without a reason", "typed, WHY")
            self.held += 1
            return
        try:
            value = quotes.evaluate(entry.source, tables)
        except ValueError as error:
            self._tell(entry.place, f"{entry.text}: {error}", "quote a cell: table[row | column]; or say typed, WHY")
            return
        self.held += 1
        if quotes.agrees(entry.text, value):
            return
        new = quotes.rewritten(entry.text, value)
        if self.write:
            self._edits += [(number.start(), number.end(), new), (entry.place, entry.place + len(entry.text), new)]
            self._tell(number.start(), f"{number[0]} became {new}", "read its sentence again", "warning")
        else:
            self._tell(number.start(), f"says {number[0]}, where {entry.source} is {new}", WRITE)

    def _differs(self, found: list[re.Match[str]], listed: list[Listed], end: int) -> None:
        """Tell of numbers that are not those listed below them."""
        said = _few([f"{entry.text} ({entry.source})" for entry in listed])
        if not found:
            self._tell(listed[0].place, f"lists {said}, which the text above does not have", "take it from the list")
            return
        told = _few([number[0] for number in found])
        what = (
            f"says {told}, where its list has {said}" if listed else f"says {told}, which is neither quoted nor typed"
        )
        fix = "say where it is from in the list of numbers below it: 80.3 = table[row | column], or = typed, WHY"
        self._tell(found[0].start(), what, fix)


def check_pages(
    pages: Sequence[PageCheck], remake: Remake, results: Path, done: Callable[[int, str], None]
) -> Iterator[PageCheck]:
    """Check pages, which may quote one another's tables, and write those that are to be written.

    Args:
        pages: to be checked.
        remake: makes the tables of a command again.
        results: the folder whose cells they are made of.
        done: told how many pages' tables were made, and which page comes next.
    """
    for number, check in enumerate(pages):
        done(number, check.path.name)
        check.check_tables(remake, results)
    known = {f"{check.path.stem}.{name}": table for check in pages for name, table in check.tables.items()}
    for check in pages:
        check.check_numbers(known | _beside(check.path, known))
        check.finish()
        yield check


def _beside(path: Path, known: Mapping[str, PageTable]) -> dict[str, PageTable]:
    """Tables of the pages in the same folder that are not checked now, as they are printed."""
    tables: dict[str, PageTable] = {}
    for other in path.parent.glob("*.md"):
        if not any(name.startswith(f"{other.stem}.") for name in known):
            for block in read_page(other.read_text(encoding="utf-8")).blocks:
                tables |= {
                    f"{other.stem}.{name}": table for name, table in zip(block.names, block.tables, strict=False)
                }
    return tables


def _differing(found: list[str], expected: list[str]) -> Iterator[tuple[str, str]]:
    for number in range(max(len(found), len(expected))):
        old = found[number].rstrip() if number < len(found) else "(the end of the table)"
        new = expected[number].rstrip() if number < len(expected) else "(nothing more)"
        if old != new:
            yield old, new


def _few(texts: Sequence[str]) -> str:
    """The first few of many."""
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _with_rows(text: str, rows: Mapping[str, Sequence[str]]) -> str:
    """The page with these rows added to its list, or with a list of them at its end."""
    alike: dict[frozenset[str], list[str]] = {}
    for name, names in rows.items():
        alike.setdefault(frozenset(names), []).append(name)
    listed = [f"{', '.join(tables)} = {' | '.join(rows[tables[0]])}" for tables in alike.values()]
    wrap = TextWrapper(120, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    lines = "".join(f"{wrap.fill(line)}\n" for line in listed)
    begun = re.search(r"^<!-- rows\n(?:(?!-->).*\n)*(?=-->)", text, re.MULTILINE)
    if begun:
        return text[: begun.end()] + lines + text[begun.end() :]
    return f"{text.rstrip()}\n\n<!-- rows\n{lines}-->\n"
