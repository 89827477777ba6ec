"""The frames that count: what every metric of them reads"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossvad.datasets.errors import InputError

Labels = NDArray[np.uint8]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class CountedFrames:
    """What a protocol counts of one cell: per frame its label, final score, video and place in that, (n,) each."""

    labels: Labels  # 1 = abnormal
    scores: Values  # higher = more abnormal
    videos: NDArray[np.int64]  # by number
    places: NDArray[np.int64]  # 0 = the first frame of its video


def refuse_unfinite(scores: Values) -> None:
    """Refuse NaN and infinite scores, (N,).

    Raises:
        InputError: there are some; says how many, and which comes first.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        problem = f"{len(bad)} of {len(scores)} are not finite, first {scores[bad[0]]} at frame {bad[0]}"
        raise InputError("scores", problem, "mend the method")
