"""Mean AUC over cameras against the number of shots: a panel per source"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from crossvad.datasets.words import number_of
from crossvad.evaluation.alike import Alike, refuse_mixtures
from crossvad.evaluation.camera_cells import beside, counted_by_camera, usable
from crossvad.evaluation.cameras import CameraComparison, compare_cameras, of_one_kind
from crossvad.evaluation.columns import KEYS
from crossvad.evaluation.selection import refuse_empty
from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.protocol import Protocol
from crossvad.present import camera_captions, captions
from crossvad.present.figures.curve_points import SHOTS, detectors
from crossvad.present.figures.curves import Curves, drawn_facts
from crossvad.present.figures.plot import register
from crossvad.store.store import Record, Store


@register
class Cameras(Curves):
    """Mean AUC over cameras against the number of shots K: a panel per source, a curve per method and tuning.

    Bars are 95 % intervals over cameras, their videos and seeds. Grey lines need neither training nor shots. Only
    cameras that all curves have at every K are counted, as in `bench cameras`.

    \b
    bench plot cameras --where source=synthetic-street --out cameras.svg
    bench plot cameras --where budget=quick --where steps=10 --where method=apn,lmn,framediff
    """

    name = "cameras"
    along = SHOTS
    panels = ("source",)

    def picture(self, store: Store, records: Sequence[Record], protocol: Protocol) -> tuple[Figure, str]:
        """Draw these cells, and say what a reader must know of it; see `Plot.picture`."""
        cells = detectors(counted_by_camera(store, records, protocol))
        refuse_empty(cells, store.address, "finished cell")
        taught = cells[(cells["shots"] > 0) & (cells["tuning"] != NO_TUNING)]
        refuse_mixtures(*of_one_kind(cells), Alike(taught, "steps"))  # all of it at once
        compared = compare_cameras(cells)
        points, unseen = self.thinned(self.points(as_tidy(compared)))
        unseen += captions.undrawn(record.cell.method for record in records)
        drawn = _of_sources(compared, points)
        note = self.joined([*_facts(drawn, points, protocol), *_uncounted(cells, drawn), *unseen, *self.left_out])
        return self.draw(points, note), note


def as_tidy(compared: CameraComparison) -> pd.DataFrame:
    """Turn each mean over cameras into a row like that of a cell of one seed, whose interval is that of the mean.

    Its target says what it is the mean of: "mean of 15 cameras" or, of a single one, "ped2 alone".
    """
    entries = compared.entries
    what = [
        f"mean of {number_of(count, 'camera')}" if count > 1 else f"{camera} alone"
        for count, camera in zip(entries["cameras"], entries["worst_camera"], strict=True)
    ]
    rows = entries.assign(target=what, protocol="", support="", seed=0, auc_low=entries["low"])
    return rows.assign(auc_high=entries["high"])[[*KEYS, "auc", "auc_low", "auc_high", "reverted"]]


def _facts(compared: CameraComparison, points: pd.DataFrame, protocol: Protocol) -> list[str]:
    """Say what a reader must know to read the curves."""
    entries, cells = compared.entries, compared.cells
    return [
        f"AUC of each camera in %, mean over {camera_captions.cameras(compared, together=True)}",
        captions.protocols(cells, protocol.name),
        captions.values(cells, "budget"),
        *captions.supports(cells[cells["shots"] > 0]),
        *camera_captions.steps(entries),
        *captions.partial(cells),
        captions.seed_counts(entries["seeds"]),
        *camera_captions.intervals(compared, "bars"),
        *captions.transductive(entries),
        *drawn_facts(points, SHOTS),
    ]


def _of_sources(compared: CameraComparison, points: pd.DataFrame) -> CameraComparison:
    """The comparison of those sources alone of which there are points."""
    entries, cells = (rows[rows["source"].isin(points["source"])] for rows in (compared.entries, compared.cells))
    return replace(compared, entries=entries, cells=cells)


def _uncounted(cells: pd.DataFrame, compared: CameraComparison) -> list[str]:
    """Say how many cameras are not counted; which they are, and what lacks them, is for the table to say."""
    counting, facts = usable(cells)
    lost: dict[str, str] = {}
    for source, counted in compared.cells.groupby("source"):
        asked = beside(counting, str(source))["camera"].nunique()
        if left := asked - counted["camera"].nunique():
            lost[str(source)] = f"{left} of {number_of(asked, 'camera')}"
    if not lost:
        return facts
    every = compared.cells["source"].nunique() == 1
    told = next(iter(lost.values())) if every else camera_captions.by_source(lost)
    return [*facts, f"left out: {told}, which not all curves have: `bench cameras` names them, and what lacks them"]
