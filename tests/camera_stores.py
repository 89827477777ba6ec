"""Stores of cells made up by hand, on targets of several cameras: scores without any video."""

from __future__ import annotations

import numpy as np

from crossvad.planning.cell import Cell
from crossvad.store.scores import Scores
from crossvad.store.store import Record, Store

LENGTH = 60  # frames of a video, of which protocol fair counts 34
CAMPUS = {"gate": (20, 45, 60), "yard": (40, 60), "hall": (30, 50)}  # onset of the anomaly in each video; 60: none


def videos_of(cameras: dict[str, tuple[int, ...]], short: str = "") -> tuple[list[str], np.ndarray, list[np.ndarray]]:
    """Names, scene numbers and labels of all videos, in order; those of a `short` camera have 20 frames."""
    names, scenes, labels = [], [], []
    for number, (camera, onsets) in enumerate(cameras.items()):
        for place, onset in enumerate(onsets, start=1):
            names.append(f"{camera}-test-{place:02d}")
            scenes.append(number)
            labels.append((np.arange(20 if camera == short else LENGTH) >= onset).astype(np.uint8))
    return names, np.array(scenes), labels


def put(
    store: Store,
    method: str = "apn",
    target: str = "campus",
    cameras: dict[str, tuple[int, ...]] | None = None,
    source: str = "street",
    shots: int = 0,
    seed: int = 0,
    shift: float = 1.0,
    support: str = "train-head",
    tuning: str = "finetune",
    trained: bool = True,
    reverted: bool = False,
    digest: str = "",
    short: str = "",
    ahead: bool = False,
) -> Record:
    """Store a finished cell whose scores are noise, which depends on its keys alone, plus `shift` where abnormal."""
    names, scenes, tracks = videos_of(cameras or CAMPUS, short)
    labels = np.concatenate(tracks)
    words = f"{method} {target} {source if trained else ''} {shots} {seed}"
    random = np.random.default_rng([*words.encode()])
    cell = Cell(
        method=method, source=source, target=target, tuning=tuning if shots else "none",
        support=support if shots else "none", shots=shots, steps=int(shots > 0), seed=seed, budget="quick",
        budget_digest="b", method_version="1", tuning_version="", source_digest=source,
        target_digest=f"{'train+' if shots and support == 'train-head' else ''}{target}{digest}",
    )  # fmt: skip
    if cell.policy.per_video:
        scenes = np.arange(len(names))
    units = len(np.unique(scenes)) if shots else 0
    scores = Scores(
        videos=names,
        lengths=np.array([len(track) for track in tracks]),
        units=scenes,
        labels=labels,
        cues={"cue": random.normal(size=len(labels)).round(1) + shift * labels},
        support={"cue": np.zeros(units * shots)} if shots else {},
        support_units=np.repeat(np.arange(units), shots),
        support_labels=np.zeros(units * (shots + 4) if cell.policy.shows_test_video else 0, np.uint8),
        heldout={},
    )
    facts = {"fusion": {}, "device": "cpu"} | ({"train_seconds": 1.0} if trained else {})
    facts |= {"transductive": True} if ahead else {}
    facts |= {"adaptations": [{"reverted": reverted}] * units} if shots else {}
    return store.write(Record(cell, "done", facts=facts), scores)
