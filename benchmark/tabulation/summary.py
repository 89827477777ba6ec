"""What `bench run` shows when it ends."""

from __future__ import annotations

import pandas as pd

from crossvad.planning.protocol import Protocol
from crossvad.present import captions, gain_table, tables
from crossvad.present.captions import table_title
from crossvad.present.formats import Tables


def tabulate(rows: pd.DataFrame, protocol: Protocol, gains: pd.DataFrame | None) -> list[Tables]:
    """Set out AUC, also by the paper's rules where the protocol is not the paper's, and what adapting gained.

    Args:
        rows: tidy rows of the cells, methods in the order in which they are to stand.
        protocol: by which they were read.
        gains: differences to the same methods at K = 0, by `comparison.differences`, if any adapted.
    """
    several = rows["source"].nunique() * rows["target"].nunique() > 1
    down, across = (["method", "source"], ["target", "shots"]) if several else (["method", "tuning"], ["shots"])
    shown = [
        Tables(
            [(tables.pivot(rows, down, across, metric), captions.caption(rows, metric))],
            table_title(rows, [metric]),
            [metric],
        )
        for metric in (("auc", "paper_auc") if protocol.common_mask else ("auc",))
    ]
    if gains is not None:
        part = gain_table.gains(gains), gain_table.note(gains, protocol.name)
        shown.append(Tables([part], "gain over K = 0", numbers=gains))
    return shown
