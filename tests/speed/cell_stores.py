"""Stores of many cells, made up: records and scores as `bench run` leaves them, valid in every respect."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from crossvad.planning import registry
from crossvad.planning.cell import Cell
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store

METHODS = ("apn", "apn[paper]", "mpn", "lmn", "lmn-recon", "memae", "convae", "framepred", "rgan", "zxvad")
SHOTS, SEEDS, SOURCES = (0, 1, 5, 10), range(5), 5
PAIR = len(METHODS) * len(SHOTS) * len(SEEDS)  # cells of one source and target
VIDEOS, LENGTH = 12, 150  # of a target: as many frames as UCSD Ped2 has
BUDGET = "quick"


def fill(results: Path, count: int) -> None:
    """Store cells: `PAIR` of a source and target, then as many of the next."""
    store = Store(results)
    versions = {method: registry.get_method(method).version for method in METHODS}
    for number, cell in enumerate(itertools.islice(cells(versions), count)):
        store.write(Record(cell, "done", facts=facts(cell)), scores(cell, number))


def cells(versions: dict[str, str]) -> Iterator[Cell]:
    """Endless cells of methods of these versions, target after target."""
    for target, source in ((pair // SOURCES, pair % SOURCES) for pair in itertools.count()):
        for method, seed, shots in itertools.product(METHODS, SEEDS, SHOTS):
            yield Cell(
                method=method, source=f"source-{source}", target=f"target-{target:02d}",
                tuning="finetune" if shots else "none", support="train-head" if shots else "none", shots=shots,
                steps=10 if shots else 0, seed=seed, budget=BUDGET, budget_digest="0" * 16,
                method_version=versions[method], tuning_version="1" if shots else "",
                source_digest=f"{source:016x}", target_digest=f"{target:016x}+" * bool(shots) + f"{target:016x}",
                fit_digest=f"{METHODS.index(method):016x}",
            )  # fmt: skip


def facts(cell: Cell) -> dict[str, object]:
    """What a run tells of a cell beside its scores."""
    told: dict[str, object] = {
        "device": "cpu", "torch": "2.14.1+cu130", "numpy": "2.4.6", "parameters": 857610, "train_seconds": 389.3,
        "fps": 338.1, "fusion": {"prediction": 0.6, "feature": 0.4}, "diagnostics": {"prototype rank": 3.0128364},
    }  # fmt: skip
    if cell.shots:
        rates = {"option": "learning_rate", "rates": [1e-5, 1e-4, 1e-3, 1e-2], "losses": [0.996, 0.982, 0.968, 0.996]}
        told |= {"adaptations": [{"before": 0.0033, "after": 0.0027, "reverted": False}], "adapt_seconds": 1.07}
        told |= {"search": rates | {"chosen": 1e-3}}
    return told


def scores(cell: Cell, number: int) -> Scores:
    """Noise, higher by half a deviation to two where abnormal; which frames are depends on the target alone."""
    onsets = np.random.default_rng([*cell.target.encode()]).integers(40, 110, VIDEOS)
    labels = (np.arange(LENGTH) >= onsets[:, None]).astype(np.uint8).ravel()
    random = np.random.default_rng(number)
    rows = random.normal(size=(2, VIDEOS * LENGTH)) + random.uniform(0.5, 2) * labels
    rows[:, ::LENGTH] = np.nan  # no clip ends in a video's first frame
    prediction, feature = rows.astype(np.float32).astype(np.float64)
    names = ("prediction", "feature")
    return Scores(
        videos=[f"Test{video:03d}" for video in range(1, VIDEOS + 1)],
        lengths=np.full(VIDEOS, LENGTH),
        units=np.zeros(VIDEOS, np.int64),
        labels=labels,
        cues={"prediction": prediction, "feature": feature},
        support={name: random.normal(size=cell.shots) for name in names} if cell.shots else {},
        support_units=np.zeros(cell.shots, np.int64),
        support_labels=np.zeros(0, np.uint8),
        heldout={name: random.normal(size=64) for name in names},
    )
