"""Progress on long work: bars in a terminal, now and then a plain line elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from crossvad.datasets.errors import plain

PLAIN_EVERY = 20.0  # seconds between plain lines of one task

Update = Callable[[int, int, str], None]  # (done, of, note)
Board = Callable[[int, str, int, int, str], None]  # (place, title, done, of, note); without a title it is empty


class Reporter:
    """Tells the user what goes on. One task at a time, with a note such as the loss."""

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True, emoji=False)
        self.quiet = quiet

    def say(self, text: str) -> None:
        """One line."""
        if not self.quiet:
            self.console.print(plain(text, lines=True), highlight=False, markup=False, soft_wrap=True)

    def reached(self, done: int, of: int, left: float | None = None) -> None:
        """How many cells of a run are done, and how many seconds the others may take; None: nothing tells."""

    @contextmanager
    def task(self, title: str) -> Iterator[Update]:
        """A piece of work that may take seconds or hours; call what it yields as often as you like."""
        if self.quiet:
            yield lambda done, of, note: None
        elif self.console.is_terminal:
            with self._bars() as bars:
                bar = bars.add_task(plain(title), total=None, note="")
                yield lambda done, of, note: bars.update(bar, completed=done, total=of, note=plain(note))
        else:
            yield self._plain(title)

    @contextmanager
    def board(self) -> Iterator[Board]:
        """Several pieces of work at a time, each at a place of its own, by a number; bars in a terminal alone."""
        if self.quiet or not self.console.is_terminal:
            yield lambda place, title, done, of, note: None
            return
        with self._bars() as bars:
            tasks: dict[int, TaskID] = {}

            def show(place: int, title: str, done: int, of: int, note: str) -> None:
                title = plain(title)
                if place not in tasks:
                    tasks[place] = bars.add_task("", total=None, note="")
                described = bars.tasks[bars.task_ids.index(tasks[place])].description
                if title != described:
                    bars.reset(tasks[place], visible=bool(title))
                bars.update(tasks[place], description=title, completed=done, total=of or None, note=plain(note))

            yield show

    def _bars(self) -> Progress:
        columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        texts = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[note]}", markup=False)
        return Progress(texts[0], *columns, texts[1], console=self.console)

    def _plain(self, title: str) -> Update:
        last = time.monotonic()
        first: tuple[float, int] | None = None  # when, and what was done: work that is resumed does not begin at 0
        self.say(title)

        def update(done: int, of: int, note: str) -> None:
            nonlocal last, first
            now = time.monotonic()
            began, before = first = first or (now, done)
            if now - last >= PLAIN_EVERY and before < done < of:
                last = now
                left = (now - began) * (of - done) / (done - before)
                self.say(f"  {done}/{of}  {left:.0f} s left  {note}".rstrip())

        return update
