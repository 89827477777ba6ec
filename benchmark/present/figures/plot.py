"""What a plot is: which stored cells it is of, what it draws of them, and what its caption says.

A plot is a class in a file of this folder. Its docstring is what `bench plot NAME --help` says; its fields are options.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from crossvad.datasets.wording import sentence
from crossvad.evaluation.selection import refuse_empty
from crossvad.evaluation.tidy import table
from crossvad.planning.protocol import Protocol
from crossvad.planning.python_words import in_python
from crossvad.present import captions
from crossvad.present.figures.few_panels import without_lost
from crossvad.store.store import Record, Store


def flag(default: Any, spelled: str, text: str, kind: Literal["text", "numbers"] = "text", many: bool = False) -> Any:
    """Declare a field of a plot that is an option of its command: its default, flag and help, and what it takes."""
    return field(default=default, metadata={"flag": spelled, "help": text, "kind": kind, "many": many})


@dataclass(frozen=True)
class Plot(ABC):
    """A picture of stored cells, with its caption.

    Fields declared by `flag` are options of its command; so is a field `data`, the root of data sets.
    """

    name: ClassVar[str]
    suffix: ClassVar[str] = ".svg"  # of the file that its command writes unless told otherwise
    with_starts: ClassVar[bool] = False  # a condition on how a method adapts spares what it starts from, at K = 0
    of_one_cell: ClassVar[bool] = False

    left_out: Sequence[str] = ()  # what its caption says of cells that are stored, but not among those drawn
    for_python: bool = False  # whether its caption speaks of options in the words of Python, and not of commands

    @abstractmethod
    def picture(self, store: Store, records: Sequence[Record], protocol: Protocol) -> tuple[Figure, str]:
        """Draw these cells, their scores read by a protocol, and say what a reader must know of it.

        Raises:
            InputError: there is nothing to draw, too much to tell apart, or what does not compare.
        """

    def joined(self, facts: Iterable[str]) -> str:
        """Make a caption of facts, in the words of whom it is for."""
        caption = sentence(facts)
        return in_python(caption, [each.name for each in fields(self)]) if self.for_python else caption


class RowsPlot(Plot):
    """A plot of rows: from those of cells to those of what is drawn."""

    def rows(self, store: Store, records: Sequence[Record], protocol: Protocol) -> pd.DataFrame:
        """Read the cells: their tidy rows, unless a plot needs others."""
        return table(store, records, protocol)

    @abstractmethod
    def points(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Turn the cells' rows into a row for each thing that is drawn.

        Raises:
            InputError: rows that do not compare would stand in one figure.
        """

    def thinned(self, points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Leave out what would be too much to read, and say what, and what else of these points no reader sees."""
        return points, []

    @abstractmethod
    def caption(self, rows: pd.DataFrame, points: pd.DataFrame) -> str:
        """Say what a reader must know to read the figure of these points, made of these rows."""

    @abstractmethod
    def draw(self, points: pd.DataFrame, note: str) -> Figure:
        """Draw the points, and below them the caption.

        Raises:
            InputError: there are more of them than can be told apart.
        """

    def picture(self, store: Store, records: Sequence[Record], protocol: Protocol) -> tuple[Figure, str]:
        """Draw these cells, and say what a reader must know of it; see `Plot.picture`."""
        results = store.address
        rows = self.rows(store, records, protocol)
        refuse_empty(rows, results, "finished cell")
        points = self.points(rows)
        done = rows[rows["status"] == "done"] if "status" in rows else rows
        unjudged = captions.one_class(done) if "auc" in rows else []
        seen = points[points["auc"].notna()] if "auc" in points else points
        refuse_empty(seen, results, "cell with an AUC" if unjudged else "finished cell", "; ".join(unjudged))
        drawn, unseen = self.thinned(points)
        rows = without_lost(rows, points, drawn)
        methods = {record.cell.method for record in records}
        undrawn = methods - set(drawn["method"]) if "method" in drawn else set()
        note = self.joined([self.caption(rows, drawn), *unseen, *captions.undrawn(undrawn), *self.left_out])
        return self.draw(drawn, note), note


PLOTS: dict[str, type[Plot]] = {}
P = TypeVar("P", bound=type[Plot])


def register(plot: P) -> P:
    """Let a plot be asked for by its name, as `bench plot NAME` and in `drawing.draw`; a decorator."""
    PLOTS[plot.name] = plot
    return plot
