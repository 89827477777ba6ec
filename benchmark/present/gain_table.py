"""What adaptation gains: AUC beside K = 0, with the paired interval of the difference."""

from __future__ import annotations

import pandas as pd

from crossvad.evaluation.comparison import ENTRY
from crossvad.present.captions import REVERTED_NOTE
from crossvad.present.tables import MISSING, REVERTED

ACROSS = "shots"


def gains(found: pd.DataFrame) -> pd.DataFrame:
    """Differences to the same method at K = 0 (`compare.differences`), a line per way to adapt and a column per K.

    Texts: the AUC at K = 0, and at each K the AUC, its gain in points and that gain's interval. `REVERTED` marks a cell
    in which some adaptation was taken back. What a tuning learned before any shot shows in its K = 0, and is no gain.
    """
    found = found[found["shots"] > 0]
    keys = [key for key in ENTRY if key != ACROSS and (key in ("method", "tuning") or found[key].nunique() > 1)]
    gap = [f"{r.difference:+.1f} [{r.low:+.1f}, {r.high:+.1f}]" for r in found.itertuples()]
    marks = [REVERTED if share > 0 else "" for share in found["reverted"]]
    texts = [f"{auc:.1f}: {text}{mark}" for auc, text, mark in zip(found["auc"], gap, marks, strict=True)]
    unadapted = [f"{before:.1f}" for before in found["auc"] - found["difference"]]
    wide = found[[*keys, ACROSS]].assign(text=texts, before=unadapted)
    table = wide.pivot(index=keys, columns=ACROSS, values="text").fillna(MISSING)
    table.columns = pd.Index([f"K = {shots}" for shots in table.columns], dtype=object)
    first = wide.groupby(keys, sort=False)["before"].first()
    table.insert(0, "K = 0", first.reindex(table.index))
    order = {method: number for number, method in enumerate(dict.fromkeys(found["method"]))}
    return table.sort_index(level="method", key=lambda names: names.map(order), sort_remaining=True)


def note(found: pd.DataFrame, rules: str) -> str:
    """What a reader must know to read that table."""
    fixed = [key for key in ENTRY if key not in ("method", ACROSS) and found[key].nunique() == 1]
    seeds = " to ".join(dict.fromkeys(map(str, (found["seeds"].min(), found["seeds"].max()))))
    facts = [
        f"auc in %: gain over the same method at K = 0 in points; protocol {rules}",
        *(f"{key} {found[key].iloc[0]}" for key in fixed),
        f"{seeds} seeds",
        "brackets: 95 % of the gain, paired bootstrap over videos and spread over seeds",
    ]
    if (found["reverted"] > 0).any():
        facts.append(REVERTED_NOTE)
    return "; ".join(facts)
