"""Protocols: the frozen rules of an evaluation. The name is printed with every table.

`fair` never scores a frame that any method, shot count or adaptation could have seen, adapts on normal training video
of the target scene, and judges raw scores. `paper` does what the field's papers do, so that a number can stand beside a
published one: it adapts on the head of each test video, whatever is in it, normalises each video with its own future,
and its test set shrinks with K.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from crossvad.datasets.errors import InputError
from crossvad.planning.names import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SupportPolicy(StrEnum):
    """Whose first K clips are the support set."""

    NONE = "none"  # nobody's: at K = 0
    TRAIN_HEAD = "train-head"  # of a scene, which adapts once: its training video's
    SCENE_HEAD = "scene-head"  # of a scene: its first test video's
    TEST_HEAD = "test-head"  # of each test video: its own, whatever is in it
    TEST_HEAD_CLEAN = "test-head-clean"  # of each test video: its own or, with a look at labels, that of a normal one

    @property
    def per_video(self) -> bool:
        """Whether each test video is adapted to by itself, and not each scene once."""
        return self in (SupportPolicy.TEST_HEAD, SupportPolicy.TEST_HEAD_CLEAN)

    @property
    def shows_test_video(self) -> bool:
        """Whether support sets are cut from test video: their frames may be abnormal, and must not count."""
        return self not in (SupportPolicy.NONE, SupportPolicy.TRAIN_HEAD)


SUPPORTS: tuple[str, ...] = tuple(policy.value for policy in SupportPolicy if policy != SupportPolicy.NONE)
PREDICTION_HEAD = 4  # frames the field's predictors need before the first they can score
Normalisation = Literal["none", "video", "global"]
Smoothing = Literal["none", "gaussian", "causal"]


@dataclass(frozen=True)
class Protocol:
    """How scores become a number. Everything here is applied to stored raw scores, after the fact."""

    name: str
    support: SupportPolicy  # where the support set comes from, unless the user says otherwise
    normalise: Normalisation  # each cue to [0, 1] by its extremes in the video, or in all test video (uses the future)
    smooth: Smoothing  # a Gaussian of sigma 2 frames over 15 of them (uses the future), or its past half
    common_mask: bool  # the same frames for every method, K and tuning
    max_shots: int = 10  # K_max, and T_max below: the head that the common mask leaves out has their sum of frames
    max_clip: int = 16

    def first_frame(self, shots: int, seen: int = 0) -> int:
        """Index of the first frame of a test video that counts, in a cell with `shots` shots.

        `seen` is how many frames at the head of each test video a support set spans. The field's predictors adapt on
        K + 4 of them and count from there on; a method with longer clips counts later, so that no frame is both.
        """
        return self.max_shots + self.max_clip if self.common_mask else max(PREDICTION_HEAD + shots, seen)

    def mask(self, lengths: NDArray[np.int64], shots: int, seen: int = 0) -> NDArray[np.bool_]:
        """Which frames of the test videos, one after the other, count: (sum of lengths,)."""
        import numpy as np  # lazily, as commands list protocols before any array is needed

        first = self.first_frame(shots, seen)
        return np.concatenate([np.arange(length) >= first for length in lengths])


FAIR = Protocol("fair", SupportPolicy.TRAIN_HEAD, normalise="none", smooth="none", common_mask=True)
PAPER = Protocol("paper", SupportPolicy.TEST_HEAD, normalise="video", smooth="gaussian", common_mask=False)


def get_protocol(name: str) -> Protocol:
    """`fair`, `paper`, or `fair@N`, which is `fair` for grids of up to N shots instead of 10.

    Raises:
        InputError: no such protocol.
    """
    if name == "paper":
        return PAPER
    match = re.fullmatch(r"fair(?:@(\d+))?", name)
    if not match:
        close = did_you_mean(name, ["fair", "paper"])
        raise InputError(name, "is no protocol", f"{close}choose fair, paper, or fair@N for more than 10 shots")
    return replace(FAIR, name=name, max_shots=int(match[1])) if match[1] else FAIR
