"""Published figures of a target as the report sets them beside its boards: a line each, none averaged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from crossvad.studies.published import NOT_STATED

COLUMNS = ["method", "ours", "auc", "source", "shots", "variant", "kind", "paper", "read_in", "note"]
PROTOCOL = ["auc_over", "normalisation", "smoothing", "support", "selection"]  # empty or stated


def references(figures: pd.DataFrame, targets: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Select what was published of some targets: what was trained on the target itself first, the highest figure first.

    Variants of a method in its own paper's ablations are left out: `bench ablate` shows them.

    Args:
        figures: as `published.load` gives them.
        targets: names as cells have them; a data set with options stands beside what was published of it without.

    Returns:
        By target, if there is anything: lines of `COLUMNS`, and `protocol`, what is stated of it; None: not stated.
    """
    shown = figures[figures["setting"] != "ablation"]
    found = {}
    for target in targets:
        mine = shown[shown["target"] == target.partition("[")[0]]
        mine = mine.assign(elsewhere=mine["source"] != mine["target"])
        mine = mine.sort_values(["elsewhere", "source", "auc"], ascending=[True, True, False], kind="stable")
        if len(mine):
            found[target] = [_line(row) for row in mine.to_dict("records")]
    return found


def _line(row: dict[Any, Any]) -> dict[str, Any]:
    line = {name: None if pd.isna(row[name]) or row[name] == "" else row[name] for name in COLUMNS}
    stated = [f"{name.replace('_', ' ')} {row[name]}" for name in PROTOCOL if row[name] not in ("", NOT_STATED)]
    return line | {"protocol": ", ".join(stated) or None}
