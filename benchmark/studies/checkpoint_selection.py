"""The gain of choosing a checkpoint on the test set: one training, scored on its target again and again."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.published import PublishedEvaluation
from crossvad.adapters.tunings.base import NoTuning
from crossvad.datasets.clips import ClipSource
from crossvad.evaluation.tidy import evaluate
from crossvad.execution.decoding import Decoder
from crossvad.execution.fitting import build, source_clips
from crossvad.execution.precision import computing_in
from crossvad.execution.progress import Reporter
from crossvad.execution.scoring import CellRun, Fitted, score_cells
from crossvad.execution.training import arrange_learning, heldout_scores, train
from crossvad.planning.archives import published_videos
from crossvad.planning.cell import Cell
from crossvad.planning.grid import Grid
from crossvad.planning.protocol import FAIR, PAPER
from crossvad.store.scores import Scores, load_scores, save_scores
from crossvad.store.store import Store

COLUMNS = ["method", "source", "target", "budget", "seed", "step", "videos", "of_videos", "auc", "paper_auc"]


def train_and_score(
    grid: Grid, cell: Cell, count: int, store: Store, decoder: Decoder, device: torch.device, reporter: Reporter
) -> list[tuple[int, Path]]:
    """Train a cell's method as a fit would, and score its target unadapted at `count` evenly spread steps.

    Scoring leaves the training as it is: a copy is scored, and no label is read before its scores are made. Done once
    and stored below `runs/checkpoints`. Returns each checkpoint's step and the file of its scores, in order.
    """
    key = f"{cell.key}-{count}"
    folder = store.place("checkpoints", key)
    if not folder.is_dir():
        method, source = grid.methods[0], grid.sources[0]
        adapter = build(method, grid.budget, cell.seed, device)
        clips = partial(source_clips, source, adapter, decoder, device, cell.seed)
        title = f"Train {cell.method} on {cell.source}, seed {cell.seed}, and score {count} checkpoints"
        with reporter.task(title) as update, store.writing("checkpoints", key) as draft:

            def log(step: int, of: int, values: dict[str, float]) -> None:
                update(step, of, "")
                if step % max(1, of // count) == 0:
                    scores = _scored(copy.deepcopy(adapter).eval(), cell, clips(), grid, decoder, device)
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
        figures = evaluate(load_scores(path), FAIR, 0, weights, published=published)
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


def _scored(
    adapter: Adapter, cell: Cell, clips: ClipSource, grid: Grid, decoder: Decoder, device: torch.device
) -> Scores:
    """Score a method on its target as it is, unadapted."""
    precision = grid.methods[0].arithmetic.precision
    with computing_in(precision, device):
        heldout = heldout_scores(adapter, clips, grid.budget)
    fitted = Fitted("", adapter, NoTuning(), heldout, {}, precision=precision)
    tasks = [CellRun(cell, fitted.tuning)]
    return score_cells(tasks, fitted, grid.targets[0], decoder, device, lambda done, of, note: None)[0].scores
