"""`bench compare`: paired differences of AUC to a rival, and average ranks."""

from __future__ import annotations

import pandas as pd

from crossvad.datasets.wording import sentence
from crossvad.evaluation.comparison import ENTRY, WHO, differences, ranks, rival
from crossvad.evaluation.rows import committed_among_own, varying_keys
from crossvad.present import captions
from crossvad.present.formats import Tables
from crossvad.present.tables import MISSING, difference_and_interval, marks, marks_of_each, mean_and_spread, p_value


def tabulate(cells: pd.DataFrame, against: str, among: pd.DataFrame, protocol: str) -> Tables:
    """Set out the differences of cells to a rival, and their average ranks if there are several targets.

    Args:
        cells: the cells of interest, as `comparison.counted` gives them.
        against: a method at K = 0, or `itself`.
        among: these cells and those that may be their rivals.
        protocol: name of the one by which they were read.

    Raises:
        InputError: no cell has such a rival, or one counts other frames than its rival.
    """
    gaps = differences(cells, against, among)
    seen = pd.concat([gaps, among[among["method"] == against]])
    parts = [(_texts(gaps), sentence([_note(gaps, against, protocol), *captions.transductive(seen)]))]
    mean_ranks, alike, critical = ranks(cells)
    if alike:
        known = {method: marks(rows[["transductive"]]) for method, rows in cells.groupby("method")}
        ranked = zip(mean_ranks["rank"], mean_ranks["method"], strict=True)
        table = mean_ranks.assign(rank=[f"{rank:.2f}{known[method]}" for rank, method in ranked])
        table = table.set_index(varying_keys(mean_ranks, WHO, always=["method"]))
        groups = "; ".join(" = ".join(group) for group in alike if len(group) > 1) or "none"
        note = (
            "mean rank of AUC over targets, on each the mean over its sources, 1: best; "
            f"critical difference {critical:.2f}; alike: {groups}"
        )
        parts.append((table[["rank", "targets", "pairs"]], note))
    return Tables(parts, numbers=gaps)


def _texts(gaps: pd.DataFrame) -> pd.DataFrame:
    lines = gaps.sort_values(["source", "target", "auc"], ascending=[True, True, False])
    noted = marks_of_each(lines[["transductive"]].assign(committed=committed_among_own(lines)))
    points = [difference_and_interval(*ends) for ends in lines[["difference", "low", "high"]].to_numpy()]
    points = [point + mark * (point != MISSING) for point, mark in zip(points, noted, strict=True)]
    texts = {"AUC": [mean_and_spread(auc, float("nan"), 1) for auc in lines["auc"]], "difference": points}
    texts |= {"p": [p_value(p) for p in lines["p"]], "p, Holm": [p_value(p) for p in lines["p_holm"]]}
    return pd.DataFrame(texts, index=pd.MultiIndex.from_frame(lines[varying_keys(gaps, ENTRY, always=["method"])]))


def _note(gaps: pd.DataFrame, against: str, protocol: str) -> str:
    same = [f"{key} {gaps[key].iloc[0]}" for key in ENTRY if key != "method" and gaps[key].nunique() == 1]
    tested = int(gaps["p"].notna().sum())
    return sentence([
        f"AUC in %, difference in points to {rival(against)}; {captions.protocols(gaps, protocol)}",
        *([", ".join(same)] if same else []),
        *captions.partial(gaps),
        captions.seed_counts(gaps["seeds"]),
        *captions.paired_intervals(gaps, "95 %"),
        *(["p: two-sided"] if tested else []),
        *([f"Holm: adjusted over these {tested} rows"] if tested > 1 else []),
        *captions.committed(gaps),
    ])  # fmt: skip
