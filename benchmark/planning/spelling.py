"""From cells back to what a user types."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from crossvad.planning.catalogue import NO_TUNING
from crossvad.planning.cell import Cell
from crossvad.planning.protocol import FAIR


def command(cells: Sequence[Cell]) -> str:
    """Spell the `bench run` that makes some cells, which differ in their seed alone.

    What decides no score (where data lie, the device) is left to whoever runs it. `bench run` adds the rows that no
    table goes without.
    """
    cell = cells[0]
    words = ["bench", "run", "--source", cell.source, "--target", cell.target, "--method", cell.method]
    if cell.tuning != NO_TUNING:
        words += ["--tuning", cell.tuning]
    words += ["--shots", str(cell.shots)]
    if cell.shots:
        words += [] if cell.tuning == NO_TUNING else ["--steps", str(cell.steps)]
        words += [] if cell.policy == FAIR.support else ["--support", cell.support]
        words += [] if cell.shots <= FAIR.max_shots else ["--protocol", f"fair@{cell.shots}"]
    words += ["--seed", ",".join(str(seed) for seed in sorted(each.seed for each in cells)), "--budget", cell.budget]
    return shlex.join(words)
