"""Cells that have been run, and what can be asked of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from crossvad.datasets.errors import InputError
from crossvad.datasets.wording import condition, noun, sentence
from crossvad.datasets.words import number_of
from crossvad.evaluation import tidy
from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.camera_cells import counted_by_camera
from crossvad.evaluation.cameras import compare_cameras
from crossvad.evaluation.comparison import ITSELF, counted, differences
from crossvad.evaluation.selection import refuse_empty
from crossvad.execution.progress import Reporter
from crossvad.planning.arguments import checked, taken_by
from crossvad.planning.names import members
from crossvad.planning.protocol import Protocol
from crossvad.planning.python_words import in_python
from crossvad.present.formats import Tables
from crossvad.store.store import Record, Store
from crossvad.tabulation import cameras, comparison, diagnostics, gain, stored, summary
from crossvad.tabulation.left_out import noted
from crossvad.tabulation.table import TableRequest, tabulate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Where = str | Iterable[str] | Mapping[str, Any]  # method=apn,lmn; several such; {"method": ["apn", "lmn"], "shots": 10}


@dataclass(frozen=True, repr=False)
class Results:
    """Cells of a results folder, their scores read by a protocol. Nothing here trains or scores."""

    store: Store
    records: Sequence[Record]  # of the cells
    protocol: Protocol
    rivals: Sequence[Record] = ()  # of more cells that these may be compared with
    older: Sequence[Record] = ()  # that would be among these, were their copies and versions the newest
    budget_chosen: bool = False  # whether it was asked for cells of one budget or of several; if not, tables are of one
    other_budgets: str = ""  # what is said of cells of others, where these were narrowed to those of one
    left_out: Sequence[str] = ()  # what captions say of where these are from, and of stored cells not among them
    methods: Sequence[str] = ()  # labels in the order in which tables list them; empty: sorted

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        """Say what they are of, and how many are done."""
        cells = [record.cell for record in self.records]
        methods, sources, targets = (
            ", ".join(dict.fromkeys(getattr(cell, key) for cell in cells)) for key in ("method", "source", "target")
        )
        statuses = [record.status for record in self.records]
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
        what = f" ({counts}), protocol {self.protocol.name}: {methods}; {sources} → {targets}" if cells else ""
        facts = "; ".join([what, *map(in_python, self.left_out)])
        return f"<Results: {number_of(len(cells), 'cell')} in {self.store.address}{facts}>"

    def _repr_html_(self) -> str:
        """As a table of AUC where there is one, for notebooks."""
        title = f"<p>{escape(repr(self))}</p>"
        try:
            return f"{title}{self.table()._repr_html_()}"
        except InputError as error:
            return f"{title}<p>{escape(str(error))}</p>"

    @property
    def folder(self) -> Path:
        """The results folder."""
        return self.store.root.parent

    def to_frame(self) -> pd.DataFrame:
        """Return tidy rows, one per cell: its keys, metrics in percent, times; no numbers unless it is done."""
        return self._rows.copy()

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return self._in_order(tidy.table(self.store, self.records, self.protocol))

    def _in_order(self, rows: pd.DataFrame) -> pd.DataFrame:
        order = {method: number for number, method in enumerate(self.methods)}
        return rows.sort_values("method", key=lambda names: names.map(order), kind="stable") if order else rows

    @checked
    def table(
        self,
        rows: str | Sequence[str] | None = None,
        columns: str | Sequence[str] | None = None,
        metric: str | Sequence[str] | None = None,
        **shape: Any,
    ) -> Tables:
        """Turn the cells into a table, whose caption says what a reader must know.

        Args:
            rows: keys that go down; method and tuning unless said otherwise.
            columns: keys that go across; shots unless said otherwise.
            metric: auc, macro_auc, ap, eer, delay, rbdc, tbdc or paper_auc, or several.
            shape: other fields of `TableRequest`: matrix, published, paper, against, ranks.

        Raises:
            InputError: there is no cell, an unknown key or metric, or things that no one table can show.
        """
        down, across = _names(rows, "rows"), _names(columns, "columns")
        known = ["metric" if name == "metrics" else name for name in taken_by(TableRequest)]
        asked = checked(TableRequest, "Results.table", known)(down, across, _names(metric, "metric"), **shape)
        return self.show(asked)

    @checked
    def show(self, request: TableRequest) -> Tables:
        """Turn the cells into the table that is asked for.

        Raises:
            InputError: there is no cell, an unknown key or metric, or cells that do not compare.
        """
        own = self if request.tells_budgets else self.of_one_budget
        rows = own.to_frame()
        if request.paper is not None:
            from crossvad.tabulation import paper  # here, as it builds methods, and other tables go without torch

            refuse_mixtures(Alike(rows, "budget"), what="this table")
            with Reporter(quiet=request.paper != paper.COUNTING).task("Count parameters at budget paper") as update:
                made = paper.tabulate(request.paper, own.store, own.records, rows, update)
            return noted(made, own.remarks)
        own.refuse_empty(rows, "cell")
        if request.needs_locations:
            with Reporter().task("RBDC and TBDC") as update:
                rows = tidy.with_locations(own.store, own.records, rows, own.protocol, update)
        gaps = differences(own.counted, request.against, own._counted_among) if request.against else None
        return noted(tabulate(rows, request, gaps), own.left_out)

    @checked
    def compare(self, against: str = "framediff") -> Tables:
        """Set out paired differences of AUC to a method at K = 0, or to each one `itself` before it adapted.

        Raises:
            InputError: no cell has such a rival, or one counts other frames than its rival.
        """
        own = self.of_one_budget
        own.refuse_empty(own.counted, "finished cell")
        refuse_mixtures(Alike(own.counted, "budget"), what="this comparison")
        compared = comparison.tabulate(own.counted, against, own._counted_among, own.protocol.name)
        return noted(compared, own.left_out)

    @checked
    def cameras(self, against: str | Sequence[str] = "framediff", each: bool = False) -> Tables:
        """Set out each method's mean AUC over cameras, and paired differences to rivals.

        Args:
            against: methods at K = 0, and `itself`, each one before it adapted; empty: none.
            each: set out the AUC on every camera, too.

        Raises:
            InputError: no such rival, no camera that all have, or cells that do not compare.
        """
        own = self.of_one_budget
        records = {record.cell.key: record for record in [*own.rivals, *own.records]}
        among = counted_by_camera(own.store, records.values(), own.protocol)
        scored = among[among["cell"].isin([record.cell.key for record in own.records])]
        own.refuse_empty(scored, "finished cell")
        rivals = members(against, "against") if isinstance(against, str) else list(against)
        compared = compare_cameras(scored, rivals, among)
        tables = cameras.tabulate(compared, rivals, own.protocol.name, each)
        return noted(tables, [*compared.left_out, *own.left_out])

    @checked
    def gains(self) -> Tables:
        """Set out what adapting gains over the same method at K = 0, in points of AUC.

        Raises:
            InputError: no cell adapted, or none has such a start.
        """
        own = self.of_one_budget
        own.refuse_empty(own.counted[own.counted["shots"] > 0], "adapted cell")
        return noted(gain.tabulate(own.counted, own._counted_among, own.protocol.name), own.left_out)

    @checked
    def rates(self) -> Tables:
        """Set out how the rates of adaptation were chosen on the source.

        Raises:
            InputError: no rate was searched for.
        """
        own = self.of_one_budget
        searches = tidy.rates(own.records)
        own.refuse_empty(searches[searches["shots"] > 0], "adapted cell")
        return noted(gain.tabulate_rates(searches), own.remarks)

    @checked
    def diagnostics(self) -> Tables:
        """Set out what methods watched as they trained.

        Raises:
            InputError: none watched anything.
        """
        own = self.of_one_budget
        watched = tidy.diagnostics(own.store, own.records)
        own.refuse_empty(watched, "fit")
        return noted(diagnostics.tabulate(watched), own.remarks)

    @checked
    def listing(self) -> Tables:
        """Set out what is stored of these cells, older copies and versions included, and by what it can be asked for.

        Raises:
            InputError: there is no cell.
        """
        cells = [*self.records, *self.older]
        self.refuse_empty(cells, "cell")
        return stored.tabulate(self.store, cells)

    def summary(self) -> list[Tables]:
        """Set out what a run shows when it ends: AUC, also by the paper's rules, and what adapting gained.

        Raises:
            InputError: there is no cell.
        """
        rows = self.to_frame()
        self.refuse_empty(rows, "cell")
        adapted = any(record.status == "done" and record.cell.shots for record in self.records)
        # Without a common mask each K counts other frames, and no two of them make a pair.
        gains = differences(self._in_order(self.counted), ITSELF) if adapted and self.protocol.common_mask else None
        return summary.tabulate(rows, self.protocol, gains)

    @checked
    def plot(self, kind: str, **options: Any) -> Figure:
        """Draw the cells.

        Args:
            kind: shots, steps, cameras, matrix, roc, scores or speed; activations, errors or prototypes of one cell.
            options: of that kind, such as `videos` of scores.

        Raises:
            InputError: no such kind, nothing to draw, too much to tell apart, or what does not compare.
        """
        from crossvad.present.figures.drawing import draw

        own = self.of_one_budget
        figure, _ = draw(kind, own.store, own.records, own.protocol, left_out=own.remarks, for_python=True, **options)
        return figure

    @property
    def remarks(self) -> list[str]:
        """What a caption says of cells that are not among these, and of committed ones that are among one's own."""
        committed = self.store.places_of(record.cell for record in self.records).count("reference")
        if not 0 < committed < len(self):
            return [*self.left_out]
        told = f"{committed} of {len(self)} cells are committed ones of reference/ ("
        told += condition("place=runs") + " leaves them out)"
        return [told, *self.left_out]

    def refuse_empty(self, some: Sized, what: str) -> None:
        """Refuse to go on with none of the cells, or of what is made of them; says what may help.

        Raises:
            InputError: there is none.
        """
        if len(some):
            return
        fix = sentence(self.left_out) if not self.records else self.other_budgets
        if not self.store.cell_places():
            fix = "run some with bench run, or name another " + noun("results") + " folder"
        refuse_empty(some, self.store.address, what, fix)

    @cached_property
    def of_one_budget(self) -> Results:
        """Keep, where budgets are mixed and none was asked for, the cells of one; captions tell of the others.

        These are one's own cells of the budget that ran last; where none are one's own, those of the one that most
        cells have.
        """
        budgets = Counter(record.cell.budget for record in self.records)
        if self.budget_chosen or len(budgets) < 2:
            return self
        if budget := self.newest_budget:
            kept = [record for record in self._own if record.cell.budget == budget]
            told = f"your own cells of budget {budget}, which ran last"
        else:
            budget = max(budgets, key=lambda name: (budgets[name], name))
            kept = [record for record in self.records if record.cell.budget == budget]
            told = f"cells of budget {budget}, which most are of"
        others = sorted(budgets.keys() - {budget}, key=lambda name: (-budgets[name], name))
        told += f"; {number_of(len(self) - len(kept), 'more cell')} of {', '.join(others)} "
        told += "(" + condition(f"budget={others[0]}") + ")"
        return replace(self, records=kept, other_budgets=told, left_out=[told, *self.left_out])

    @property
    def newest_budget(self) -> str:
        """The budget of one's own cells that ran last, finished ones first, by name; empty where there are none."""
        own = [record for record in self._own if record.status == "done"] or self._own
        return max(own, key=lambda record: record.finished).cell.budget if own else ""

    @cached_property
    def _own(self) -> list[Record]:
        places = self.store.places_of(record.cell for record in self.records)
        return [record for record, place in zip(self.records, places, strict=True) if place == "runs"]

    @property
    def counted(self) -> pd.DataFrame:
        """The finished cells, with what of them enters comparisons: see `comparison.counted`."""
        own = {record.cell.key for record in self.records}
        return self._counted_among[self._counted_among["cell"].isin(own)]

    @cached_property
    def _counted_among(self) -> pd.DataFrame:
        """The finished cells and their rivals."""
        records = {record.cell.key: record for record in [*self.rivals, *self.records]}
        return counted(self.store, records.values(), self.protocol)


def conditions(where: Where) -> list[str]:
    """Spell conditions on the keys of cells as KEY=VALUE[,VALUE].

    >>> conditions({"method": ["apn", "lmn"], "shots": 10})
    ['method=apn,lmn', 'shots=10']
    >>> conditions("method=apn,lmn")
    ['method=apn,lmn']
    """
    if isinstance(where, str):
        return [where]
    if isinstance(where, Mapping):
        return [f"{key}={','.join(map(str, _values(value)))}" for key, value in where.items()]
    return list(where)


def _values(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)


def _names(names: str | Sequence[str] | None, where: str) -> Sequence[str] | None:
    return members(names, where) if isinstance(names, str) else names
