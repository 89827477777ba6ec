"""Tables for papers and pages: LaTeX (booktabs) and HTML, the best value of a column bold, the second underlined.

Controls are not ranked: that `random` sounds soonest makes it no detector.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import pandas as pd
from pandas.io.formats.style import Styler

from crossvad.planning.cell import digest_of
from crossvad.present.ranks import lower_is_better, printed_values, rankable
from crossvad.present.tables import RANK, flat_table
from crossvad.present.words import CONTROLS

LATEX = {"bold": "textbf:--rwrap;", "second": "underline:--rwrap;"}
HTML = {"bold": "font-weight: bold;", "second": "text-decoration: underline;"}
ESCAPES = str.maketrans({
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}", ">": r"\ensuremath{>}", "±": r"\ensuremath{\pm}", "†": r"\textdagger{}", "–": "--",
    "↑": r"\ensuremath{\uparrow}", "↓": r"\ensuremath{\downarrow}", "→": r"\ensuremath{\rightarrow}",
    "|": r"\textbar{}",
})  # fmt: skip


def latex(table: pd.DataFrame, note: str, metrics: Sequence[str]) -> str:
    """Write a pivoted table as a LaTeX `table`, its caption below; needs the package booktabs.

    Args:
        table: texts, as `tables.pivot` and `tables.side_by_side` make them.
        note: its caption.
        metrics: what its columns are of, to know which way is better; none: no value is set apart.
    """
    style = _styled(table, metrics, LATEX).format(_latex_text).format_index(_latex_text, axis=1)
    labels = table.index.nlevels
    body = style.to_latex(hrules=True, column_format="l" * labels + "r" * (len(style.columns) - labels))
    return f"\\begin{{table}}\n\\centering\n{body}\\caption{{{_latex_text(_told(note, metrics))}}}\n\\end{{table}}\n"


def _latex_text(text: object) -> str:
    hyphens_apart = re.split("(?<=-)(?=-)", str(text))  # together they are set as one dash: –where
    return "{}".join(part.translate(ESCAPES) for part in hyphens_apart)


def html(table: pd.DataFrame, note: str, metrics: Sequence[str]) -> str:
    """Write a pivoted table as an HTML `<table>`, its caption within, names escaped; arguments as of `latex`.

    Its style is by the names of its cells, which are of this table alone: a page may hold several.
    """
    style = _styled(table, metrics, HTML).format(escape="html").format_index(escape="html", axis=1)
    name = digest_of({"note": note, "cells": flat_table(table).astype(str).to_numpy().tolist()})[:8]
    style = style.set_uuid(f"bench_{name}").set_caption(escape(_told(note, metrics)))
    return style.to_html(table_attributes='class="bench"') + "\n"


def _told(note: str, metrics: Sequence[str]) -> str:
    return f"{note}; bold: best, underlined: second; {' and '.join(CONTROLS)} are not ranked" if metrics else note


def _styled(table: pd.DataFrame, metrics: Sequence[str], marks: dict[str, str]) -> Styler:
    shown = flat_table(table)
    styles = pd.DataFrame("", index=shown.index, columns=shown.columns)
    ranked = rankable(table)
    for column in range(table.index.nlevels, shown.shape[1] if metrics else 0):
        head = table.columns[column - table.index.nlevels]
        names = {*head} if isinstance(head, tuple) else {head}
        metric = next((metric for metric in (*metrics, RANK) if metric in names), metrics[0])
        texts = shown.iloc[:, column].where(ranked, "")
        styles.iloc[:, column] = _column_styles(texts, lower_is_better(metric), marks)
    return shown.style.hide(axis="index").apply(lambda _: styles, axis=None)


def _column_styles(texts: pd.Series, lower_is_better: bool, marks: dict[str, str]) -> list[str]:
    """Style each cell of a column; a column of one value has no best."""
    values = printed_values(texts)
    ranks = values.rank(method="dense", ascending=lower_is_better)
    if values.nunique() < 2:
        return [""] * len(values)
    return [marks["bold"] if rank == 1 else marks["second"] if rank == 2 else "" for rank in ranks]
