"""MPPCA: what moves in a place, decided with its neighbours in space and time (Kim and Grauman, CVPR 2009).

"Observe locally, infer globally". What moves in a cell of the frame is a histogram of optical flow; a mixture of
probabilistic principal component analysers says how usual it is. Whether each cell of the last ten frames is abnormal
is then decided by all of them together: a Markov random field over space and time, in which neighbours tend to be
alike. A support set updates the mixture cell by cell, in closed form, as the paper updates it while it watches.

`mppca[sf]` has social force beside it (Mehran, Oyama and Shah, CVPR 2009), as Mahadevan et al. put both together in
2010.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from crossvad.adapters.base import Adapter, CueScores, Log
from crossvad.adapters.nets.colours import gray
from crossvad.adapters.nets.grid_field import believed
from crossvad.adapters.nets.motion import box_mean
from crossvad.adapters.nets.optical_flow import lucas_kanade
from crossvad.adapters.nets.overlaps import each_once
from crossvad.adapters.nets.ppca import fit_mixture, log_densities
from crossvad.adapters.options import Budget, option
from crossvad.adapters.published import EVALUATIONS
from crossvad.datasets.clips import ClipSource

MOMENTS = 10  # that are decided together: as many pairs of frames
CELLS, PARTS = 8, 2  # of a frame, and of a cell, to each side
SECTORS = 8  # of directions
CLIPS, BATCH = 300, 4  # of the source that motion is taken from, and at once
EM_ROUNDS, MESSAGES = 20, 10
AVERAGED = 2  # pixels to each side over which the flow of a crowd is averaged
RELAXATION = 0.5  # frames in which a particle would take up the speed that it desires


@dataclass(frozen=True)
class Options:
    """Sizes of the mixture, and how much neighbours count."""

    presets: ClassVar[dict[str, dict[str, Any]]] = {"sf": {"force": 0.5}}

    components: int = option(3, "of the mixture", minimum=1, maximum=16)
    latent: int = option(4, "q, dimensions of each component, of 36", minimum=1, maximum=16)
    coupling: float = option(
        1.0, "log weight of neighbours that are alike; 0: each cell by itself", trains=False, minimum=0
    )
    prior: float = option(
        20.0, "support histograms that the source's mixture counts as, in every cell", trains=False, above=0
    )
    force: float = option(
        0.0, "weight of the cue force, of social force, beside motion; 0: there is none", trains=False, minimum=0
    )


class Mppca(Adapter):
    """How unusual what moves in a cell is, decided together with the cells around and before it."""

    Options = Options
    stochastic = False
    tunable = False
    paper = "Kim & Grauman, CVPR 2009"
    licence = "none: the authors' code was not at hand"
    published_evaluation = EVALUATIONS["mppca"]
    deviations = (
        "one mixture for all cells, as places of one camera mean nothing on another; what is usual where comes from "
        "the support set, which moves means and shares cell by cell: the paper has one mixture a cell, and updates all "
        "of it",
        "flow is Lucas and Kanade's over a pyramid, on 8 x 8 cells of 2 x 2 parts; 9 numbers a part, as a "
        "re-implementation has them: all speed, and that of 8 directions",
        "a node's evidence is how many standard deviations its minus log density lies above the mean of the source's, "
        "and the field is solved by sum-product in ten rounds: the paper's potentials and its maximum a posteriori "
        "were not at hand",
        "the frame's score is that of its most abnormal cell",
        "force (mppca[sf]) is an interpretation: mean size of the interaction force in a cell, over its usual size "
        "there, at the worst cell, in place of words and topics; how Mahadevan et al. put both together is not known",
    )
    shares: Tensor  # (h, w, K)
    means: Tensor  # (h, w, K, D)
    loadings: Tensor  # (K, D, q)
    noise: Tensor  # (K,)
    usual: Tensor  # (2,), mean and standard deviation of minus log densities of the source
    pushing: Tensor  # (h, w), usual size of the interaction force

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=MOMENTS + 1)
        if budget.size % (CELLS * PARTS):
            raise ValueError(f"frames of {budget.size} pixels are not cut into {CELLS * PARTS} parts evenly")
        o, size = self.options, PARTS**2 * (SECTORS + 1)
        self.register_buffer("shares", torch.full((CELLS, CELLS, o.components), 1 / o.components))
        self.register_buffer("means", torch.zeros(CELLS, CELLS, o.components, size))
        self.register_buffer("loadings", torch.zeros(o.components, size, o.latent))
        self.register_buffer("noise", torch.ones(o.components))
        self.register_buffer("usual", torch.tensor([0.0, 1.0]))
        self.register_buffer("pushing", torch.ones(CELLS, CELLS))

    @property
    def fusion(self) -> dict[str, float]:
        """Motion, and force if it is a cue."""
        return {"motion": 1.0, **({"force": self.options.force} if self.options.force else {})}

    def frozen_features(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """What moves, (B, 10, h, w, D), and how hard what moves is pushed, (B, 10, h, w), in every cell."""
        levels = gray(clips)  # (B, T, H, W)
        flow = each_once(levels, lambda frames: lucas_kanade(frames[:-1], frames[1:]), shorter=1)  # (B, 10, 2, H, W)
        return histograms(flow), in_cells(interaction(flow))

    def fit(self, source: ClipSource, budget: Budget, log: Log) -> None:
        """Fit the mixture to all cells of clips spread over the source, by EM."""
        found = [self.frozen_features(clips) for clips in source.spread(CLIPS, BATCH)]
        motion = torch.cat([part[0] for part in found])[:, ::3].flatten(0, 3)  # (N, D): neighbours in time are alike
        o = self.options
        mixture, curve = fit_mixture(motion, o.components, o.latent, EM_ROUNDS)
        for round_, likelihood in enumerate(curve, 1):
            log(round_, len(curve), {"loss": -likelihood})
        self.shares.copy_(mixture.shares.expand_as(self.shares))
        self.means.copy_(mixture.means.expand_as(self.means))
        self.loadings.copy_(mixture.loadings)
        self.noise.copy_(mixture.noise)
        surprise = -(log_densities(motion, *mixture[1:]) + mixture.shares.log()).logsumexp(1)
        self.usual.copy_(torch.stack([surprise.mean(), surprise.std().clamp_min(1e-6)]))
        pushed = torch.cat([part[1] for part in found])[:, 1:]  # the first moment knows of no change
        self.pushing.copy_(pushed.mean().clamp_min(1e-9).expand_as(self.pushing))

    def _joint(self, motion: Tensor) -> Tensor:
        """Log of share times density, of each component in its cell, (B, 10, h, w, K)."""
        return log_densities(motion, self.means, self.loadings, self.noise) + self.shares.log()

    def calibrate(self, features: tuple[Tensor, Tensor]) -> None:
        """Update shares and means of every cell by what moved there in the support set (maximum a posteriori)."""
        # Clips of a support set are one frame apart: of each but the first, the last moment alone is new.
        motion, force = (torch.cat([part[0], part[1:, -1]])[None] for part in features)  # (1, K + 9, h, w, …)
        prior, seen, pushed = self.options.prior, motion.shape[1], force[:, 1:]
        belongs = self._joint(motion).softmax(4)  # (1, K + 9, h, w, K)
        total = torch.einsum("bthwk,bthwd->hwkd", belongs, motion)
        before, count = prior * self.shares, belongs.sum((0, 1))  # (h, w, K) both
        self.means = (before.unsqueeze(3) * self.means + total) / (before + count).clamp_min(1e-9).unsqueeze(3)
        self.shares = (before + count) / (prior + seen)
        self.pushing = (prior * self.pushing + pushed.sum((0, 1))) / (prior + pushed.shape[1])

    def _field(self, motion: Tensor) -> Tensor:
        """Log-odds that each cell of the last moment is abnormal, (B, h, w)."""
        mean, spread = self.usual
        evidence = (-self._joint(motion).logsumexp(4) - mean) / spread
        return believed(evidence, self.options.coupling, MESSAGES if self.options.coupling else 0)[:, -1]

    @torch.no_grad()
    def score(self, clips: Any) -> CueScores:
        """{"motion": (B,), "force": (B,)}: of the worst cell, log-odds, and force over its usual size, in dB."""
        motion, force = self.frozen_features(clips) if isinstance(clips, Tensor) else clips
        scores = {"motion": self._field(motion).amax((1, 2))}
        if self.options.force:
            worst = (force[:, -1] / self.pushing).amax((1, 2))
            scores["force"] = 10 * worst.clamp_min(1e-9).log10()
        return scores

    @torch.no_grad()
    def maps(self, clips: Tensor) -> Tensor:
        """Log-odds that each cell is abnormal, (B, h, w)."""
        return self._field(self.frozen_features(clips)[0])


def in_cells(maps: Tensor, parts: int = 1) -> Tensor:
    """Mean of maps (…, H, W) over the cells of a frame, or so many parts of them to each side: (…, h, w)."""
    side = maps.shape[-1] // (CELLS * parts)
    return avg_pool2d(maps.reshape(-1, 1, *maps.shape[-2:]), side).view(*maps.shape[:-2], CELLS * parts, CELLS * parts)


def histograms(flow: Tensor) -> Tensor:
    """What moves in every cell, of flow (…, 2, H, W): (…, h, w, D), mean speeds in pixels a frame.

    Of each of a cell's 2 x 2 parts: of all directions, and of each of 8 sectors of directions.
    """
    right, down = flow.unbind(-3)
    speed = (right.square() + down.square()).sqrt()
    sector = (torch.atan2(down, right) / (2 * torch.pi / SECTORS)).floor().long() % SECTORS
    each = torch.nn.functional.one_hot(sector, SECTORS).movedim(-1, -3) * speed.unsqueeze(-3)  # (…, 8, H, W)
    parts = in_cells(torch.cat([speed.unsqueeze(-3), each], -3), PARTS)  # (…, 9, 2h, 2w)
    cut = parts.reshape(-1, SECTORS + 1, CELLS, PARTS, CELLS, PARTS).permute(0, 2, 4, 3, 5, 1)  # (…, h, w, 2, 2, 9)
    return cut.reshape(*parts.shape[:-3], CELLS, CELLS, -1)


def interaction(flow: Tensor) -> Tensor:
    """Size of the interaction force on particles that flow (B, T, 2, H, W) carries along, (B, T, H, W).

    F = (v' - v) / tau - dv/dt, where v is the flow averaged around a particle, and v' what it would be by itself: half
    its own flow and half the average (Mehran et al., with their panic weight at one half). At the first moment v has
    not changed yet.
    """
    own = flow.flatten(0, 2)
    average = box_mean(own, AVERAGED).view_as(flow)
    desired = (flow + average) / 2
    change = torch.cat([torch.zeros_like(average[:, :1]), average.diff(dim=1)], 1)
    return ((desired - average) / RELAXATION - change).norm(dim=2)
