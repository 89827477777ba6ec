"""`labels.csv`: the abnormal frames of footage of one's own, a line per range, and how its frames are counted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from crossvad.datasets.errors import InputError
from crossvad.datasets.readers.file_identity import small_text
from crossvad.datasets.words import number_of

HEADER = ["video", "start", "end"]
SEPARATORS = {";": "semicolons", "\t": "tabs"}  # that spreadsheets of some countries write
DIGITS = 18  # of a number of frames, at most
WRITTEN = "the header video,start,end, then a line per abnormal range of frames, such as monday,120,180"
COUNTINGS = ("first=0", "first=1", "exclusive", "inclusive")  # what may follow in the header


Span = tuple[int, int] | None  # start and end, counted from 0; None: the whole video is normal


class LabelRow(NamedTuple):
    """One abnormal range: frames `start` to `end` - 1, counted from 0."""

    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Counting:
    """How the numbers of a table are meant."""

    first: int = 0  # number of a video's first frame
    inclusive: bool = False  # `end` is the last abnormal frame, and not the first normal one after it

    def range(self, start: int, end: int) -> tuple[int, int]:
        """The first frame, counted from 0, and the one after the last, of a range that is written so."""
        return start - self.first, end - self.first + self.inclusive

    def written(self, end: int) -> int:
        """How the end of a range is written whose next frame, counted from 0, is `end`."""
        return end + self.first - self.inclusive

    def __str__(self) -> str:
        """In words."""
        end = "the last abnormal frame" if self.inclusive else "the first normal frame after it"
        return f"frames are counted from {self.first}, and the end of a range is {end}"


@dataclass(frozen=True)
class LabelTable:
    """A file of the lines

        video,start,end
        monday,120,180
        tuesday,,

    Frames are counted from 0, and `end` is the first normal one after the range, so that Monday is abnormal from frame
    120 to 179. The header `video,start,end,first=1,inclusive` says otherwise: there, 121,180 are the same frames. A
    video may have many lines, and one without a range says that it is normal. Where ranges overlap, a frame is abnormal
    that is in any of them; a line that is there twice, or that contradicts another, is refused.
    """

    path: Path

    def rows(self) -> Iterator[tuple[int, str, LabelRow | None]]:
        """Read each line's number, its video, and its range if it has one.

        Raises:
            InputError: the file is missing or cannot be read, or a line is malformed; names the line.
        """
        for read in self.read():
            if isinstance(read, InputError):
                raise read
            yield read

    def read(self) -> Iterator[tuple[int, str, LabelRow | None] | InputError]:
        """Read each line likewise, or say what is wrong with it.

        Raises:
            InputError: the file is missing or cannot be read, or its header is malformed.
        """
        counting = self.counting
        said: dict[str, dict[Span, int]] = {}
        for line, fields in self._lines[1:]:
            try:
                _, video, row = read = self._row(line, fields, counting)
                self._refuse_repeated(line, video, (row.start, row.end) if row else None, said.setdefault(video, {}))
                yield read
            except InputError as error:
                yield error

    def _refuse_repeated(self, line: int, video: str, span: Span, said: dict[Span, int]) -> None:
        """Refuse what another line of a video says already, or contradicts; `said`: its lines so far, by range."""
        fix = "remove it, or correct it if another video or range is meant"
        if span in said:
            raise InputError(self.at(line), f"says the same as line {said[span]}", fix)
        if said and (span is None or None in said):
            other = next(iter(said.values()))
            problem = f"contradicts line {other}: one says that {video} is normal throughout, and one that it is not"
            raise InputError(self.at(line), problem, "remove one of them")
        said[span] = line

    def _row(self, line: int, fields: list[str], counting: Counting) -> tuple[int, str, LabelRow | None]:
        if len(fields) < len(HEADER) or any(fields[len(HEADER) :]):
            raise self._other_separator(line, fields) or InputError(
                self.at(line), f"has {number_of(len(fields), 'field')}", f"write {','.join(HEADER)}"
            )
        video, start, end = fields[: len(HEADER)]
        return line, video, self._range(line, start, end, counting) if start or end else None

    def _other_separator(self, line: int, fields: list[str]) -> InputError | None:
        """What is wrong with a line of other separators than commas; None with any other."""
        for sign, name in SEPARATORS.items():
            if len(fields) == 1 and fields[0].count(sign) >= len(HEADER) - 1:
                return InputError(self.at(line), f"has {name} between its fields", f"write commas: {','.join(HEADER)}")
        return None

    def at(self, line: int) -> str:
        """Where a line is, for errors."""
        return f"{self.path}, line {line}"

    @cached_property
    def counting(self) -> Counting:
        """How its header says that frames are counted."""
        line, fields = self._lines[0]
        words = [word.replace(" ", "").lower() for word in fields[len(HEADER) :] if word]
        for word in words:
            if word not in COUNTINGS:
                raise InputError(self.at(line), f"has {word!r} in its header", f"choose from {', '.join(COUNTINGS)}")
        if {"first=0", "first=1"} <= {*words} or {"exclusive", "inclusive"} <= {*words}:
            raise InputError(self.at(line), f"says both {' and '.join(words)}", "leave one out")
        return Counting(int("first=1" in words), "inclusive" in words)

    @cached_property
    def _lines(self) -> list[tuple[int, list[str]]]:
        """The header and the lines below it, numbered and split; empty ones left out."""
        try:
            reader = csv.reader(io.StringIO(small_text(self.path).removeprefix("\ufeff"), newline=""))
            lines = [(reader.line_num, [field.strip() for field in fields]) for fields in reader]
        except FileNotFoundError as error:
            raise InputError(self.path, "is missing, so there are no labels", f"write one: {WRITTEN}") from error
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(self.path, f"cannot be read ({error})", "save it as CSV in UTF-8") from error
        lines = [(line, fields) for line, fields in lines if any(fields)]
        if not lines:
            raise InputError(self.path, "is empty", f"write {WRITTEN}")
        if lines[0][1][: len(HEADER)] != HEADER:
            wrong = self._other_separator(*lines[0])
            raise wrong or InputError(self.path, "has another header", f"begin it with {','.join(HEADER)}")
        return lines

    def _range(self, line: int, start: str, end: str, counting: Counting) -> LabelRow:
        """Parse one abnormal range."""
        first, inclusive = counting.first, counting.inclusive
        whole = all(text.isdecimal() and len(text) <= DIGITS for text in (start, end))
        if not whole or not first <= int(start) < int(end) + inclusive:
            order = "start not above end" if inclusive else "start below end"
            fix = f"write start and end as whole numbers of frames, {first} or more, {order}"
            raise InputError(self.at(line), f"{start!r} to {end!r} is no range of frames", fix)
        return LabelRow(line, *counting.range(int(start), int(end)))
