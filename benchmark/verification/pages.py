"""What a Markdown page says: tables below hidden comments, numbers in its prose, and where it says these are from.

Hidden comments, which a reader never sees, say what a page rests on:

    <!-- main: bench table --rows method -->     the table below is printed by this command, and is called main
    <!-- main, more: bench audit protocol -->    so are the two below
    <!-- sizes: typed, from its paper -->        the table below was typed, and why
    <!-- pairs: quoted -->                       the numbers of the table below are listed like those of prose
    <!-- numbers                                 where the numbers of the text above come from, in their order,
    80.3 = main[framediff | auc]                     back to the last such list: from a cell of a table,
    12, 19 = typed: counted by hand              …   or typed, and why
    -->
    <!-- rows                                    the rows that tables must have
    main = apn | framediff | random
    -->

Prose is what is left without code, comments and tables, with the words that stand in for pictures; of its numbers,
those that only name a setting need no source (`SETTINGS`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

WHOLE = r"(?:\d{1,3}(?:[ \u202f]\d{3}(?!\d))+|\d+)(?!\.?\d)"  # 12, 16 000
COUNT = r"(?:(?:\d{1,3}(?:[ \u202f]\d{3}(?!\d))+|\d+)(?:\.\d+)?|\.\d+)"  # 12, 1.5, .045, 16 000
NUMBER = re.compile(rf"(?<![A-Za-z\d.])(?<![A-Za-z\d]_)(?<![A-Za-z]-)[+\-−]?{COUNT}(?:[eE][+\-−]?\d+)?")
# Only whole numbers go on with a list of settings: in `at K = 10, 80.3` the second one is a result.
MORE = rf"(?:(?:,|\s(?:to|and|or|by))\s{WHOLE}(?!\s(?:%|of\b|points?\b)))*"
SETTINGS = re.compile(  # numbers that name a setting, a place or a year, and state no result
    rf"""\b[KMTR]\s=\s{COUNT}{MORE}                                         # K = 1, 5 and 10
    | \b(?:Tables?|Figures?|Eqs?\.|[Ss]ections?)\s{COUNT}{MORE}             # Tables 4, 6 and 7
    | \b(?:[Ss]hots|steps|seeds?|width|temperature)\s{COUNT}{MORE}          # shots 1, 5, 10
    | (?<![\w.]){WHOLE}{MORE}[\s-](?:px|shots?|steps|seeds?|clips)\b        # 64 px
    | (?<![\w.]){COUNT}\sx\s{COUNT}                                         # 8 x 8
    | \b[23]-D\b
    | \b(?:et\sal\.|and\s[A-Z]\w+)\s(?:19|20)\d\d\b                         # Hu et al. 2021
    | \bversion\s[\d.]+\d
    """,
    re.VERBOSE,
)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^ *<!-- ?(?P<body>.*?)\s*-->", re.MULTILINE | re.DOTALL)
MADE = re.compile(r"(?:(?P<names>[\w., -]+): )?(?P<by>bench .+|typed, .+|quoted)", re.DOTALL)
LIST = re.compile(r"(?P<kind>numbers|rows)\n(?P<lines>.*)", re.DOTALL)
LINES = re.compile(r"(?:^ *\|.*(?:\n|\Z))+", re.MULTILINE)  # of a table
CAPTION = re.compile(r"\n*(?:^(?! *(?:<!--|#)).+(?:\n|\Z))+", re.MULTILINE)
# What is not read: code, which ends with its paragraph, addresses of links, tags but for what they have readers see.
UNREAD = re.compile(r"`+(?:(?!\n\s*\n)[^`])+`+|(?<=\])\([^)\s]*\)|</?[A-Za-z][^>]*>|https?://\S+")
SAID = re.compile(r"""(?<=\s)(?:alt|title)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)|"[^"]*"|'[^']*'""")  # in a tag


@dataclass(frozen=True)
class PageTable:
    """A table as texts."""

    columns: list[str]
    rows: list[list[str]]

    @classmethod
    def read(cls, markdown: str) -> PageTable:
        """Read the lines of a Markdown table; of a line that is no row of it, what is there."""
        lines = [_cells(line) for line in markdown.strip().splitlines()]
        return cls(lines[0], lines[2:])

    @cached_property
    def names(self) -> list[str]:
        """What tells each row from all others: its first cells, as few as do, but for columns that are all the same."""
        differing = [
            number for number in range(len(self.columns)) if len({_cell(row, number) for row in self.rows}) > 1
        ] or [0]
        for count in range(1, len(differing) + 1):
            names = [", ".join(_cell(row, number) for number in differing[:count]) for row in self.rows]
            if len(set(names)) == len(names):
                break
        return names if self.rows else []


