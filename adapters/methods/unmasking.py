"""Unmasking: is what comes now still told from what came before, when the best ways to tell are taken away?

Tudor Ionescu, Smeureanu, Alexe and Popescu, "Unmasking the abnormal events in video" (ICCV 2017). No source is needed.
A linear classifier is trained to tell the first half of a clip from the second, by features of their frames; those that
it relied on most are taken away, and it is trained again. Two halves of the same normal scene are soon as one; if
something else is going on in the second, the classifier goes on telling them apart. Its accuracy, over all rounds, is
the score. By motion, and by what a frozen backbone sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d, conv2d, max_pool3d, normalize, pad

from crossvad.adapters.base import Adapter, CueScores
from crossvad.adapters.nets.backbones import get_backbone
from crossvad.adapters.nets.colours import gray
from crossvad.adapters.nets.overlaps import each_once
from crossvad.adapters.nets.whole_precision import in_float32
from crossvad.adapters.options import Budget, option
from crossvad.adapters.published import EVALUATIONS

HALF = 10  # frames before, and as many after
BINS = 2  # in height and width, each judged by itself
CUBE, DEPTH = 10, 5  # of motion: pixels in height and width of one of 120 x 160, and frames
STILL = 15.0  # summed over a cube of the paper's size, of gray in [0, 1]: what has no more of it stands still
# So many features are taken away of so many that the paper's frames have in a bin: of fewer, the same share.
MOTION_FEATURES, APPEARANCE_FEATURES = 4_800, 12_544
NEWTON = 8  # steps, after which a classifier of 20 samples no longer changes


@dataclass(frozen=True)
class Options:
    """What it looks at, and how long it unmasks."""

    rounds: int = option(10, "k: times that a classifier is trained", minimum=1)
    removed: int = option(50, "m: features taken away after each, of as many as the paper has", minimum=2)
    cost: float = option(0.5, "C of the logistic regression", above=0)
    backbone: str = option(
        "efficientnet-lite0", "of the cue appearance: see `bench methods info knn`; none leaves that cue out"
    )


class Unmasking(Adapter):
    """How long a classifier tells two halves of a clip apart. A clip's score is for the middle of its second half."""

    Options = Options
    needs_source = False
    stochastic = False
    adapts = False
    paper = "Tudor Ionescu et al., ICCV 2017"
    published_evaluation = EVALUATIONS["unmasking"]
    licence = "none: an independent implementation's choices were read"
    deviations = (
        "a clip is a window of the paper's, and its score is for the 16th of 20 frames: the paper averages over all "
        "windows that a frame is in, and smooths over more frames than protocol paper does",
        "motion is the absolute difference of blurred frames in cubes that are not still, as an independent "
        "implementation has it: the paper's are 3-D gradients of those cubes",
        "appearance is a map of EfficientNet-Lite0 in four parts: the paper's is conv5 of VGG-f in four that overlap",
        "as many features are taken away as are the same share of a bin: 50 of 4800 of motion, 50 of 12 544 of what "
        "the backbone sees",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=2 * HALF, scored=HALF + HALF // 2)
        self.backbone = None if self.options.backbone == "none" else get_backbone(self.options.backbone, budget.size)

    @torch.no_grad()
    def score(self, clips: Tensor) -> CueScores:
        """{"motion": (B,), "appearance": (B,)}: mean accuracy over the rounds, in the bin where it is largest."""
        scores = {"motion": self._unmasked(by_motion(gray(clips)), MOTION_FEATURES)}
        if self.backbone is not None:
            scores["appearance"] = self._unmasked(self._by_appearance(clips), APPEARANCE_FEATURES)
        return scores

    def _by_appearance(self, clips: Tensor) -> Tensor:
        """Features of the backbone, (B, 20, D, h, w)."""
        assert self.backbone is not None
        return each_once(clips, self.backbone)

    def _unmasked(self, maps: Tensor, published: int) -> Tensor:
        """Unmask features (B, 20, D, h, w) in each bin: the largest mean accuracy, (B,)."""
        rows = in_bins(maps)  # (B, bins, 20, F)
        removed = max(2, round(self.options.removed * rows.shape[3] / published))
        accuracy = unmask(rows.flatten(0, 1), self.options.rounds, removed, self.options.cost)
        return accuracy.view(rows.shape[:2]).amax(1)


def by_motion(frames: Tensor) -> Tensor:
    """What moves in gray frames (B, T, H, W) in [-1, 1]: (B, T, 1, H, W), zero where it stands still.

    The absolute difference of each frame and the one before, of the first the one after it, in [0, 1] and both blurred
    by a Gaussian of sigma 1 over 3 x 3 pixels. It counts in cubes, 10 x 10 pixels of a frame of 120 pixels and five
    frames, whose sum is large enough; any of the five may be the one in the middle.
    """
    height, width = frames.shape[2:]
    line = torch.tensor([-0.5, 0.0, -0.5], device=frames.device, dtype=frames.dtype).exp()
    window = torch.outer(line, line) / line.sum() ** 2
    levels = (pad(frames, (1, 1, 1, 1), mode="replicate").flatten(0, 1).unsqueeze(1) + 1) / 2  # in [0, 1]
    moved = conv2d(levels, window[None, None]).view(frames.shape).diff(dim=1).abs()
    moved = torch.cat([moved[:, :1], moved], 1).unsqueeze(1)  # (B, 1, T, H, W)
    side, reach = max(1, round(CUBE * height / 120)), (DEPTH // 2, 0, 0)
    # What of a cube lies beyond the border, or the clip, stands still.
    whole = pad(moved, (0, -width % side, 0, -height % side))
    cubes = avg_pool3d(whole, (DEPTH, side, side), (1, side, side), reach) * DEPTH * CUBE**2  # (B, 1, T, h, w)
    moving = max_pool3d((cubes > STILL).to(moved.dtype), (DEPTH, 1, 1), 1, reach)
    moving = moving.repeat_interleave(side, 3).repeat_interleave(side, 4)[..., :height, :width]
    return (moved * moving).movedim(1, 2)


def in_bins(maps: Tensor) -> Tensor:
    """Cut maps (B, T, D, H, W) into 2 x 2 bins: (B, 4, T, D * H/2 * W/2); an odd row or column belongs to none."""
    batch, frames, channels, height, width = maps.shape
    h, w = height // BINS, width // BINS
    cut = maps[..., : BINS * h, : BINS * w].reshape(batch, frames, channels, BINS, h, BINS, w)
    return cut.permute(0, 3, 5, 1, 2, 4, 6).reshape(batch, BINS**2, frames, channels * h * w)


@in_float32
def unmask(rows: Tensor, rounds: int, removed: int, cost: float) -> Tensor:
    """Mean accuracy of classifiers that tell the first half of some samples from the second, feature by feature less.

    Koppel, Schler and Bonchek-Dokow (JMLR 2007). In every round samples are made unit vectors of the features that are
    left, a linear classifier without bias is trained on all of them, and the features of its largest and its smallest
    weights, half of `removed` each, are taken away.

    Args:
        rows: samples, (N, 2 n, F); each of N is a problem of its own.
        rounds: how often.
        removed: features a round.
        cost: of a logistic loss beside the squared weights.

    Returns:
        Share of samples that are told rightly, mean over the rounds, (N,).
    """
    half = rows.shape[1] // 2
    later = torch.cat([rows.new_zeros(half), rows.new_ones(rows.shape[1] - half)])  # (2 n,)
    left = rows.new_ones(rows.shape[0], rows.shape[2])  # 1 of a feature that is still there
    told = rows.new_zeros(len(rows))
    for _ in range(rounds):
        samples = normalize(rows * left.unsqueeze(1), dim=2)
        dual = logistic_dual(samples @ samples.mT, later, cost)  # (N, 2 n)
        weights = (dual.unsqueeze(1) @ samples).squeeze(1)  # (N, F)
        judged = (samples @ weights.unsqueeze(2)).squeeze(2) > 0
        told += (judged == later.bool()).to(rows.dtype).mean(1)
        gone = left == 0
        for sign in (1, -1):
            ranked = (sign * weights).masked_fill(gone, -torch.inf)
            left.scatter_(1, ranked.topk(min(removed // 2, rows.shape[2]), dim=1).indices, 0)
    return told / rounds


def logistic_dual(kernel: Tensor, positive: Tensor, cost: float) -> Tensor:
    """Weights of samples whose sum is the logistic regression's weight vector, without bias: (N, n).

    Of w minimising |w|^2 / 2 + C sum log(1 + exp(-y w x)), w = sum a x, where a = C (t - sigma(K a)) and t is 1 of the
    positive samples and 0 of others: solved by Newton's steps, of as many unknowns as there are samples.

    Args:
        kernel: K, inner products of samples, (N, n, n).
        positive: t, (n,).
        cost: C.
    """
    dual = torch.zeros_like(kernel[..., 0])
    same = torch.eye(kernel.shape[1], dtype=kernel.dtype, device=kernel.device)
    for _ in range(NEWTON):
        likely = (kernel @ dual.unsqueeze(2)).squeeze(2).sigmoid()  # (N, n)
        wrong = dual - cost * (positive - likely)
        slope = same + cost * (likely * (1 - likely)).unsqueeze(2) * kernel
        dual = dual - torch.linalg.solve(slope, wrong)
    return dual
