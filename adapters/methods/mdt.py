"""MDT: mixtures of dynamic textures (Mahadevan, Li, Bhalodia and Vasconcelos, CVPR 2010; Li et al., PAMI 2014).

Normal video is a mixture of moving textures. A patch that none of them explains is abnormal in time, whatever is
around it; one whose textures are other ones than those around it stands out in space, as centre-surround saliency has
it. What a new scene is usually like, place by place, is how likely each texture is there: that is all that a support
set changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn.functional import avg_pool2d

from crossvad.adapters.base import Adapter, CueScores, Log
from crossvad.adapters.nets.colours import gray
from crossvad.adapters.nets.dynamic_textures import Textures, log_likelihood, mixture
from crossvad.adapters.nets.neighbours import evenly
from crossvad.adapters.options import Budget, option
from crossvad.adapters.published import EVALUATIONS
from crossvad.datasets.clips import ClipSource

FRAMES = 15
PATCH, HEIGHT = 13, 240  # pixels: of a patch, in frames so high
CLIPS, BATCH = 200, 8  # of the source that patches are taken from, and at once
ROUNDS = 10  # of hard EM, at most
LEAST = 1e-9  # of a number of patches


@dataclass(frozen=True)
class Options:
    """Sizes of the mixture, and what is around a place."""

    components: int = option(5, "textures", minimum=1, maximum=32)
    states: int = option(10, "of each texture's linear system", minimum=1, maximum=24)  # fewer than a patch has pixels
    patches: int = option(4000, "of the source that the mixture is fitted to", minimum=100)
    still: float = option(
        1e-4, "variance over time, of gray in [0, 1], up to which a patch is ground: of no texture, and never abnormal",
        minimum=0,
    )  # fmt: skip
    surround: int = option(3, "patches to each side that are around a place", trains=False, minimum=1, maximum=20)
    prior: float = option(
        10.0, "support patches that the source's shares of the textures count as, at every place", trains=False, above=0
    )


class Mdt(Adapter):
    """How little a mixture of dynamic textures explains a patch, and how much that differs from those around it."""

    Options = Options
    stochastic = False
    tunable = False
    paper = "Mahadevan et al., CVPR 2010"
    licence = "none: no code was found"
    published_evaluation = EVALUATIONS["mdt"]
    deviations = (
        "one mixture for all places, as places of one camera mean nothing on another: the paper has one a region; what "
        "is usual where comes from the support set, as shares of the textures",
        "hard EM, a component in closed form: the paper's M-step is by Kalman smoothing",
        "centre and surround are told apart by their shares of textures: the paper compares densities themselves",
        "patches of 13 x 13 pixels of a frame of 240, and as large a share of smaller ones, at least 5 x 5; half of "
        "one apart. The frame's score is that of its worst patch",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=FRAMES, scored=FRAMES // 2)
        o, self.side = self.options, max(5, round(PATCH * budget.size / HEIGHT))
        for name, values in Textures.blank(o.components, self.side**2, o.states)._asdict().items():
            self.register_buffer(name, values)
        cells = (budget.size - self.side) // self.step + 1
        self.register_buffer("least", torch.zeros(()))
        self.register_buffer("shares", torch.full((o.components, cells, cells), 1 / o.components))

    shares: Tensor  # (K, h, w), of each texture at each place
    least: Tensor  # (), abnormality of what stands still: of the most usual of the patches that were fitted

    @property
    def step(self) -> int:
        """Pixels from a patch to the next."""
        return self.side // 2

    @property
    def textures(self) -> Textures:
        """Those that were fitted."""
        return Textures(*(getattr(self, name) for name in Textures._fields))

    def patches(self, clips: Tensor) -> Tensor:
        """Cut clips (B, T, C, H, W) in [-1, 1] into patches of gray in [0, 1], (B, h, w, T, m)."""
        levels = (gray(clips) + 1) / 2  # (B, T, H, W)
        cut = levels.unfold(2, self.side, self.step).unfold(3, self.side, self.step)  # (B, T, h, w, side, side)
        return cut.permute(0, 2, 3, 1, 4, 5).flatten(4)

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Fit the mixture to moving patches, spread over the source."""
        found = []
        for clips in source.spread(CLIPS, BATCH):
            patches = self.patches(clips).flatten(0, 2)  # (N, T, m)
            found.append(patches[self._moves(patches)])
        moving = torch.cat(found)
        if len(moving) <= self.options.states:
            raise ValueError(
                f"only {len(moving)} patches of the source move by more than still = {self.options.still:g}"
            )
        chosen = evenly(moving, self.options.patches)
        o = self.options
        kinds = min(o.components, len(chosen))
        nearest = KMeans(kinds, n_init=1, random_state=0).fit_predict(chosen.flatten(1).cpu().numpy())
        first = torch.from_numpy(nearest).long().to(chosen.device)
        textures, shares = mixture(chosen, first, o.components, o.states, ROUNDS)
        for name, values in textures._asdict().items():
            getattr(self, name).copy_(values)
        self.shares.copy_(shares[:, None, None].expand_as(self.shares))
        self.least.copy_(-(log_likelihood(chosen, textures) + shares.log()).logsumexp(1).max())

    def _moves(self, patches: Tensor) -> Tensor:
        """Tell which patches (…, T, m) are more than ground, (…)."""
        return patches.var(-2, correction=0).mean(-1) > self.options.still

    def frozen_features(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """How likely each patch is under each texture, in logs (B, K, h, w), and whether it moves, (B, h, w)."""
        patches = self.patches(clips)
        logs = log_likelihood(patches.flatten(0, 2), self.textures)
        return logs.view(*patches.shape[:3], -1).movedim(3, 1), self._moves(patches)

    def calibrate(self, features: tuple[Tensor, Tensor]) -> None:
        """Share out the textures by place: as the prior has them, and as what moved there in the support set."""
        logs, moving = features
        belongs = (logs + self.shares.log()).softmax(1) * moving.unsqueeze(1)
        around = avg_pool2d(belongs.sum(0), 3, 1, 1, count_include_pad=False)  # (K, h, w), of K clips
        self.shares = (self.options.prior * self.shares + around) / (self.options.prior + around.sum(0))

    def _maps(self, clips: Any) -> tuple[Tensor, Tensor]:
        """Abnormality in time and in space, (B, h, w) both."""
        likelihoods, moving = self.frozen_features(clips) if isinstance(clips, Tensor) else clips
        logs = likelihoods + self.shares.log()
        temporal = torch.where(moving, -logs.logsumexp(1), self.least)
        return temporal, saliency(logs.softmax(1) * moving.unsqueeze(1), self.options.surround)

    @torch.no_grad()
    def score(self, clips: Any) -> CueScores:
        """{"temporal": (B,), "spatial": (B,)}: of the worst patch, in nats: minus log density, and information."""
        temporal, spatial = self._maps(clips)
        return {"temporal": temporal.amax((1, 2)), "spatial": spatial.amax((1, 2))}

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Minus log density of each patch, (B, h, w)."""
        return self._maps(clips)[0]


def saliency(shares: Tensor, reach: int) -> Tensor:
    """How much what moves in a place differs from what moves around it (Gao and Vasconcelos 2009, of shares).

    The mutual information, in nats, of a patch's texture and of whether it is in the centre, 3 x 3 patches, or in the
    surround, so many to each side: sum over both of their share of the patches times KL(theirs || all).

    Args:
        shares: of the textures at each place, (B, K, h, w), which sum to one where something moves, and to none
            elsewhere.
        reach: of the surround.

    Returns:
        (B, h, w), from 0 to log 2; 0 where nothing moves in the centre, or nothing around it.
    """

    def total(reach: int) -> Tensor:
        side = 2 * reach + 1
        return avg_pool2d(shares, side, 1, reach) * side**2  # what lies beyond the border counts as nothing

    centre, every = total(1), total(reach + 1)  # (B, K, h, w)
    count = every.sum(1, keepdim=True).clamp_min(LEAST)  # (B, 1, h, w), patches
    overall, information = every / count, torch.zeros_like(every[:, 0])
    for patches in (centre, (every - centre).clamp_min(0)):
        here = patches.sum(1, keepdim=True)
        own = patches / here.clamp_min(LEAST)
        divergence = torch.xlogy(own, own / overall.clamp_min(LEAST)).sum(1)
        information = information + (here / count).squeeze(1) * divergence
    return information
