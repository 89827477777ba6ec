"""A part of a data set's test videos, chosen by name so that partial copies can be compared: `ped1[videos=1-17]`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from crossvad.datasets.errors import InputError

ALL = "all"


class VideoList(str):
    """Names of videos and ranges of them in the published order, `1-17+20`, or a .txt file with one of these a line.

    As a text it is what a table calls it: the names, or the name of the file.
    """

    parts: tuple[str, ...]

    def __new__(cls, text: str = ALL) -> VideoList:
        """Read a list as it was typed.

        Raises:
            InputError: the file cannot be read.
        """
        if not text.endswith(".txt"):
            made = super().__new__(cls, text)
            made.parts = tuple(part.strip() for part in text.split("+") if part.strip())
            return made
        try:
            lines = Path(text).expanduser().read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(text, f"cannot be read ({error})", "write a text file, a video's name a line") from error
        made = super().__new__(cls, Path(text).name)
        made.parts = tuple(line.strip() for line in lines if line.strip())
        return made

    def chosen(self, published: Sequence[str], entry: Callable[[str], str]) -> list[str]:
        """Choose those of the published names, in their order; `entry` gives the published form of a name.

        Raises:
            InputError: a part is neither a published video nor a range of them; says what comes close.
        """
        if self == ALL:
            return list(published)
        kept: set[str] = set()
        for part in self.parts:
            kept.update(self._range(part, published, entry))
        if not kept:
            raise InputError(f"videos={self}", "names no video", f"name some of {published[0]} to {published[-1]}")
        return [name for name in published if name in kept]

    def _range(self, part: str, published: Sequence[str], entry: Callable[[str], str]) -> Sequence[str]:
        """The names that one part stands for."""
        try:
            ends = [published.index(entry(end.strip())) for end in part.split("-")]
        except (ValueError, InputError) as error:
            close = difflib.get_close_matches(part, published, 1, 0.7)
            fix = f"did you mean {close[0]}? " if close else ""
            fix += f"videos are called {published[0]} to {published[-1]}; write 1-17+20, or name a .txt file"
            problem = f"{part} is no published test video, nor a range of them"
            raise InputError(f"videos={self}", problem, fix) from error
        if len(ends) > 2 or ends[0] > ends[-1]:
            raise InputError(f"videos={self}", f"{part} is no range", "write first-last, in the published order")
        return published[ends[0] : ends[-1] + 1]


def spelled(chosen: Collection[str], published: Sequence[str]) -> str:
    """Write a part of the published names in the one way that tables call it: `01-17+20`, or `all`."""
    if len(chosen) == len(published):
        return ALL
    runs: list[list[str]] = []
    before = False
    for name in published:
        if name in chosen:
            runs = [*runs[:-1], [*runs[-1], name]] if before else [*runs, [name]]
        before = name in chosen
    return "+".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
