"""Published figures: what papers, and those who tried to reproduce them, report, for standing beside measured ones.

They are rows of `results/published.csv`, one figure each, as printed: what the method is called there, which of our
methods it can stand beside (`ours`; none for variants, whose figures `bench ablate` shows), who says so (`kind`: the
authors, another's text that quotes it, or someone who reproduced it), what was trained on, tested on and adapted with,
the frame-level AUC in percent, and where it was read. Empty: not stated. The protocol columns (`auc_over` to
`selection`) hold what the method's own paper or code does, where that is known; a text that quotes a figure may have
come by it in another way.
"""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.planning import catalogue
from crossvad.present import captions, tables

NOT_STATED = "not stated"
KINDS = ("paper", "quoted", "reproduction")  # in the order in which they are shown
PLACES = ("", *catalogue.ARCHIVES, "ubnormal", "ped1+ped2")  # the last: trained on both
WORDS: dict[str, tuple[str, ...]] = {
    "ours": ("", *catalogue.METHODS, "apn[paper]", "mppca[sf]", "framepred[paper]"),
    "kind": KINDS,
    "setting": (
        "same-dataset", "cross-dataset", "few-shot", "zero-shot", "mixed-training", "ablation", NOT_STATED
    ),
    "source": PLACES,
    "target": PLACES,
    "auc_over": ("micro", "macro", NOT_STATED),
    # per-video: each video by itself, otherwise than by minimum and maximum, or how is not stated
    "normalisation": ("video-minmax", "per-video", "dataset-minmax", "none", NOT_STATED),
    "smoothing": ("gaussian", "none", NOT_STATED),
    "support": ("none", "test-head", "prompt", NOT_STATED),
    "selection": ("last", "test-set", NOT_STATED),  # of the checkpoint
    "verified": ("in-hand", "secondary", "user-report"),
}  # fmt: skip
REQUIRED = ("method", "paper", "read_in")
COUNTS = ("shots", "steps")
COLUMNS = [
    "method", "ours", "paper", "kind", "setting", "source", "target", "shots", "steps", "variant", "auc", "auc_over",
    "normalisation", "smoothing", "support", "selection", "read_in", "verified", "note",
]  # fmt: skip
KEYS = ["method", "source", "target", "shots"]  # what a figure and a measured cell must share


def load(path: Path | None = None) -> pd.DataFrame:
    """Load the published figures, those of the package unless a path is given: one row each, `COLUMNS` across.

    `auc` is a float in percent, `shots` and `steps` are whole numbers or NA, all else is text, empty where not stated.

    Raises:
        InputError: the file cannot be read or breaks its schema; says in which line.
    """
    file = path or Path(str(files("crossvad.studies") / "published.csv")).resolve()
    (header, first), *rows = _lines(file) or [([], f"{file}, line 1")]
    if header != COLUMNS:
        wrong = [f"lacks {name}" for name in COLUMNS if name not in header]
        wrong += [f"has an unknown {name}" for name in header if name not in COLUMNS]
        problem = ", ".join(wrong) or "has columns twice or in another order"
        raise InputError(first, problem, f"write the header {','.join(COLUMNS)}")
    lines: dict[tuple[str, ...], str] = {}  # the line of each row, to name the one that another repeats
    for row, line in rows:
        _check(row, line)
        if tuple(row) in lines:
            raise InputError(line, f"repeats {lines[tuple(row)]}", "drop one, or tell in note what sets them apart")
        lines[tuple(row)] = line.rpartition(", ")[2]
    figures = pd.DataFrame([row for row, _ in rows], columns=COLUMNS)
    for name in COUNTS:
        figures[name] = pd.array([int(text) if text else None for text in figures[name]], dtype="Int64")
    return figures.astype({"auc": float})


def beside(tidy: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Join measured cells with the published figures of the same method, source, target and shots: a table of text.

    A line per measured combination and figure, the combination alone where there is none; so no figure is ever averaged
    with another. Indexed by method, tuning, source, target and shots, and by what else varies. Columns: `auc` and
    `paper_auc` as `tables.pivot` prints them, then `published`, as printed, who says so, where it was read, and notes.
    Same-data-set figures seldom state shots: they are taken for K = 0. A method with options has no figure.

    Args:
        tidy: rows of `crossvad.evaluation.tidy.table`.
        figures: what `load` gives.
    """
    cells = tables.side_by_side(tidy, ["method", "tuning", "source", "target", "shots"], [], ["auc", "paper_auc"])
    matchable = _matchable(figures)
    shown = matchable[KEYS].assign(
        published=matchable["auc"].map(str),
        kind=matchable["kind"],
        read_in=matchable["read_in"],
        note=["; ".join(filter(None, pair)) for pair in zip(matchable["variant"], matchable["note"], strict=True)],
    )
    lines = cells.reset_index().merge(shown, how="left", on=KEYS)
    return lines.set_index(cells.index.names).fillna(tables.MISSING)


def caption(tidy: pd.DataFrame, figures: pd.DataFrame) -> str:
    """Tell a reader of `beside` that the sides are no contest, how many figures matched, how cells were measured."""
    measured = pd.MultiIndex.from_frame(tidy[KEYS])
    matched = pd.MultiIndex.from_frame(_matchable(figures)[KEYS]).isin(measured).sum()
    return (
        "published: at full size and by each paper's own protocol (as a rule every video stretched between its own "
        "minimum and maximum; where it adapts, on the head of the test videos), a line per figure, none averaged; "
        f"measured: at budget {', '.join(tidy['budget'].unique())}; the two are no contest; "
        f"{matched} of {len(figures)} published figures match (method, source, target and K, whatever the tuning; "
        f"K = 0 where source = target and none is stated); {captions.caption(tidy, 'auc', 'paper_auc')}"
    )


def _lines(file: Path) -> list[tuple[list[str], str]]:
    """Read the cells of each line, and where the line is."""
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            return [(row, f"{file}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(file, f"cannot be read ({error})", "restore it, or write it as CSV in UTF-8") from error


def _check(row: list[str], line: str) -> None:
    """Hold one line to the schema."""
    if len(row) != len(COLUMNS):
        raise InputError(line, f"has {len(row)} cells, not {len(COLUMNS)}", "quote cells that hold a comma")
    cells = dict(zip(COLUMNS, row, strict=True))
    for name, allowed in WORDS.items():
        if cells[name] not in allowed:
            words = ", ".join(word or "(empty)" for word in allowed)
            raise InputError(line, f"{cells[name]!r} is no {name}", f"choose from {words}")
    for name in REQUIRED:
        if not cells[name]:
            raise InputError(line, f"{name} is empty", "fill it in")
    for name in COUNTS:
        if not re.fullmatch(r"[0-9]*", cells[name]):
            fix = "write a whole number, or nothing where it is not stated"
            raise InputError(line, f"{cells[name]!r} is no number of {name}", fix)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", cells["auc"]) or float(cells["auc"]) > 100:
        raise InputError(line, f"{cells['auc']!r} is no AUC in percent", "write a number from 0 to 100")


def _matchable(figures: pd.DataFrame) -> pd.DataFrame:
    """Select the figures that a measured cell can match, by our names, the authors' first; shots are stated or 0."""
    unstated = figures["shots"].isna() & (figures["source"] == figures["target"])
    named = figures.assign(method=figures["ours"], shots=figures["shots"].mask(unstated, 0))
    matchable = named[named["method"] != ""].dropna(subset="shots").astype({"shots": "int64"})
    return matchable.sort_values("kind", key=lambda kinds: kinds.map(KINDS.index), kind="stable")
