"""What adaptation gains: AUC beside K = 0, with the paired interval of the difference."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crossvad.datasets.wording import sentence
from crossvad.evaluation.comparison import ENTRY
from crossvad.evaluation.rows import committed_among_own, varying_keys
from crossvad.present import captions
from crossvad.present.tables import MISSING, difference_and_interval, marks_of_each, mean_and_spread

ACROSS = "shots"
NAN = float("nan")


def gains(differences: pd.DataFrame) -> pd.DataFrame:
    """Set out differences to the same method at K = 0, a line per way to adapt and a column per K.

    Texts: the AUC at K = 0, and at each K the AUC, its gain in points and that gain's interval. `REVERTED` marks a cell
    in which some adaptation was taken back. What a tuning learned before any shot shows in its K = 0, and is no gain.

    Args:
        differences: rows of `comparison.differences` to `ITSELF`.
    """
    marked = differences.assign(committed=committed_among_own(differences))
    adapted = marked[marked["shots"] > 0]
    texts = zip(adapted.to_dict("records"), marks_of_each(adapted), strict=True)
    keys = varying_keys(adapted, [key for key in ENTRY if key != ACROSS], always=["method", "tuning"])
    wide = adapted[[*keys, ACROSS]].assign(
        text=[_text(line, marks) for line, marks in texts],
        before=[
            mean_and_spread(before, NAN, 1)
            for before in (adapted["auc"] - adapted["difference"]).fillna(adapted["start"])
        ],
        start=[mean_and_spread(start, NAN, 1) for start in adapted["start"]],
    )
    table = wide.pivot(index=keys, columns=ACROSS, values="text").fillna(MISSING)
    table.columns = pd.Index([f"K = {shots}" for shots in table.columns], dtype=object)
    starts = wide.groupby(keys, sort=False)  # where each K has its own seeds, what all of them begin with
    unadapted = starts["before"].first().where(starts["before"].nunique() == 1, starts["start"].first())
    table.insert(0, "K = 0", unadapted.reindex(table.index))
    order = {method: number for number, method in enumerate(dict.fromkeys(adapted["method"]))}
    return table.sort_index(level="method", key=lambda names: names.map(order), sort_remaining=True)


def _text(line: dict[Any, Any], marks: str) -> str:
    if pd.isna(line["auc"]):  # of frames of one class
        return MISSING
    gain = difference_and_interval(line["difference"], line["low"], line["high"])
    return f"{line['auc']:.1f}: {gain}{marks}"


def note(differences: pd.DataFrame, protocol: str) -> str:
    """Say what a reader must know to read that table; `protocol` is the name of the one that scores were read by."""
    return sentence([
        f"AUC in %: gain over the same method at K = 0 in points; {captions.protocols(differences, protocol)}",
        *captions.fixed(differences, [key for key in ENTRY if key not in ("method", ACROSS)]),
        *captions.partial(differences),
        captions.seed_counts(differences["seeds"]),
        *captions.paired_intervals(differences, "95 % of the gain"),
        *captions.reverted(differences),
        *captions.transductive(differences),
        *captions.committed(differences),
    ])  # fmt: skip
