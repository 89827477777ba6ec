"""Protocols: the frozen rules of an evaluation. The name is printed with every table.

`fair` never scores a frame that any method, shot count or adaptation could have seen, adapts on normal training video
of the target scene, and judges raw scores. `paper` does what the field's papers do, so that a number can stand beside a
published one: it adapts on the head of each test video, whatever is in it, normalises each video with its own future,
smooths scores and leaves frames out as each method's authors do, and its test set shrinks with K.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from crossvad.adapters.published import PublishedEvaluation
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
Normalisation = Literal["none", "video", "global"]
Smoothing = Literal["none", "gaussian", "causal", "published"]


@dataclass(frozen=True)
class Protocol:
    """How scores become a number. Everything here is applied to stored raw scores, after the fact."""

    name: str
    support: SupportPolicy  # where the support set comes from, unless the user says otherwise
    normalise: Normalisation  # each cue to [0, 1] by its extremes in the video, or in all test video (uses the future)
    smooth: Smoothing  # a Gaussian of sigma 2 frames over 15 (uses the future), its past half, or as published
    common_mask: bool  # the same frames for every method, K and tuning; else those that its authors count
    max_shots: int = 10  # K_max, and T_max below: the head that the common mask leaves out has their sum of frames
    max_clip: int = 16
    head: int = PublishedEvaluation.head  # without a common mask: frames left out at both ends of a test video
    tail: int = PublishedEvaluation.tail

    def of(self, published: PublishedEvaluation) -> Protocol:
        """These rules for a method, where they are those of its authors."""
        authors: Smoothing = "gaussian" if published.smoothed else "none"
        smooth = authors if self.smooth == "published" else self.smooth
        return replace(self, smooth=smooth, head=published.head, tail=published.tail)

    def first_frame(self, shots: int, seen: int = 0) -> int:
        """Index of the first frame of a test video that counts, in a cell with `shots` shots.

        `seen` is how many frames at the head of each test video a support set spans. The field's predictors adapt on
        K + 4 of them and count from there on; a method with longer clips counts later, so that no frame is both.
        """
        return self.max_shots + self.max_clip if self.common_mask else max(self.head + shots, seen)

    def mask(self, lengths: NDArray[np.int64], shots: int, seen: int = 0) -> NDArray[np.bool_]:
        """Which frames of the test videos, one after the other, count: (sum of lengths,)."""
        import numpy as np  # lazily, as commands list protocols before any array is needed

        first, tail = self.first_frame(shots, seen), 0 if self.common_mask else self.tail
        frames = [np.arange(length) for length in lengths]
        return np.concatenate([(first <= index) & (index < len(index) - tail) for index in frames])


FAIR = Protocol("fair", SupportPolicy.TRAIN_HEAD, normalise="none", smooth="none", common_mask=True)
PAPER = Protocol("paper", SupportPolicy.TEST_HEAD, normalise="video", smooth="published", common_mask=False)


def get_protocol(name: str) -> Protocol:
    """`fair`, `paper`, or `fair@N`, which is `fair` for grids of up to N shots instead of 10.

    Raises:
        InputError: no such protocol.
    """
    if name == "paper":
        return PAPER
    match = re.fullmatch(r"fair(?:@(\d{1,9}))?", name)
    if not match:
        close = did_you_mean(name, ["fair", "paper"])
        raise InputError(name, "is no protocol", f"{close}choose fair, paper, or fair@N for more than 10 shots")
    return replace(FAIR, name=name, max_shots=int(match[1])) if match[1] else FAIR
