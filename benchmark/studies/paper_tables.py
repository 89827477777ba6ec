"""The tables of APN's paper (Hu et al., arXiv 2108.11055): what it prints where, and which cells of ours stand beside.

Its figures are those of `results/published.csv`, `ablations.csv` and `complexity.csv`, as they are printed. One that is
not in hand is missing, and none is made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd

from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.method_info import describe
from crossvad.planning.protocol import FAIR
from crossvad.present.tables import MISSING
from crossvad.store import profiles
from crossvad.store.store import Record, Store
from crossvad.studies import published
from crossvad.studies.ablation import ABLATIONS, measured

AUC, FPS, PARAMETERS = "AUC", "FPS", "parameters, millions"  # a figure of a cell; others are scores of an ablation
TARGETS = ("ped1", "ped2", "avenue", "shanghaitech")  # in the order of Table 1
BOTH = "ped1+ped2"  # what Table 2 trains on
PAPER = "apn[paper]"
SCALES = "apn[paper,scales=1,0.5,0.25]"  # its multi-scale testing, as we do it
# Rows of Table 1 that `published.csv` gives no method of ours.
WITHOUT_UNIT = {"APN w/o APU": "apn[paper,prototypes=0]"}
UNSTEADY = "for one model the paper has FR on ped2 as 95.6 (Table 4), 94.69 (Table 7) and 90.2 (Table 6)"
REMARKS: dict[int, tuple[str, ...]] = {  # what a reader must know of printed figures
    1: ("row APN w/o APU is MPN's own row without its unit, digit for digit",),
    2: (
        "training on Ped2 and Ped1 together is no test on an unseen data set",
        "backbones are as printed, and not those of ConvAE, AMC and MPN",
        f"how the paper tests at several scales it does not say: ours is {SCALES}",
    ),
    3: (
        "published FPS: on an RTX 3090; the paper's text has 166.8 for APN, on an RTX 2080 Ti",
        "published parameters are in units of 2^20, but for APN's, of which its published code has 3.36 million",
    ),
    4: (UNSTEADY,),
    6: (UNSTEADY, "its text promises four positions"),
    7: (UNSTEADY,),
}


@dataclass(frozen=True)
class Wanted:
    """A figure of ours: of a method without adaptation."""

    method: str  # its label
    source: str
    target: str
    figure: str  # `AUC`, `FPS`, `PARAMETERS`; of an ablation FP, FR, FP & FR: the AUC of these cues
    ablation: str = ""  # its name, if it is one's


@dataclass(frozen=True)
class Place:
    """A place of a table, by its row and column: what the paper prints there, and what of ours stands beside."""

    row: tuple[str, ...]
    column: str
    printed: str
    ours: Wanted | None


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper."""

    number: int
    title: str
    index: tuple[str, ...]  # what its rows are named by
    places: tuple[Place, ...]
    remarks: tuple[str, ...] = ()  # what a reader must know of the printed figures


def paper_table(number: int) -> PaperTable:
    """Set out one of the paper's tables, 1 to 7."""
    if number == 1:
        return PaperTable(1, "methods on every data set", ("method",), tuple(_comparison()), REMARKS[1])
    if number == 2:
        index = ("method", "backbone", "multi-scale")
        return PaperTable(2, "trained on Ped1 and Ped2", index, tuple(_joint()), REMARKS[2])
    if number == 3:
        return PaperTable(3, "size and speed", ("method",), tuple(_complexity()), REMARKS[3])
    lines = pd.read_csv(str(files("crossvad.studies") / "ablations.csv"), dtype=str)
    lines = lines[lines["table"] == str(number)]
    across_scores = lines["target"].nunique() == 1
    return PaperTable(
        number,
        {4: "parts of APN", 6: "where the APU stands", 7: "number of prototypes"}.get(number, "not in hand"),
        ("variant",) if across_scores else ("variant", "score"),
        tuple(_ablation(lines, across_scores)),
        REMARKS.get(number, ()),
    )


def _comparison() -> Iterator[Place]:
    figures = published.load()
    figures = figures[figures["read_in"].str.contains("APN paper, Table 1")]
    printed = {(line.method, line.target): str(line.auc) for line in figures.itertuples()}
    ours = dict(zip(figures["method"], figures["ours"], strict=True)) | WITHOUT_UNIT
    for method in dict.fromkeys(figures["method"]):
        for target in TARGETS:
            wanted = Wanted(ours[method], target, target, AUC) if ours[method] else None
            yield Place((method,), target, printed.get((method, target), MISSING), wanted)


