"""`--dry-run`: what a grid is going to cost, by what stored cells took."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from statistics import median

import pandas as pd

from crossvad.datasets.wording import noun, sentence
from crossvad.datasets.words import duration, number_of
from crossvad.execution.support import Unsuitable, adaptation_units
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import SupportPolicy
from crossvad.present import captions
from crossvad.present.formats import Tables
from crossvad.present.tables import MISSING
from crossvad.store.store import Record, Store

HOUR = 3600
BYTES = 8  # of a score
NOT_COUNTED = "meta-training and the search for rates are not counted"
COLUMNS = ["cells", "in the store", "trainings", "training, h", "scoring, h"]


def tabulate(
    grid: Grid, cells: Sequence[Cell], done: Collection[Cell], store: Store, records: Iterable[Record], leave_out: bool
) -> Tables:
    """Set out what is there of a grid, and how long the rest may take: a row a method.

    Args:
        grid: whose videos have been counted.
        cells: its.
        done: those that are there.
        store: that it is going to be run in.
        records: of stored cells, which tell how long methods take.
        leave_out: whether cells whose target has no support set to give are left out; else that is an error.

    Raises:
        InputError: there is no support set, and that is not to be left out.
    """
    took = _Took(records, grid.budget.name)
    frames = {target.name: sum(map(len, target.videos("test"))) for target in grid.targets}
    units, left_out = support_units(grid, cells, leave_out)
    cells = [cell for cell in cells if (cell.target, cell.policy) in units]

    def scoring(cell: Cell) -> float:
        rate = took("fps", cell.method)
        adapting = took("adapt_seconds", cell.method) * units[cell.target, cell.policy] if cell.shots else 0.0
        return frames[cell.target] / rate + adapting

    lines, seen = dict[str, list[float]](), set[str]()
    for method in grid.methods:
        of_method = [cell for cell in cells if cell.method == method.label]
        todo = [cell for cell in of_method if cell not in done]
        fits = {cell.fit_key for cell in todo} if method.cls.needs_source else set()
        fits -= seen | {key for key in fits if store.place("fits", key).is_dir()}
        seen |= fits
        lines[method.label] = [
            len(of_method),
            len(of_method) - len(todo),
            len(fits),
            len(fits) * took("train_seconds", method.label) / HOUR if fits else 0.0,
            sum(map(scoring, todo)) / HOUR,
        ]
    rows = pd.DataFrame.from_dict(lines, orient="index", columns=COLUMNS)
    texts = rows.apply(_texts)
    total = rows.sum()
    known = rows.notna().all()
    texts.loc["all"] = _texts(total).where(known, ("≥ " + _texts(total)).where(total > 0, MISSING))
    rows.loc["all"] = total.where(known)
    rows.index.name = texts.index.name = "method"
    texts.columns = pd.Index([name.removesuffix(", h") for name in COLUMNS], dtype=object)
    unknown = [name for name in lines if rows.loc[name, COLUMNS[3:]].isna().any()]
    todo_frames = sum(frames[cell.target] for cell in cells if cell not in done)
    facts = [
        f"times: by the median of what {number_of(took.count, 'stored cell')} of budget {grid.budget.name} took, on "
        "whatever they ran on; several " + noun("jobs") + " share them out",
        *(
            [f"{MISSING}: no stored cell tells how long all of it takes ({captions.listed(unknown)})"]
            if unknown
            else []
        ),
        f"scores: about {max(1, round(BYTES * todo_frames / 1e6))} MB",
        *of_grid(left_out),
        "nothing was run",
    ]
    return Tables([(texts, sentence(facts))], title="what is to be run", numbers=rows)


def support_units(
    grid: Grid, cells: Iterable[Cell], leave_out: bool
) -> tuple[dict[tuple[str, SupportPolicy], int], list[str]]:
    """How often each target is adapted to under a support policy, and why others are left out.

    Raises:
        InputError: there is no support set, and that is not to be left out.
    """
    units, targets = dict[tuple[str, SupportPolicy], int](), {target.name: target for target in grid.targets}
    left_out = set[str]()
    for target, policy in {(cell.target, cell.policy) for cell in cells}:
        try:
            units[target, policy] = len(adaptation_units(targets[target], policy))
        except Unsuitable as unsuitable:
            if not leave_out:
                raise
            left_out.add(unsuitable.line)
    return units, sorted(left_out)


def of_grid(left_out: Iterable[str]) -> list[str]:
    """What a reader must know of a grid's size, whatever else is told of it."""
    return [NOT_COUNTED, *("left out: " + reason for reason in left_out)]


class _Took:
    """How long methods took at a budget, where any cell of theirs is stored, or else one that differs in options."""

    def __init__(self, records: Iterable[Record], budget: str) -> None:
        self.facts: dict[str, list[Mapping[str, float]]] = {}
        done = [record for record in records if record.status == "done" and record.cell.budget == budget]
        self.count = len(done)
        for record in done:
            for name in {record.cell.method, record.cell.method.partition("[")[0]}:
                self.facts.setdefault(name, []).append(record.facts)

    def __call__(self, fact: str, method: str) -> float:
        """The median of a fact; NaN where nothing is known."""
        for name in (method, method.partition("[")[0]):
            if known := [facts[fact] for facts in self.facts.get(name, []) if facts.get(fact)]:
                return median(known)
        return float("nan")


def _texts(values: pd.Series) -> pd.Series:
    """Lengths of time with their units, and numbers without decimals."""
    of_times = values.name in COLUMNS[3:]

    def text(key: Hashable, value: float) -> str:
        if pd.isna(value):
            return MISSING
        return duration(HOUR * value) if of_times or key in COLUMNS[3:] else f"{value:.0f}"

    return pd.Series({key: text(key, value) for key, value in values.items()})
