"""Submissions of made-up cells, as their senders packed them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import camera_stores
from crossvad.datasets.published import manifest
from crossvad.datasets.published.manifest import spans_to_labels
from crossvad.planning.catalogue import BASELINES
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store
from crossvad.submission import packing
from crossvad.submission.card import read_card, write_card
from crossvad.submission.layout import CARD, SUMS, files_of, sums_of, write_sums

ENVIRONMENT = {"crossvad": "0.1.0", "processor": "made up", "data": "none below /nowhere"}


def put_grid(
    store: Store, methods: Sequence[str] = ("apn",), target: str = "campus", seeds: Sequence[int] = (0,), **cell
) -> None:
    """Store cells of methods, adapted and not, beside the rows that no table goes without."""
    for method in BASELINES:
        camera_stores.put(store, method, target=target, trained=False, shift=0.3, **cell)
    for number, method in enumerate(methods):
        for seed in seeds:
            for shots in (0, 10):
                camera_stores.put(
                    store, method, target=target, shots=shots, seed=seed, shift=1.5 - 0.3 * number, **cell
                )


def put_published(store: Store, method: str = "apn", which: slice | Sequence[int] = slice(None), **arrays) -> None:
    """Store unadapted cells on test videos of ped2, under its own labels, beside the rows of every table.

    Args:
        store: where.
        method: of the cell that is no trivial row.
        which: of the published videos, in order.
        arrays: what else is to be in the scores.
    """
    known = sorted(manifest.load("ped2", "frames").test.items())
    known = known[which] if isinstance(which, slice) else [known[number] for number in which]
    tracks = [spans_to_labels(facts.abnormal, facts.frames) for _, facts in known]
    for name in (*BASELINES, method):
        cell = camera_stores.put(Store(store.root.parent / "made"), name, target="ped2").cell
        labels = np.concatenate(tracks)
        cue = np.random.default_rng([*name.encode()]).normal(size=len(labels)) + labels
        scores = Scores(
            videos=[video for video, _ in known], lengths=np.array([len(track) for track in tracks]),
            units=np.zeros(len(known), int), labels=labels, cues={"cue": cue}, support={},
            support_units=np.zeros(0, int), support_labels=np.zeros(0, np.uint8), heldout={},
        )  # fmt: skip
        facts = {"fusion": {}, "device": "cpu"} | ({"train_seconds": 1.0} if name == method else {})
        store.write(Record(cell, "done", facts=facts), replace(scores, **arrays))


def pack(folder: Path, store: Store, by: str = "a lab", code: Sequence[Path] = (), **said: str) -> Path:
    """Pack all finished cells of a store, and fill in the card."""
    records = store.records()
    cells, _ = packing.chosen_cells(records, [record for record in records if not record.cell.shots])
    packing.pack(folder, store, cells, [], ENVIRONMENT, code)
    card = read_card(folder / CARD)
    methods = {name: replace(each, paper=each.paper or "unpublished", licence=each.licence or "MIT")
               for name, each in card.methods.items()}  # fmt: skip
    (folder / CARD).write_text(write_card(replace(card, by=by, methods=methods, **said)))
    packing.pack(folder, store, cells, [], ENVIRONMENT, code)
    return folder


def sum_again(folder: Path) -> None:
    """Write the manifest anew, as whoever changed a file would."""
    (folder / SUMS).unlink(missing_ok=True)
    write_sums(folder, sums_of(folder, files_of(folder)[0]))
