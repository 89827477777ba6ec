"""The audit of the field's protocol: what labels give away, and untrained detectors beside published figures.

The second part needs video; it is read by the protocol that most published figures of these sets follow, with and
without its per-video min-max: the first 14 frames of a test video left out (K = 10), no smoothing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from crossvad.datasets.base import Dataset
from crossvad.datasets.errors import InputError
from crossvad.datasets.published import manifest
from crossvad.evaluation.cell_evaluation import counted_frames, counted_frames_of_cells
from crossvad.evaluation.label_audit import SHOTS, Findings, findings
from crossvad.evaluation.metrics import micro_auc
from crossvad.evaluation.postprocessing import READINGS
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.evaluation.selection import KEYS, current, transductive
from crossvad.execution.progress import Reporter
from crossvad.execution.runner import Runner
from crossvad.planning import registry
from crossvad.planning.archives import published_videos
from crossvad.planning.budgets import BUDGETS
from crossvad.planning.protocol import PAPER, Protocol
from crossvad.planning.request import unadapted, unadapted_cell
from crossvad.store.store import Record, Store

AUDITED = {  # test sets, and the family of labels
    "ped1": ("ped1", "frames"),
    "ped2": ("ped2", "frames"),
    "avenue": ("avenue", "frames"),
    "avenue, masks": ("avenue", "masks"),
    "shanghaitech": ("shanghaitech", "frames"),
}
UNTRAINED = {  # what is predicted, and how the error map becomes a number -> method
    "no change, mean": "framediff",
    "no change, 99th percentile": "framediff[pool=p99]",
    "extrapolation, mean": "extrapolate",
    "extrapolation, 99th percentile": "extrapolate[pool=p99]",
    "extrapolation, worst patch": "extrapolate[pool=patch]",
}
BUDGET = BUDGETS["standard"]  # 128 px, gray; nothing is trained
RAW = replace(PAPER, name="audit", normalise="none", smooth="none")
STRETCHED = replace(RAW, normalise="video")


def label_findings(reporter: Reporter, trials: int = 200) -> dict[str, Findings]:
    """Audit each test set's labels for what they give away, by its name in `AUDITED`."""
    audited = {}
    with reporter.task("auditing labels") as update:
        for number, (name, (dataset, family)) in enumerate(AUDITED.items()):
            update(number, len(AUDITED), name)
            audited[name] = findings(manifest.load(dataset, family).all_labels(), trials)
    return audited


def at_hand(root: Path) -> list[Dataset]:
    """List the audited data sets whose test video lies below a data root."""
    datasets = []
    for name in dict.fromkeys(name for name, _ in AUDITED.values()):
        try:
            dataset = registry.get_dataset(name, root)
        except InputError:
            continue  # not there
        if dataset.scenes("test"):
            datasets.append(dataset)
    return datasets


def run_untrained(targets: list[Dataset], runner: Runner) -> list[Record]:
    """Score detectors that learn nothing on these targets.

    Raises:
        InputError: a target is broken.
    """
    methods = list(UNTRAINED.values())
    grids = [unadapted(methods, target, target, BUDGET, seeds=[0]) for target in targets]
    return [record for grid in grids for record in runner.run(grid)]


def stored_untrained(store: Store) -> list[Record]:
    """Find the stored records of these detectors, the current code's or an earlier one's."""
    labels, records = labels_of_untrained(), current(store.records())
    return [r for r in records if unadapted_cell(r.cell, labels, r.cell.target, r.cell.target, BUDGET.name)]


def labels_of_untrained() -> list[str]:
    """List these detectors as tables call them."""
    return [registry.get_method(text).label for text in UNTRAINED.values()]


def read_untrained(records: list[Record], store: Store) -> pd.DataFrame:
    """Evaluate detectors that learn nothing: AUC in percent, raw and with per-video min-max.

    Returns:
        A row per target and predictor, in the order of `UNTRAINED`: target, predictor, raw, stretched, frames, videos,
        of_videos (in the whole set).
    """
    methods = {registry.get_method(text).label: (rank, name) for rank, (name, text) in enumerate(UNTRAINED.items())}
    rows = []
    for record in sorted(records, key=lambda record: (record.cell.target, methods[record.cell.method])):
        if record.status != "done":
            continue
        scores = store.scores(record.cell)
        raw, stretched = (counted_frames(ScoredCell(scores, max(SHOTS)), rules) for rules in (RAW, STRETCHED))
        name = record.cell.target
        rows.append(
            {
                "target": name,
                "predictor": methods[record.cell.method][1],
                "raw": 100 * micro_auc(raw.labels, raw.scores),
                "stretched": 100 * micro_auc(stretched.labels, stretched.scores),
                "frames": len(raw.labels),
                "videos": len(scores.videos),
                "of_videos": published_videos(name),
            }
        )
    return pd.DataFrame(rows)


def readings(store: Store, records: list[Record], rules: Protocol) -> pd.DataFrame:
    """Evaluate the same raw scores by each of the field's readings, on the frames that a protocol counts.

    Returns:
        Tidy rows: the cell's keys, `reading`, `auc` in percent, `videos` scored and `of_videos` published; of finished
        cells alone.
    """
    rows = []
    for record, read in counted_frames_of_cells(store, records, rules):
        keys = {key: getattr(record.cell, key) for key in KEYS if key != "protocol"} | {"protocol": rules.name}
        for reading, (normalise, smooth) in READINGS.items():
            counted = read(replace(rules, normalise=normalise, smooth=smooth))
            videos = {"videos": len(np.unique(counted.videos)), "of_videos": published_videos(record.cell.target)}
            videos |= {"transductive": transductive(record)}
            rows.append(keys | {"reading": reading, "auc": 100 * micro_auc(counted.labels, counted.scores)} | videos)
    return pd.DataFrame(rows, columns=[*KEYS, "reading", "auc", "videos", "of_videos", "transductive"])


def rivals(figures: pd.DataFrame, target: str) -> pd.Series:
    """Select the published figures that an untrained detector on a target stands beside: AUC in percent by method.

    Of methods trained on that very set, by their authors or as other papers quote them, the highest where they differ;
    without variants and reproductions.
    """
    own = figures[(figures["target"] == target) & (figures["source"] == target) & (figures["variant"] == "")]
    own = own[(own["setting"] == "same-dataset") & (own["kind"] != "reproduction")]
    return own.groupby("method")["auc"].max().sort_values()
