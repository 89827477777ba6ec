"""`bench table`: metrics of cells, turned so that a reader sees what they came for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import noun, option, options
from crossvad.datasets.words import number_of
from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.comparison import better_or_worse, rival
from crossvad.evaluation.statistics import LEVEL
from crossvad.evaluation.tidy import LOCATED
from crossvad.present import captions, tables
from crossvad.present.captions import table_title
from crossvad.present.formats import Tables
from crossvad.present.ranks import with_ranks
from crossvad.studies import published

PAPER_TABLES = range(1, 8)


@dataclass(frozen=True)
class TableRequest:
    """What a table is to show; None is what nobody has said.

    Raises:
        InputError: it asks for things that no one table can show.
    """

    rows: Sequence[str] | None = None  # keys that go down; method, tuning
    columns: Sequence[str] | None = None  # keys that go across; shots
    metrics: Sequence[str] | None = None  # auc
    matrix: bool = False  # source x target, a block per method
    published: bool = False  # published figures beside measured ones
    paper: int | None = None  # number of a table of APN's paper, to be set out as there, ours beside
    against: str | None = None  # mark what is better or worse than this method at K = 0
    ranks: bool = False  # add the mean rank over the columns
    long: bool = False  # a tidy row per cell, and no table

    def __post_init__(self) -> None:
        """Refuse what would have to be ignored."""
        if self.rows is not None and not self.rows:
            fix = "name one, such as " + option("rows", "method") + ", or leave it out"
            raise InputError(noun("rows"), "names no key", fix)
        for name, words in {"rows": self.rows, "columns": self.columns, "metric": self.metrics}.items():
            if twice := [word for number, word in enumerate(words or ()) if word in (words or ())[:number]]:
                raise InputError(noun(name), f"names {twice[0]} twice", "name it once")
        if self.metrics is not None and not self.metrics:
            raise InputError(noun("metric"), "names none", "name one, such as " + option("metric", "auc"))
        own_shape = {"published": self.published, "paper": self.paper is not None}
        for name in (name for name, asked in own_shape.items() if asked):
            shapes = {"rows": self.rows, "columns": self.columns, "matrix": self.matrix or None}
            shapes |= {"metric": self.metrics, "long": self.long or None}
            shapes |= {other: True for other, asked in own_shape.items() if asked and other != name}
            if given := [other for other, value in shapes.items() if value is not None]:
                problem = "has a shape of its own, so it does not go with " + options(*given, last=", ")
                raise InputError(noun(name), problem, "drop one of them")
        if self.paper is not None and self.paper not in PAPER_TABLES:
            raise InputError(option("paper", self.paper), "is no table of APN's paper", "choose from 1 to 7")
        if self.against and (self.published or self.paper or self.long):
            fix = "drop " + options("published", "paper", "long")
            raise InputError(noun("against"), "marks tables of one value a cell", fix)
        if self.against and list(self.shown_metrics) != ["auc"]:
            raise InputError(noun("against"), "marks differences of auc alone", "drop " + option("metric"))
        if self.ranks and (self.published or self.paper or self.long or len(self.shown_metrics) > 1):
            fix = "drop " + options("published", "paper", "long", last=", ") + " or the other metrics"
            raise InputError(noun("ranks"), "is of tables of one metric", fix)
        if self.matrix and not self.long and len(self.shown_metrics) > 1:
            raise InputError(noun("matrix"), "shows one metric", "drop the others from " + option("metric"))

    @property
    def shown_metrics(self) -> Sequence[str]:
        """The metrics, as they are when nobody has said which."""
        return ["auc"] if self.metrics is None else self.metrics

    @property
    def tells_budgets(self) -> bool:
        """Whether each of its numbers says of which budget it is, so that there may be several."""
        pivoted = not (self.published or self.paper or self.matrix)
        return self.long or (pivoted and "budget" in [*(self.rows or ()), *(self.columns or ())])

    @property
    def needs_locations(self) -> bool:
        """Whether it shows RBDC or TBDC, which take seconds a cell."""
        return self.long or bool({*self.shown_metrics} & {*LOCATED})


def tabulate(rows: pd.DataFrame, request: TableRequest, differences: pd.DataFrame | None = None) -> Tables:
    """Turn tidy rows into the table that is asked for.

    Args:
        rows: of the cells.
        request: what to show.
        differences: of these cells to `request.against`, by `comparison.differences`.

    Raises:
        InputError: rows of several budgets would stand in one table, or a key or metric is unknown.
    """
    if request.long:
        return Tables((), numbers=rows, rows=rows)
    if not request.tells_budgets:
        refuse_mixtures(Alike(rows, "budget"), what="this table")
    if request.published:
        figures = published.load()
        part = published.beside(rows, figures), published.caption(rows, figures)
        return Tables([part], table_title(rows, ["auc", "paper_auc", "published"]))
    metrics, marks = list(request.shown_metrics), ""
    if differences is not None and request.against:
        rows = rows.assign(sign=better_or_worse(rows, differences))
        marks = _marks_note(request.against, int(differences["p"].notna().sum()))
        marks += "".join(f"; {fact}" for fact in captions.one_fit(differences))
    if request.matrix:
        table = tables.matrix(rows, *metrics)
    else:
        down = ["method", "tuning"] if request.rows is None else list(request.rows)
        across = ["shots"] if request.columns is None else list(request.columns)
        table = tables.side_by_side(rows, down, across, metrics)
    note = captions.caption(rows, *metrics) + marks
    if request.ranks:
        table, ranks_note = with_ranks(table, *metrics)
        note += ranks_note
    return Tables([(table, note)], table_title(rows, metrics), metrics)


def _marks_note(against: str, count: int) -> str:
    """Say in a caption what the marks mean, `count` differences having been looked at."""
    if not count:
        return f"; too few videos to say what is better or worse than {rival(against)}"
    return (
        f"; {tables.BETTER} {tables.WORSE}: better or worse than {rival(against)}, "
        f"p < {1 - LEVEL:.2f} by paired bootstrap over videos and "
        f"spread over seeds, adjusted over {number_of(count, 'difference')} (Holm)"
    )
