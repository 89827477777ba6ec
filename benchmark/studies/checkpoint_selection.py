"""The gain of choosing a checkpoint on the test set: one training, scored on its target again and again."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from crossvad.adapters.base import Adapter
from crossvad.adapters.published import PublishedEvaluation
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.clips import ClipSource
from crossvad.evaluation.cell_evaluation import evaluate
from crossvad.evaluation.scored_cell import ScoredCell
from crossvad.execution.fitting import Fitter, build, source_clips
from crossvad.execution.precision import computing_in
from crossvad.execution.scoring import CellRun, Fitted, score_cells
from crossvad.execution.training import arrange_learning, heldout_scores, train
from crossvad.planning.archives import published_videos
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.scores import Scores, load_scores, save_scores

COLUMNS = ["method", "source", "target", "budget", "seed", "step", "videos", "of_videos", "auc", "paper_auc"]


def train_and_score(fitter: Fitter, cell: Cell, count: int) -> list[tuple[int, Path]]:
    """Train a cell's method as its fit would be, and score its target unadapted at `count` evenly spread steps.

    Scoring leaves the training as it is: a copy is scored, and no label is read before its scores are made. Done once
    and stored below `runs/checkpoints`. Returns each checkpoint's step and the file of its scores, in order.
    """
    grid, store, device = fitter.grid, fitter.store, fitter.device
    key = f"{cell.key}-{count}"
    folder = store.place("checkpoints", key)
    if not folder.is_dir():
        method, source = grid.methods[0], grid.sources[0]
        adapter = build(method, grid.budget, cell.seed, device)
        clips = partial(source_clips, source, adapter, fitter.decoder, device, cell.seed)
        title = f"Train {cell.method} on {cell.source}, seed {cell.seed}, and score {count} checkpoints"
        with fitter.reporter.task(title) as update, store.writing("checkpoints", key) as draft:

            def log(step: int, of: int, values: dict[str, float]) -> None:
                update(step, of, "")
                if step % max(1, of // count) == 0:
                    scores = _scored(copy.deepcopy(adapter).eval(), cell, clips(), fitter)
                    save_scores(scores, draft / f"{step:07d}.npz")

            precision = method.arithmetic.training_precision
            arrange_learning(adapter, clips(), grid.budget, precision)
            adapter.arithmetic = partial(computing_in, precision, device, steps=True)
            train(adapter, clips(), grid.budget, log)
    return [(int(path.stem), path) for path in sorted(folder.glob("*.npz"))]


def judge(
    cell: Cell, checkpoints: list[tuple[int, Path]], weights: dict[str, float], published: PublishedEvaluation
) -> pd.DataFrame:
    """Evaluate each checkpoint by protocol fair and by the paper's rules: a row each, AUC in percent, `COLUMNS`."""
    rows = []
    for step, path in checkpoints:
        figures = evaluate(ScoredCell(load_scores(path), weights=weights, published=published), FAIR)
        keys: dict[str, Any] = {name: getattr(cell, name) for name in COLUMNS if hasattr(cell, name)}
        keys |= {"videos": figures["videos"], "of_videos": published_videos(cell.target)}
        rows.append(keys | {"step": step, "auc": figures["auc"], "paper_auc": figures["paper_auc"]})
    return pd.DataFrame(rows, columns=COLUMNS)


def gains(curves: pd.DataFrame) -> pd.DataFrame:
    """Compare the best checkpoint with the last: a row per training; last, best and gain by both protocols."""
    trainings = curves.groupby(["method", "source", "target", "budget", "seed"], sort=False)
    columns: dict[str, pd.Series] = {}
    for protocol, metric in ((FAIR.name, "auc"), (PAPER.name, "paper_auc")):
        last, best = trainings[metric].last(), trainings[metric].max()
        columns |= {f"{protocol}, last": last, f"{protocol}, best": best, f"{protocol}, gain": best - last}
    return pd.DataFrame(columns)


def _scored(adapter: Adapter, cell: Cell, clips: ClipSource, fitter: Fitter) -> Scores:
    """Score a method on its target as it is, unadapted."""
    grid, device = fitter.grid, fitter.device
    precision = grid.methods[0].arithmetic.precision
    with computing_in(precision, device):
        heldout = heldout_scores(adapter, clips, grid.budget)
    fitted = Fitted("", adapter, NoTuning(), heldout, {}, precision=precision)
    tasks = [CellRun(cell, fitted.tuning)]
    return score_cells(tasks, fitted, grid.targets[0], fitter.decoder, device, lambda done, of, note: None)[0].scores