@dataclass(frozen=True)
class Block:
    """The tables below one comment, and where in the page they stand."""

    names: list[str]
    by: str  # bench …; typed, …; or quoted
    comment: int
    start: int
    end: int
    tables: list[PageTable]

    @property
    def command(self) -> str:
        """The command that prints it, without `bench`; nothing if it was typed or is quoted."""
        return self.by.removeprefix("bench ") if self.by.startswith("bench ") else ""


@dataclass(frozen=True)
class Listed:
    """A number in a list of numbers: what it is, and where it is from."""

    text: str
    place: int  # of the number, in the page
    source: str


@dataclass
class Page:
    """A page's text, and all that was found in it."""

    text: str
    blocks: list[Block] = field(default_factory=list)
    lists: list[tuple[int, list[Listed]]] = field(default_factory=list)  # where each begins, and what it lists
    rows: dict[str, list[str]] = field(default_factory=dict)  # of a table, by its name: those that it must have
    bare: list[int] = field(default_factory=list)  # where a table begins that has no comment
    prose: str = ""  # as long as the text, with blanks for all that is not read

    def line(self, place: int) -> int:
        """The number of a line."""
        return self.text.count("\n", 0, place) + 1

    def numbers(self) -> Iterator[tuple[list[re.Match[str]], list[Listed], int]]:
        """The numbers of the prose above each list beside that list, and where it is; then those below the last."""
        found, before = list(NUMBER.finditer(self.prose)), 0
        for place, listed in [*self.lists, (len(self.text), [])]:
            yield [number for number in found if before <= number.start() < place], listed, place
            before = place


def read_page(text: str) -> Page:
    """Find tables, lists and prose of a page."""
    page = Page(text)
    unread = [match.span() for match in FENCE.finditer(text)]
    for match in COMMENT.finditer(text):
        if any(start <= match.start() < end for start, end in unread):
            continue
        unread.append(match.span())
        if made := MADE.fullmatch(match["body"]):
            page.blocks.append(_block(text, match, made))
            if page.blocks[-1].by != "quoted":
                unread.append((page.blocks[-1].start, page.blocks[-1].end))
        elif listing := LIST.fullmatch(match["body"]):
            place = match.start("body") + listing.start("lines")
            if listing["kind"] == "rows":
                page.rows |= {
                    name.strip(): [row.strip() for row in rows.split(" | ")]
                    for names, _, rows in (line.partition(" = ") for line in _joined(listing["lines"]))
                    for name in names.split(",")
                }
            else:
                page.lists.append((match.start(), list(_listed(listing["lines"], place))))
    known = [(block.start, block.end) for block in page.blocks] + unread
    page.bare = [
        match.start() for match in LINES.finditer(text) if not any(start <= match.start() < end for start, end in known)
    ]
    page.prose = _blanked(text, [*unread, *_unread(_blanked(text, unread))])
    page.prose = _blanked(page.prose, [match.span() for match in SETTINGS.finditer(page.prose)])
    return page


def _unread(text: str) -> Iterator[tuple[int, int]]:
    """Where there is what is not read: of a tag all but what stands in for a picture, and its title."""
    for match in UNREAD.finditer(text):
        start, end = match.span()
        if match[0].startswith("<"):
            for said in SAID.finditer(text, start, end):
                if said[1]:
                    yield start, said.start(1)
                    start = said.end(1)
        yield start, end


def _block(text: str, comment: re.Match[str], made: re.Match[str]) -> Block:
    """The tables right below a comment: as many as it names, each with its caption if a command prints it."""
    names = [name.strip() for name in made["names"].split(",")] if made["names"] else []
    tables, end = [], comment.end()
    for _ in names or [""]:
        below = end + len(text[end:]) - len(text[end:].lstrip("\n"))
        lines = LINES.match(text, below)
        if lines is None:
            break
        tables.append(PageTable.read(lines[0]))
        end = lines.end()
        if made["by"].startswith("bench ") and (caption := CAPTION.match(text, end)):
            end = caption.end()
    return Block(names, made["by"], comment.start(), comment.end(), end, tables)


def _listed(lines: str, place: int) -> Iterator[Listed]:
    for line in lines.splitlines(keepends=True):
        numbers, _, source = line.partition(" = ")
        for number in NUMBER.finditer(numbers):
            yield Listed(number[0], place + number.start(), source.strip())
        place += len(line)


def _joined(lines: str) -> list[str]:
    """Lines, with those that go on in the next, indented, line in one."""
    return [re.sub(r"\s+", " ", line) for line in re.split(r"\n(?=\S)", lines.strip()) if line]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))]


def _cell(row: list[str], number: int) -> str:
    return row[number] if number < len(row) else ""


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with blanks for what lies in these spans; lines stay."""
    for start, end in spans:
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
    return text
