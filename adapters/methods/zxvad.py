"""zxVAD: a frame predictor that learned what is not normal, for cameras it never sees (Aich et al., WACV 2023).

Frame-Pred's U-Net with a memory at its bottom predicts the fifth frame. What it predicts must look normal to a normalcy
classifier, which learns beside it to tell predicted frames from pseudo-abnormal ones: frames of the source with foreign
objects pasted in, found by a network that nobody trained. A discriminator tells predicted frames from real ones. Both
are gone once training is over: what scores is the predictor alone, by its PSNR, and nothing is adapted.

The authors' code is not public. What the paper leaves open, and an independent reproduction had to choose
(github.com/Jiayang-Xiao/zxvad-independent-reproduction, which also lists it), is an option or a deviation here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate, linear, mse_loss, normalize

from crossvad.adapters.base import Optimizers, descend
from crossvad.adapters.methods.frame_predictor import FramePredictor
from crossvad.adapters.nets.discriminators import PatchDiscriminator
from crossvad.adapters.nets.foreign_objects import ObjectFinder, activation_map, paste
from crossvad.adapters.nets.losses import gradient_loss, lsgan_loss, ssim
from crossvad.adapters.nets.memory import SlotMemory, entropy
from crossvad.adapters.nets.training_only import TrainingOnly
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, encoder_blocks
from crossvad.adapters.options import Budget, PoolOptions, Schedule, option
from crossvad.adapters.published import EVALUATIONS

LEVELS = 4
BETAS = (0.5, 0.999)  # of Adam
SCALE, MARGIN = 64.0, math.radians(28.6)  # of ArcFace (Deng et al., CVPR 2019)


@dataclass(frozen=True)
class Options(PoolOptions):
    """The memory, the weights of the losses, and what an object is."""

    slots: int = option(2000, "of the memory; 0 leaves it out: Frame-Pred's network", minimum=0)
    shrink: float = option(5e-4, "of the memory's addressing, below which a slot is not read", minimum=0, maximum=0.5)
    addressing: Literal["cosine", "dot"] = option("cosine", "of the memory: by cosines (paper), or dot products")
    entropy: float = option(0.0025, "weight of the addressing's entropy", minimum=0)
    adversarial: float = option(0.05, "weight of fooling the discriminator; 0 trains none", minimum=0)
    normalcy: float = option(0.5, "weight of looking normal to the classifier; 0 trains none", minimum=0)
    relative: float = option(0.01, "weight in the classifier's loss of being more normal than the others", minimum=0)
    objects: Literal["mean", "tenth"] = option(
        "mean", "what is pasted: where an untrained network answers above its mean, or a tenth of its maximum"
    )


class Judges(nn.Module):
    """What training alone needs: discriminator, normalcy classifier, its two class centres, and what finds objects."""

    def __init__(self, budget: Budget, objects: Literal["mean", "tenth"]) -> None:
        super().__init__()
        widths = [budget.width * 2**level for level in range(4)]
        self.discriminator = PatchDiscriminator(budget.channels, widths, [2, 2, 2, 1, 1], norm=True)
        self.classifier = PatchDiscriminator(budget.channels, widths, [2, 2, 2, 1, 1], norm=True)
        cells = budget.size // 8 - 1  # of the classifier's map, in height and width
        self.centres = nn.Parameter(0.01 * torch.randn(2, cells**2))  # abnormal, normal
        self.finder = ObjectFinder(budget.size, objects)
        from torchvision.transforms import v2  # takes seconds, and tables need none of it

        self.augment = v2.Compose(
            [v2.ColorJitter(0.1, 0.1, 0.1, 0.1), v2.RandomAffine(360), v2.RandomPerspective(0.2, p=1.0)]
        )

    def varied(self, frames: Tensor) -> Tensor:
        """Frames (B, C, H, W) in [-1, 1] in another light, turned and tilted, each otherwise."""
        return torch.stack([self.augment((frame + 1) / 2) for frame in frames]) * 2 - 1


class Prediction(NamedTuple):
    """A predicted frame beside the real one, and how the memory was asked."""

    frame: Tensor  # (B, C, H, W)
    target: Tensor  # (B, C, H, W)
    addressing: Tensor | None  # (B * h * w, N), None without a memory


class ZxVad(FramePredictor):
    """A U-Net with a memory, trained against pasted objects; 8 728 195 parameters at width 64 in RGB."""

    Options = Options
    paper = "Aich et al., WACV 2023"
    licence = "none: not public"
    published = Schedule(5_000, 8, 2e-4, "adam", "none")
    published_evaluation = EVALUATIONS["zxvad"]
    deviations = (
        "objects are cut out of other clips of the same source, the next in a batch, which may be of the same video; "
        "batches of one have none, and paste their own: the paper takes them from a data set of its choice, "
        "which in its table's first row is the source, too",
        "an untrained ResNet-50 finds them on a map of about 8 x 8 cells, whatever the frames' size: at 256 pixels its "
        "deepest one, below that an earlier one",
        "an object is where that map is above its mean, as SCDA has it: above a tenth of its maximum, as in an "
        "independent reproduction, all of a frame is (objects=tenth; of 8 frames of Ped2 at 64 pixels, 100 %)",
        "discriminator and classifier are pix2pix's PatchGAN: the paper says no more than PatchGAN",
        "weights of the losses where the paper is not in hand: of that reproduction",
        "an image is varied by torchvision's transforms in place of Kornia's, of the same names and numbers",
        "adapts to a scene, if asked, by all of its parameters down the prediction's losses: its authors adapt nothing",
    )

    def __init__(self, budget: Budget, options: Any = None) -> None:
        super().__init__(budget, options, frames=5)
        o, deepest = self.options, budget.width * 2 ** (LEVELS - 1)
        self.encoder = Encoder(encoder_blocks(4 * budget.channels, budget.width, LEVELS))
        self.memory = SlotMemory(o.slots, deepest, o.shrink, o.addressing == "cosine") if o.slots else None
        self.decoder = Decoder(budget.width, LEVELS, entry=None, up_kernel=2)
        self.head = Head(budget.width, budget.channels)
        self.judges = TrainingOnly(lambda: Judges(budget, o.objects))

    def predict(self, clips: Tensor) -> Prediction:
        """Predict the fifth frame of clips (B, 5, C, H, W)."""
        frames = clips[:, :-1].flatten(1, 2)  # (B, 4C, H, W)
        # 1. Encode: the skips, and the deepest map (B, 8w, H/8, W/8).
        *skips, deepest = self.encoder(frames)
        # 2. Remember: each of its vectors is replaced by a mixture of slots.
        addressing = None
        if self.memory is not None:
            grid = deepest.permute(0, 2, 3, 1)  # (B, h, w, 8w)
            read, addressing = self.memory(grid.flatten(0, 2))  # (B * h * w, 8w), (B * h * w, N)
            deepest = read.view_as(grid).permute(0, 3, 1, 2)
        # 3. Decode: (B, 2w, H, W), and the frame (B, C, H, W).
        return Prediction(self.head(self.decoder(deepest, skips)), clips[:, -1], addressing)

    def loss(self, clips: Tensor) -> Tensor:
        """Add intensity, structure, gradient and the memory's entropy: all of the loss that no judge is asked for."""
        return self._prediction_loss(self.predict(clips))

    def _prediction_loss(self, prediction: Prediction) -> Tensor:
        frame, target, addressing = prediction
        loss = mse_loss(frame, target) + (1 - ssim(frame, target)) + gradient_loss(frame, target)
        return loss if addressing is None else loss + self.options.entropy * entropy(addressing)

    # ---- training: a step each of predictor, discriminator and classifier --------------------------------------------

    def optimizers(self, budget: Budget) -> Optimizers:
        """Adam for each of those that train; judges learn at a tenth of the predictor's rate (paper: 2e-4, 2e-5)."""
        o, rate, judges = self.options, self.schedule(budget).learning_rate, self.judges.network
        optimizers: Optimizers = {"predictor": torch.optim.Adam(self.parameters(), rate, BETAS)}
        if o.adversarial:
            judging = [*judges.discriminator.parameters()]
            optimizers["discriminator"] = torch.optim.Adam(judging, rate / 10, BETAS)
        if o.normalcy:
            judging = [*judges.classifier.parameters(), judges.centres]
            optimizers["classifier"] = torch.optim.Adam(judging, rate / 10, BETAS)
        return optimizers

    def training_step(self, clips: Tensor, optimizers: Optimizers) -> dict[str, float]:
        """Learn from clips (B, 5, C, H, W): first the predictor, then what judges it."""
        o, judges = self.options, self.judges.network
        prediction = self.predict(clips)
        made, real = prediction.frame, prediction.target
        loss = self._prediction_loss(prediction)
        if o.adversarial:
            loss = loss + o.adversarial * lsgan_loss(judges.discriminator(made), 1)
        if o.normalcy:
            loss = loss + o.normalcy * lsgan_loss(judges.classifier(made), 1)
        descend(optimizers["predictor"], loss)

        losses, made = {"loss": loss.item()}, made.detach()
        if o.adversarial:
            judged = lsgan_loss(judges.discriminator(real), 1) + lsgan_loss(judges.discriminator(made), 0)
            descend(optimizers["discriminator"], judged)
            losses["discriminator"] = judged.item()
        if o.normalcy:
            told = self._classifier_loss(made, clips)
            descend(optimizers["classifier"], told)
            losses["classifier"] = told.item()
        return losses

    def _classifier_loss(self, made: Tensor, clips: Tensor) -> Tensor:
        """Tell predicted frames (B, C, H, W) from frames of the clips with objects of other clips pasted in."""
        judges = self.judges.network
        shown = int(torch.randint(clips.shape[1] - 1, ()))  # which frame of the others' clips gives objects
        donors = clips[:, shown].roll(1, 0)
        pseudo, where = paste(clips[:, 0], donors, judges.finder(donors))
        # What the classifier sees of either, (B, 8w, h, w), and what it says of either, (B, 1, h', w').
        seen = [judges.classifier.features(frames) for frames in (made, pseudo)]
        normal, abnormal = (judges.classifier.judge(features) for features in seen)
        # Normalcy, absolute and relative (least squares, as relativistic GANs have it).
        told = lsgan_loss(normal, 1) + lsgan_loss(abnormal, 0)
        relative = lsgan_loss(normal - abnormal.mean(), 1) + lsgan_loss(abnormal - normal.mean(), -1)
        # Attention: it should look everywhere in a normal frame, and at the object in the other.
        looks = [activation_map(features) for features in seen]
        objects = interpolate(where, looks[1].shape[2:], mode="area")
        attention = lsgan_loss(looks[0], 1) + mse_loss(looks[1], objects) / 2
        # Affirmation: where it looks keeps normal and abnormal apart by an angle, a normal frame's variants included.
        varied = activation_map(judges.classifier.features(judges.varied(made)))
        kinds = torch.tensor([1, 1, 0], device=made.device).repeat_interleave(len(made))
        apart = arc_face(torch.cat([looks[0], varied, looks[1]]).flatten(1), judges.centres, kinds)
        return told + self.options.relative * relative + attention + apart

    # ---- scoring -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def predicted_frames(self, clips: Tensor) -> Tensor:
        """The frame predicted in the place of each clip's last, (B, C, H, W) in [-1, 1]."""
        return self.predict(clips).frame


def arc_face(embeddings: Tensor, centres: Tensor, kinds: Tensor) -> Tensor:
    """Tell embeddings apart by their angles to class centres, the own one's made larger by a margin (Deng et al. 2019).

    Args:
        embeddings: (B, D).
        centres: of the classes, (classes, D).
        kinds: class of each embedding, (B,).
    """
    cosine = linear(normalize(embeddings), normalize(centres)).clamp(-1 + 1e-6, 1 - 1e-6)  # (B, classes)
    own = nn.functional.one_hot(kinds, len(centres)).bool()
    return cross_entropy(SCALE * torch.where(own, (cosine.acos() + MARGIN).cos(), cosine), kinds)
