"""Small methods, one for each thing that the contract of `adapters.base` allows."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from crossvad.adapters.base import Adapter, Frozen
from crossvad.adapters.options import NoOptions
from crossvad.datasets.readers.extra_inputs import Extractor, register
from crossvad.planning.specs import MethodSpec


def spec(cls: type[Adapter]) -> MethodSpec:
    return MethodSpec(cls.__name__, cls, NoOptions())


class Honest(Adapter):
    """Predicts a frame as the one before, times a learned factor."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=3)
        self.factor = nn.Parameter(torch.tensor(0.9))

    def loss(self, clips):
        return (self.factor * clips[:, -2] - clips[:, -1]).square().mean()

    @torch.no_grad()
    def score(self, clips):
        return {"prediction": (self.factor * clips[:, -2] - clips[:, -1]).square().mean((1, 2, 3))}


class TinyGan(Honest):
    """A generator that scales a frame, and a discriminator that training alone needs: two optimisers."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options)
        self.discriminator = nn.Linear(budget.channels * budget.size**2, 1)

    def optimizers(self, budget):
        return {
            "generator": torch.optim.Adam([self.factor], 1e-2),
            "discriminator": torch.optim.SGD(self.discriminator.parameters(), 1e-2),
        }

    def training_step(self, clips, optimizers):
        made = self.factor * clips[:, -2]
        real, fake = (self.discriminator(frames.flatten(1)) for frames in (clips[:, -1], made.detach()))
        judged = nn.functional.softplus(-real).mean() + nn.functional.softplus(fake).mean()
        _step(optimizers["discriminator"], judged)
        fooling = nn.functional.softplus(-self.discriminator(made.flatten(1))).mean()
        loss = self.loss(clips) + 0.1 * fooling
        _step(optimizers["generator"], loss)
        return {"loss": loss.item(), "discriminator": judged.item()}

    def adaptable_parameters(self):
        return {"factor": self.factor}


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


class NearestNeighbour(Adapter):
    """Distance to the nearest frame of a bank: in closed form, in a buffer that `fit` and support sets let grow."""

    tunable = False
    bank: Tensor

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.register_buffer("bank", torch.zeros(0, budget.channels * budget.size**2))

    def fit(self, source, budget, log):
        self.bank = source.batch(20).flatten(1)

    def calibrate(self, support):
        self.bank = torch.cat([self.bank, support.flatten(1)])

    def score(self, clips):
        frames = clips.flatten(1)
        return {"distance": torch.stack([(self.bank - frame).square().mean(1).min() for frame in frames])}


class PcaInArrays(Adapter):
    """What a PCA of scikit-learn leaves of a frame; its numbers are saved as arrays. It does not adapt."""

    adapts = False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.pca: PCA | None = None

    def fit(self, source, budget, log):
        self.pca = PCA(4, svd_solver="full").fit(source.batch(20).flatten(1).numpy())

    def score(self, clips):
        frames = clips.flatten(1).numpy()
        left = frames - self.pca.inverse_transform(self.pca.transform(frames))
        return {"residual": torch.from_numpy(np.square(left).mean(1))}

    def state_arrays(self):
        return {name: getattr(self.pca, name) for name in ("mean_", "components_", "explained_variance_")}

    def load_state_arrays(self, arrays):
        self.pca = PCA(4, svd_solver="full")
        for name, array in arrays.items():
            setattr(self.pca, name, array)


class Rising(Honest):
    """In order: an error counts against the greatest of its video so far."""

    scores_in_order = True

    def score_video(self, batches):
        errors = super().score_video(batches)["prediction"]
        before = torch.cat([errors[:1], errors.cummax(0).values[:-1]])
        return {"prediction": errors / before}


class Ranked(Adapter):
    """A whole scene at once: the rank of a difference among those of all its videos. It needs no source."""

    needs_source, stochastic, adapts = False, False, False
    scores_scene = True

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=2)

    def score(self, clips):
        return {"rank": (clips[:, 1] - clips[:, 0]).square().mean((1, 2, 3)).double()}

    def score_scene(self, videos):
        differences = [self.score_video(batches)["rank"] for batches in videos]
        ordered = torch.cat(differences).sort().values
        return [{"rank": torch.searchsorted(ordered, each).double() / len(ordered)} for each in differences]


class Untrained(Adapter):
    """Needs no source, and adapts by a tuning's steps all the same: a level that starts at zero."""

    needs_source, stochastic = False, False

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.level = nn.Parameter(torch.zeros(()))

    def loss(self, clips):
        return (clips - self.level).square().mean()

    @torch.no_grad()
    def score(self, clips):
        return {"level": (clips[:, 0] - self.level).square().mean((1, 2, 3))}


def bright_box(blocks):
    """A detector: of each frame as it was filmed, the box around what is brightest, and a row for a second that is not.

    (N, 2, 5): x0, y0, x1, y1 as shares of the frame, and a confidence.
    """
    found = []
    for block in blocks:
        assert block.dtype == np.uint8 and block.shape[3] == 3
        for frame in block[..., 0].astype(int):
            ys, xs = np.nonzero(frame == frame.max())
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] / np.tile(frame.shape[::-1], 2)
            found.append([[*box, frame.max() / 255], [np.nan] * 5])
    return np.array(found)


register(Extractor("boxes:bright", 1, bright_box, native=True))


class Detecting(Adapter):
    """How far the box that a detector found in the frame's own pixels is from where such boxes are."""

    extra_inputs = ("boxes:bright",)
    tunable = False
    usual: Tensor  # (4,)

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.register_buffer("usual", torch.zeros(4))

    def boxes(self, clips):
        boxes = clips.extras["boxes:bright"][:, -1]  # (B, 2, 5), NaN where there is none
        assert boxes[:, 1].isnan().all()
        return boxes[:, 0, :4]

    def fit(self, source, budget, log):
        self.usual = self.boxes(source.batch(20)).mean(0)

    def calibrate(self, support):
        self.usual = self.boxes(support).mean(0)

    def score(self, clips):
        return {"place": (self.boxes(clips) - self.usual).square().sum(1)}


class OverFrozen(Adapter):
    """A layer learned over a pretrained network, whose features are made once."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.backbone = Frozen(pretrained())
        self.head = nn.Conv2d(4, 4, 1)

    def frozen_features(self, clips):
        return self.backbone(clips[:, 0])

    def loss(self, clips):
        features = clips if clips.dim() == 4 else self.frozen_features(clips)
        return (self.head(features) - features).square().mean()

    @torch.no_grad()
    def score(self, clips):
        features = clips if clips.dim() == 4 else self.frozen_features(clips)
        return {"feature": (self.head(features) - features).square().mean((1, 2, 3))}


def pretrained(seed: int = 5) -> nn.Module:
    """A network with weights and statistics that somebody else trained: the same whenever it is made."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        network(torch.rand(8, 1, 8, 8))
    return network


class Moving(Adapter):
    """How much a frame differs from the one before, less what is usual: from the extra input `difference`."""

    extra_inputs = ("difference",)

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=2)
        self.usual = nn.Parameter(torch.zeros(()))

    def loss(self, clips):
        return (clips.extras["difference"][:, -1].abs() - self.usual).square().mean()

    @torch.no_grad()
    def score(self, clips):
        return {"motion": (clips.extras["difference"][:, -1].abs() - self.usual).square().mean((1, 2, 3))}
