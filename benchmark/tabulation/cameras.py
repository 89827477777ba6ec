"""`bench cameras`: means over cameras, and their differences to rivals."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from crossvad.evaluation.cameras import ENTRY, CameraComparison
from crossvad.evaluation.rows import committed_among_own, varying_keys
from crossvad.present import camera_captions
from crossvad.present.formats import Tables
from crossvad.present.tables import MISSING, detectable, difference_and_interval, marks_of_each, p_value
from crossvad.present.words import steps_differ

ALWAYS = ["method", "tuning", "shots"]


def tabulate(compared: CameraComparison, against: Sequence[str], protocol: str, each: bool = False) -> Tables:
    """Set out means over cameras.

    Args:
        compared: what `cameras.compare_cameras` found.
        against: the rivals.
        protocol: name of the one by which scores were read.
        each: set out the AUC on every camera, too, below that.
    """
    keys = varying_keys(compared.entries, ENTRY, always=ALWAYS)
    keys = [key for key in keys if key != "steps" or steps_differ(compared.entries)]
    parts = [(_texts(compared, keys, against), camera_captions.of_means(compared, against, protocol))]
    numbers = compared.entries
    if each:
        parts.append((_by_camera(compared, keys), camera_captions.of_each(compared)))
        numbers = numbers.merge(compared.each.reset_index(), on=ENTRY, how="left")
    return Tables(parts, numbers=numbers)


def _texts(compared: CameraComparison, keys: Sequence[str], against: Sequence[str]) -> pd.DataFrame:
    """Turn the comparison into texts: a line per entry, and of each rival the columns beside one another."""
    entries = compared.entries
    lines = entries.drop_duplicates(ENTRY)
    marks = marks_of_each(lines.assign(committed=committed_among_own(lines)))
    means = [_mean(*ends) for ends in lines[["auc", "low", "high"]].to_numpy()]
    texts = {"mean AUC": [mean + mark for mean, mark in zip(means, marks, strict=True)]}
    worst = lines[["worst", "worst_camera"]].to_numpy()
    texts["worst camera"] = [f"{auc:.1f} ({camera_captions.short(compared, camera)})" for auc, camera in worst]
    if lines["cameras"].nunique() > 1:
        texts["cameras"] = lines["cameras"].astype(str).to_list()
    for rival in against:
        before = f"{rival}: " if len(against) > 1 else ""
        rows = entries[entries["against"] == rival]
        texts[f"{before}difference"] = [
            MISSING if pd.isna(ends[0]) else difference_and_interval(*ends)
            for ends in rows[["difference", "difference_low", "difference_high"]].to_numpy()
        ]
        texts[f"{before}p, Holm"] = [p_value(p) for p in rows["p_holm"]]
        texts[f"{before}ahead"] = [
            MISSING if pd.isna(ahead) else f"{ahead:.0f} of {cameras}"
            for ahead, cameras in zip(rows["ahead"], rows["cameras"], strict=True)
        ]
        texts[f"{before}detectable"] = [detectable(gap) for gap in rows["detectable"]]
    return pd.DataFrame(texts, index=pd.MultiIndex.from_frame(lines[list(keys)]))


def _mean(auc: float, low: float, high: float) -> str:
    return f"{auc:.1f}" + ("" if pd.isna(low) else f" [{low:.1f}, {high:.1f}]")


def _by_camera(compared: CameraComparison, keys: Sequence[str]) -> pd.DataFrame:
    """Turn the AUCs on each camera into texts."""
    texts = compared.each.map(lambda auc: MISSING if pd.isna(auc) else f"{auc:.1f}")
    texts.columns = pd.Index([camera_captions.short(compared, name) for name in texts.columns], dtype=object)
    return texts.droplevel([key for key in ENTRY if key not in keys])
