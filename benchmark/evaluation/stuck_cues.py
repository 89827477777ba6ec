"""Cues that say nothing: one and the same extreme value for many frames, as a floor or a ceiling leaves behind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crossvad.evaluation.postprocessing import Values
from crossvad.store.scores import Scores

STUCK = 0.05  # share of the frames from which on it is said


def stuck_share(values: Values) -> float:
    """Of a frame at the lowest or the highest of a cue's scores (N,), the share of the other frames that tie with it.

    The larger of the two, 0 to 1: 1 for a constant cue, 0 where no two frames tie there. Frames without a score (NaN)
    do not count.
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return 0.0
    return max(float(np.sum(known == end) - 1) / (len(known) - 1) for end in (known.min(), known.max()))


def stuck_cues(scores: Scores, weights: Mapping[str, float]) -> dict[str, float]:
    """`stuck_share` of each cue that weighs anything in the fused score, where it is more than `STUCK`."""
    shares = {cue: stuck_share(values) for cue, values in scores.cues.items() if weights.get(cue, 1.0)}
    return {cue: share for cue, share in shares.items() if share > STUCK}
