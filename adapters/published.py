"""What the authors of all methods here do: with scores before they compute an AUC, and else than is done here.

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
TEN_REBUILT = PublishedEvaluation(smoothed=False, head=5, tail=4)  # the score is the sixth's
MOTION_GUESSED = PublishedEvaluation(smoothed=False, head=0, tail=1)  # of a frame and how it is about to move
THIRD_PREDICTED = PublishedEvaluation(smoothed=False, head=3)  # from three frames
EXPLAINED = PublishedEvaluation(smoothed=False, head=7, tail=7)  # of 15 frames: the score is the eighth's
TENTH_REBUILT = PublishedEvaluation(smoothed=False, head=9)  # after nine others
RANKED = PublishedEvaluation(head=0)  # every frame
MOVED = PublishedEvaluation(smoothed=False, head=1)  # since the frame before
OBSERVED = PublishedEvaluation(smoothed=False, head=10)  # of the last of ten pairs of frames
TOLD_APART = PublishedEvaluation(head=15, tail=4)  # of 20 frames: the score is the 16th's
# What protocol `paper` does to the scores of those that the defaults are not for, by name.
EVALUATIONS = {
    "framepred": PREDICTED,
    "zxvad": PREDICTED,
    "amc": MOTION_GUESSED,
    "convae": TEN_REBUILT,
    "rgan": THIRD_PREDICTED,
    "lmn": PREDICTED,
    "lmn-recon": REBUILT,
    "memae": CLIPS_REBUILT,
    "knn": REBUILT,  # nobody's method: as those that look at single frames
    "mdt": EXPLAINED,
    "mppca": OBSERVED,
    "unmasking": TOLD_APART,
    "stackrnn": TENTH_REBUILT,
    "tsc": TENTH_REBUILT,
    "sdor": RANKED,
    "after-mt-frcn": MOVED,
    "memae-2d": REBUILT,  # as MNAD's authors evaluate reconstruction, which it is compared with
}

# Where every method of ours that trains departs from its authors; its class says where it alone does.
DEVIATIONS = (
    "frames are resized with antialiasing, and OpenCV, with which most authors resize, has none: the raw AUC of "
    "framediff and extrapolate on Ped2 differs by up to 4.9 points at 64 px, 1.5 at 128, 0.9 at 256",
    "training stops after so many steps whatever the source, those of Ped2: authors count epochs (not measured)",
    "every training clip is as likely at every step, and the last tenth of each source video is held out: authors "
    "shuffle all clips once an epoch, or draw videos first (not measured)",
    "the last checkpoint counts: authors report the best one on the test set, worth 0.3 to 6.8 points in 5 trainings "
    "(bench audit checkpoints)",
)
