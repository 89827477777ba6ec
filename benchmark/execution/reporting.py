"""A reporter that also keeps on disk how far a run is, so that `bench status` can tell from another terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crossvad.execution.progress import Board, Reporter, Update
from crossvad.store.standing import StandingFile


class KeepingReporter(Reporter):
    """A reporter, quiet or not, and a file beside."""

    def __init__(self, file: StandingFile, quiet: bool = False) -> None:
        super().__init__(quiet=quiet)
        self.file = file

    def reached(self, done: int, of: int, left: float | None = None) -> None:
        """Keep how many cells are done, and when the others may be."""
        if not done:
            self.file.begin()
        self.file.standing.done, self.file.standing.cells = done, of
        self.file.expect(left)
        self.file.write(at_once=True)

    @contextmanager
    def task(self, title: str) -> Iterator[Update]:
        """Keep how far a piece of work is."""
        with super().task(title) as update:

            def both(done: int, of: int, note: str) -> None:
                update(done, of, note)
                self._at(title.strip(), done, of, note)

            self._at(title.strip(), 0, 0, "")
            try:
                yield both
            finally:
                self.file.standing.now.pop(title.strip(), None)

    @contextmanager
    def board(self) -> Iterator[Board]:
        """Keep how far each of several pieces of work is."""
        with super().board() as show:
            titles: dict[int, str] = {}

            def both(place: int, title: str, done: int, of: int, note: str) -> None:
                show(place, title, done, of, note)
                if titles.get(place) != title:
                    self.file.standing.now.pop(titles.pop(place, ""), None)
                if title:
                    titles[place] = f"{place + 1}: {title}"
                    self._at(titles[place], done, of, note)

            yield both

    def _at(self, title: str, done: int, of: int, note: str) -> None:
        self.file.standing.now[title] = (done, of, note)
        self.file.write()
