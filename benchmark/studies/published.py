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
PLACES = ("", *catalogue.ARCHIVES, "ubnormal", "ped2+ped1")  # the last: trained on both
WORDS: dict[str, tuple[str, ...]] = {
    "ours": ("", *catalogue.METHODS),
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
    """The published figures, those of the package unless a path is given: one row each, `COLUMNS` across.

    `auc` is a float in percent, `shots` and `steps` are whole numbers or NA, all else is text, empty where not stated.

    Raises:
        InputError: the file cannot be read or breaks its schema; says in which line.
    """
    place = path or Path(str(files("crossvad.studies") / "published.csv")).resolve()
    try:
        with place.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(row, f"{place}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(place, f"cannot be read ({error})", "restore it, or write it as CSV in UTF-8") from error
    (header, first), *rows = lines or [([], f"{place}, line 1")]
    if header != COLUMNS:
        wrong = [f"lacks {name}" for name in COLUMNS if name not in header]
        wrong += [f"has an unknown {name}" for name in header if name not in COLUMNS]
        problem = ", ".join(wrong) or "has columns twice or in another order"
        raise InputError(first, problem, f"write the header {','.join(COLUMNS)}")
    seen: dict[tuple[str, ...], str] = {}
    for row, where in rows:
        _check(row, where)
        if tuple(row) in seen:
            raise InputError(where, f"repeats {seen[tuple(row)]}", "drop one, or tell in note what sets them apart")
        seen[tuple(row)] = where.rpartition(", ")[2]
    figures = pd.DataFrame([row for row, _ in rows], columns=COLUMNS)
    for name in COUNTS:
        figures[name] = pd.array([int(text) if text else None for text in figures[name]], dtype="Int64")
    return figures.astype({"auc": float})


def beside(tidy: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Measured cells with the published figures of the same method, source, target and shots: a table of text.

    A line per measured combination and figure, the combination alone where there is none; so no figure is ever averaged
    with another. Indexed by method, tuning, source, target and shots, and by what else varies. Columns: `auc` and
    `paper_auc` as `tables.pivot` prints them, then `published`, as printed, who says so, where it was read, and notes.
    Same-data-set figures seldom state shots: they are taken for K = 0. A method with options has no figure.

    Args:
        tidy: rows of `crossvad.evaluation.tidy.table`.
        figures: what `load` gives.
    """
    cells = tables.side_by_side(tidy, ["method", "tuning", "source", "target", "shots"], [], ["auc", "paper_auc"])
    found = _matchable(figures)
    shown = found[KEYS].assign(
        published=found["auc"].map(str),
        kind=found["kind"],
        read_in=found["read_in"],
        note=["; ".join(filter(None, pair)) for pair in zip(found["variant"], found["note"], strict=True)],
    )
    lines = cells.reset_index().merge(shown, how="left", on=KEYS)
    return lines.set_index(cells.index.names).fillna(tables.MISSING)


def caption(tidy: pd.DataFrame, figures: pd.DataFrame) -> str:
    """What a reader of `beside` must know: that the sides are no contest, how many figures matched, and the rest."""
    measured = pd.MultiIndex.from_frame(tidy[KEYS])
    matched = pd.MultiIndex.from_frame(_matchable(figures)[KEYS]).isin(measured).sum()
    return (
        "published: at full size and by each paper's own protocol (as a rule every video stretched between its own "
        "minimum and maximum; where it adapts, on the head of the test videos), a line per figure, none averaged; "
        f"measured: at budget {', '.join(tidy['budget'].unique())}; the two are no contest; "
        f"{matched} of {len(figures)} published figures match (method, source, target and K, whatever the tuning; "
        f"K = 0 where source = target and none is stated); {captions.caption(tidy, 'auc', 'paper_auc')}"
    )


def _check(row: list[str], where: str) -> None:
    """Hold one line to the schema."""
    if len(row) != len(COLUMNS):
        raise InputError(where, f"has {len(row)} cells, not {len(COLUMNS)}", "quote cells that hold a comma")
    cells = dict(zip(COLUMNS, row, strict=True))
    for name, known in WORDS.items():
        if cells[name] not in known:
            words = ", ".join(word or "(empty)" for word in known)
            raise InputError(where, f"{cells[name]!r} is no {name}", f"choose from {words}")
    for name in REQUIRED:
        if not cells[name]:
            raise InputError(where, f"{name} is empty", "fill it in")
    for name in COUNTS:
        if not re.fullmatch(r"[0-9]*", cells[name]):
            fix = "write a whole number, or nothing where it is not stated"
            raise InputError(where, f"{cells[name]!r} is no number of {name}", fix)
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", cells["auc"]) or float(cells["auc"]) > 100:
        raise InputError(where, f"{cells['auc']!r} is no AUC in percent", "write a number from 0 to 100")


def _matchable(figures: pd.DataFrame) -> pd.DataFrame:
    """The figures that a measured cell can match, by our names, the authors' first; shots are stated or 0."""
    unstated = figures["shots"].isna() & (figures["source"] == figures["target"])
    named = figures.assign(method=figures["ours"], shots=figures["shots"].mask(unstated, 0))
    found = named[named["method"] != ""].dropna(subset="shots").astype({"shots": "int64"})
    return found.sort_values("kind", key=lambda kinds: kinds.map(KINDS.index), kind="stable")