def _joint() -> Iterator[Place]:
    figures = published.load()
    for line in figures[figures["read_in"] == "APN paper, Table 2"].itertuples():
        said = re.fullmatch(r"backbone (.+), multi-scale (Yes|No)", str(line.variant))
        assert said, "the file's own lines say so"
        method = {(PAPER, "No"): PAPER, (PAPER, "Yes"): SCALES}.get((str(line.ours), said[2]))
        wanted = Wanted(method, BOTH, str(line.target), AUC) if method else None
        yield Place((str(line.method), *said.groups()), f"{line.target}, {AUC}", str(line.auc), wanted)


def _complexity() -> Iterator[Place]:
    for line in pd.read_csv(str(files("crossvad.studies") / "complexity.csv"), dtype=str).fillna("").itertuples():
        for figure, printed in ((PARAMETERS, line.parameters), (FPS, line.fps)):
            wanted = Wanted(str(line.ours), "", "", figure) if line.ours else None
            yield Place((str(line.method),), figure, str(printed), wanted)


def _ablation(lines: pd.DataFrame, across_scores: bool) -> Iterator[Place]:
    for line in lines.itertuples():
        variant, score, target = str(line.variant), str(line.score), str(line.target)
        method = registry.get_method(ABLATIONS[str(line.ablation)].variants[variant]).label
        row, column = ((variant,), f"{target}, {score}") if across_scores else ((variant, score), target)
        yield Place(row, column, str(line.auc), Wanted(method, target, target, score, str(line.ablation)))


# ---- ours ------------------------------------------------------------------------------------------------------------


class Ours:
    """Figures of stored cells of one budget, of methods as they are trained, unadapted; and of profiles."""

    def __init__(self, store: Store, records: Iterable[Record], rows: pd.DataFrame) -> None:
        """Take cells of one budget, and their tidy rows."""
        bare = [r for r in records if r.status == "done" and not r.cell.shots and r.cell.tuning == catalogue.NO_TUNING]
        self.store, self.records = store, bare
        self.budget = bare[0].cell.budget if bare else ""
        unadapted = (rows["status"] == "done") & (rows["shots"] == 0) & (rows["tuning"] == catalogue.NO_TUNING)
        self.rows = rows[unadapted]
        self._measured: dict[tuple[str, str], pd.DataFrame] = {}
        self.speeds = profiles.comparable(profiles.stored(store))

    def rows_of(self, wanted: Wanted) -> pd.DataFrame:
        """Select the tidy rows of the cells that a figure is of: one a seed; a speed is of none."""
        rows = self.rows[self.rows["method"] == wanted.method]
        return rows[(rows["source"] == wanted.source) & (rows["target"] == wanted.target)]

    def figures(self, wanted: Wanted) -> pd.Series:
        """Read a figure, one a cell, none where there is no such cell; AUC is by the rules of protocol paper, in %."""
        if wanted.figure == PARAMETERS:
            return pd.Series([describe(registry.get_method(wanted.method), BUDGETS["paper"]).parameters / 1e6])
        if wanted.figure == FPS:
            return pd.Series([each.throughput for each in self.speeds if each.method == wanted.method], dtype=float)
        if not wanted.ablation:
            return self.rows_of(wanted)["paper_auc"]
        scores = self._scores(wanted.ablation, wanted.target)
        return scores[(scores["method"] == wanted.method) & (scores["score"] == wanted.figure)]["paper AUC"]

    def _scores(self, ablation: str, target: str) -> pd.DataFrame:
        """Evaluate the cues of an ablation's variants one by one, trained on the target's own training video."""
        if (ablation, target) not in self._measured:
            records = [record for record in self.records if record.cell.source == record.cell.target == target]
            labels = {name: registry.get_method(text).label for name, text in ABLATIONS[ablation].variants.items()}
            scores = measured(ablation, self.store, records, FAIR)
            self._measured[ablation, target] = scores.assign(method=scores["variant"].map(labels))
        return self._measured[ablation, target]
