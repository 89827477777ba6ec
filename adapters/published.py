"""What the authors of each method do with its scores before they compute an AUC: what protocol `paper` does to them.

Read in the authors' code. Imports nothing heavy, so that tables can be read without building a method.
"""

from __future__ import annotations

from dataclasses import dataclass

PREDICTION_HEAD = 4  # frames the field's predictors need before the first they can score


@dataclass(frozen=True)
class PublishedEvaluation:
    """How an evaluation goes from raw scores to the frames of its ROC, after each cue is stretched to [0, 1] per video.

    The defaults are what APN and MPN do: what the untrained get, and plug-ins that say nothing else.
    """

    smoothed: bool = True  # under a Gaussian of sigma 2 frames, over 15 of them
    head: int = PREDICTION_HEAD  # frames of a test video that are left out at its beginning, before any support set
    tail: int = 0  # and at its end

    def __str__(self) -> str:
        """One readable phrase, for captions."""
        head = f"the first {self.head} + K" if self.head else "the first K"
        ends = f"{head} and the last {self.tail}" if self.tail else head
        return f"{'smoothed' if self.smoothed else 'not smoothed'}, without {ends} frames"


PREDICTED = PublishedEvaluation(smoothed=False)
REBUILT = PublishedEvaluation(smoothed=False, head=0)  # frame by frame, so that the first has a score, too
CLIPS_REBUILT = PublishedEvaluation(smoothed=False, head=8, tail=7)  # of 16 frames: the score is the ninth's
# Those that the defaults are not for, by name.
EVALUATIONS = {
    "framepred": PREDICTED,
    "lmn": PREDICTED,
    "lmn-recon": REBUILT,
    "memae": CLIPS_REBUILT,
    "memae-2d": REBUILT,  # as MNAD's authors evaluate reconstruction, which it is compared with
}
