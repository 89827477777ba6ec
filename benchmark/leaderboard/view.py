"""What a page of the site shows: tables of texts, which a script may sort by the numbers behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crossvad.datasets.words import number_of
from crossvad.planning.cell import digest_of
from crossvad.present.labels import label
from crossvad.present.tables import MISSING


@dataclass(frozen=True)
class Text:
    """A cell of a table."""

    text: str
    value: float | str | None = None  # that it is sorted by; None: nothing, which comes last
    small: str = ""  # a second line
    page: str = ""  # that it leads to


@dataclass(frozen=True)
class Column:
    """A column, and how it is sorted at first."""

    title: str
    kind: str = "number"  # method, adaptation, auc or number: how it is set
    descending: bool = True


@dataclass(frozen=True)
class Row:
    """A row; `best` where chance alone may set it behind the best one."""

    cells: Sequence[Text]
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table with what a reader must know of it: a caption of facts, and what bold type says."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    caption: str
    verdict: str = ""


def page_of(kind: str, *names: str) -> str:
    """Name the page of a board or method: words that every file system and address can hold, and a digest."""
    words = re.sub(r"[^a-z0-9]+", "-", "-".join(names).lower()).strip("-")[:60]
    return f"{kind}-{words}-{digest_of({'names': names})}.html"


def method_text(method: str, page: str = "") -> Text:
    """A method by its name, its options below."""
    named = label(method)
    return Text(named.name, method, " ".join(named.details), page)


def adaptation_text(tuning: str, shots: int, steps: int, support: str = "") -> Text:
    """How a row adapted: finetune, K = 10, 10 steps; as it was trained, where it did not."""
    if not shots:
        return Text("not adapted" if tuning == "none" else f"{tuning}, K = 0", 0)
    stepped = f", {number_of(steps, 'step')}" if tuning != "none" else ""
    how = f"{tuning}, " if tuning != "none" else ""
    return Text(f"{how}K = {shots}{stepped}", shots + steps / 1e6, support)


def number_text(value: float, form: str = ".1f") -> Text:
    """A number, or – where there is none."""
    return Text(MISSING) if value != value else Text(f"{value:{form}}", value)
