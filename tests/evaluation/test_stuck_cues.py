"""Cues that are one and the same extreme value for many frames, found in stored scores."""

import numpy as np
import pytest

from crossvad.evaluation.stuck_cues import STUCK, stuck_cues, stuck_share
from crossvad.store.scores import Scores


def scores_of(cues):
    """Of one video of 100 normal frames."""
    whole, labels = np.array([100]), np.zeros(100, np.uint8)
    nothing = np.zeros(0, np.int64)
    return Scores(["01"], whole, np.array([0]), labels, cues, {}, nothing, nothing.astype(np.uint8), {})


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ([-100, -100, -100, -3], 2 / 3),  # a floor
        ([0.2, 0.1, 1, 1], 1 / 3),  # a ceiling
        ([0, 5, 5, 9], 0),  # a value between others may be as frequent as it likes
        ([4, 4, 4], 1),
        ([np.nan, 4, np.nan, 2, 3, 2], 1 / 3),  # of four frames that have a score
        ([np.nan, 4], 0),
        ([np.nan], 0),
        ([], 0),
    ],
)
def test_share_by_hand(values, share):
    assert stuck_share(np.array(values, float)) == share


def test_only_cues_that_weigh_and_only_beyond_the_threshold():
    assert STUCK == 0.05
    many, few = np.arange(100.0), np.arange(100.0)
    many[:6], few[:5] = 0, 0  # beside a frame there, 5 and 4 of 99 others
    scores = scores_of({"prediction": few, "feature": many, "unused": np.zeros(100)})
    assert stuck_cues(scores, {"unused": 0.0}) == {"feature": pytest.approx(5 / 99)}
