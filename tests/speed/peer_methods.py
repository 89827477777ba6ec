"""Authors' methods as their scripts use them, and which of their weights is which of ours."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from types import SimpleNamespace
from typing import ClassVar, NamedTuple, Self

import torch
from checkouts import Checkout
from torch import Tensor, nn

from crossvad.adapters.base import Adapter


class Seen(NamedTuple):
    """What a method says of clips in eval mode."""

    frame: Tensor  # what was predicted or rebuilt
    scores: dict[str, Tensor]  # by the names of our cues, (B,), or (1,) where the code gives the mean of the batch


class Theirs(ABC):
    """A method of its authors': their network, and what their scripts do with it. Images are (B, T * C, H, W)."""

    method: ClassVar[str]  # ours, as `--method` takes it
    channels: ClassVar[int] = 3
    multiple: ClassVar[int] = 8  # of which height and width must be
    retains: ClassVar[bool] = True  # their training keeps the graph of a step
    names: ClassVar[dict[str, str]]  # how names of parameters begin, theirs and ours
    net: nn.Module
    optimizer: torch.optim.Optimizer

    @abstractmethod
    def __init__(self, code: Checkout, where: torch.device) -> None:
        """Build the network, and the optimiser of the training script."""

    @abstractmethod
    def see(self, images: Tensor) -> Seen:
        """What the test script makes of images."""

    @abstractmethod
    def loss(self, images: Tensor) -> Tensor:
        """The loss of the training script."""

    def beside(self) -> dict[str, Tensor]:
        """What the method keeps beside the network's state, by our names."""
        return {}

    def our_frame(self, adapter: Adapter, clips: Tensor) -> Tensor:
        """What ours predicts or rebuilds, in the shape that theirs has."""
        return adapter.predicted_frames(clips)

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """Change weights at which the method would not do what it does once it is trained."""

    def precise(self) -> Self:
        """A copy in float64."""
        twin = copy.deepcopy(self)
        twin.net.double()
        return twin

    def step(self, images: Tensor) -> Tensor:
        """A step of training, in the order of the scripts."""
        loss = self.loss(images)
        self.optimizer.zero_grad()
        loss.backward(retain_graph=self.retains)
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def stir(self, images: Tensor) -> None:
        """Move the network from where training starts, so that no parameter is without a consequence."""
        norms = [module for module in self.net.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.1)
            norm.momentum = 1.0  # takes the statistics of these images
        self.prepare()
        self.net.train()
        self.loss(images)
        for norm in norms:
            norm.momentum = 0.1

    def renamed(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by our names instead of theirs.

        Raises:
            SystemExit: a name is unknown, or two come to the same.
        """
        found: dict[str, Tensor] = {}
        for name, value in values.items():
            starts = [start for start in self.names if f"{name}.".startswith(f"{start}.")]
            ours = [self.names[start] + name.removeprefix(start) for start in starts]
            if len(ours) != 1 or ours[0] in found:
                raise SystemExit(f"{self.method}: no place for {name} of theirs")
            found[ours[0]] = value
        return found


def label(kind: type[Theirs]) -> str:
    """Our name of a method, without its options."""
    return kind.method.partition("[")[0]


def decibels(errors: Tensor) -> Tensor:
    """Minus what their scripts make of mean squared errors (B,), one by one, on the host: PSNR."""
    return torch.tensor([-10 * math.log10(1 / error) for error in errors.tolist()])


def frame_error(frame: Tensor, target: Tensor) -> Tensor:
    """Mean squared errors (B,) of images, mapped from [-1, 1] to [0, 1]."""
    return nn.functional.mse_loss((frame + 1) / 2, (target + 1) / 2, reduction="none").flatten(1).mean(1)


class Mnad(Theirs):
    """MNAD, prediction. Its test script scores one clip at a time: it gives one distance of features to a batch."""

    method = "lmn"
    module: ClassVar[str] = "model.final_future_prediction_with_memory_spatial_sumonly_weight_ranking_top1"
    frames: ClassVar[int] = 5
    given: ClassVar[int] = 12  # channels that go in
    target: ClassVar[int] = 12  # where the channels start that are to come out
    weight: ClassVar[float] = 0.1  # of either loss of the memory
    names: ClassVar[dict[str, str]] = {
        **{f"encoder.moduleConv{level + 1}": f"encoder.blocks.{level}" for level in range(4)},
        "encoder.moduleBatchNorm": "uncalled",
        "decoder.moduleConv": "decoder.entry",
        **{f"decoder.moduleUpsample{4 - stage}": f"decoder.ups.{stage}" for stage in range(3)},
        **{f"decoder.moduleDeconv{3 - stage}": f"decoder.merges.{stage}" for stage in range(2)},
        **{f"decoder.moduleDeconv1.{layer}": f"head.0.{layer}" for layer in (0, 1, 3, 4)},
        "decoder.moduleDeconv1.6": "head.1",
    }

    def __init__(self, code: Checkout, where: torch.device) -> None:
        self.code = code
        self.net = code.module(self.module).convAE(3, self.frames, 10, 512, 512).to(where)
        self.items = nn.functional.normalize(torch.rand(10, 512), dim=1).to(where)
        learned = [*self.net.encoder.parameters(), *self.net.decoder.parameters()]
        self.optimizer = torch.optim.Adam(learned, 2e-4)

    def beside(self) -> dict[str, Tensor]:
        return {"memory.items": self.items}

    def precise(self) -> Self:
        twin = super().precise()
        twin.items = twin.items.double()
        return twin

    def see(self, images: Tensor) -> Seen:
        found = self.net(images[:, : self.given], self.items, False)
        frame, distance = found[0], found[-1]
        error = frame_error(frame, images[:, self.target :])
        cue = "prediction" if self.frames > 2 else "reconstruction"
        return Seen(frame, {cue: decibels(error), "feature": torch.tensor([distance.item()])})

    def loss(self, images: Tensor) -> Tensor:
        # The last two are the losses of the memory, of which the two networks give either first: they weigh the same.
        frame, _, _, self.items, _, _, first, second = self.net(images[:, : self.given], self.items, True)
        error = nn.functional.mse_loss(frame, images[:, self.target :], reduction="none").mean()
        return error + self.weight * first + self.weight * second


class MnadReconstruction(Mnad):
    """MNAD, reconstruction, with the weights that its README gives."""

    method = "lmn-recon"
    module = "model.Reconstruction"
    frames, given, target, weight = 2, 3, 0, 0.01  # 2: one frame goes in


class Prototypes(Theirs):
    """What MPN and APN, which is made from it, have in common."""

    def prepare(self) -> None:
        # Heads that tell pixels apart: of those that are new, all prototypes are nearly the mean feature.
        self.net.prototype.Mheads.weight.normal_(0, 3)

    def see(self, images: Tensor) -> Seen:
        frame, distance = self.net(images[:, :12], None, False)
        features = distance.mean(-1).flatten(1).mean(1)  # for the script's 256 x 256, whatever the size
        return Seen(frame, {"prediction": decibels(frame_error(frame, images[:, -3:])), "feature": decibels(features)})


class Mpn(Prototypes):
    """MPN. Its few-shot test takes steps by a learned size for each number: here all are alike."""

    method = "mpn"
    names: ClassVar[dict[str, str]] = {
        **{f"encoder.moduleConv{level + 1}": f"encoder.blocks.{level}" for level in range(4)},
        "decoder.moduleConv": "decoder.entry",
        **{f"decoder.moduleUpsample{4 - stage}": f"decoder.ups.{stage}" for stage in range(3)},
        **{f"decoder.moduleDeconv{3 - stage}": f"decoder.merges.{stage}" for stage in range(2)},
        "prototype.Mheads": "prototypes.maps",
        **{f"ohead.{layer}": f"head.0.{layer}" for layer in (0, 2)},
        "ohead.4": "head.1",
    }

    def __init__(self, code: Checkout, where: torch.device) -> None:
        models = code.module("model.base_model")
        self.test_init = models.test_init
        self.net = models.convAE(3, 5, 10, 128, 128).to(where)
        self.optimizer = torch.optim.Adam(self.net.parameters(), 1e-4)

    def loss(self, images: Tensor) -> Tensor:
        frame, _, _, _, nearest, _, apart = self.net(images[:, :12], None, True)
        error = nn.functional.mse_loss(frame, images[:, 12:], reduction="none").mean()
        return error + nearest.mean() + 1e-4 * apart.mean()

    def adapted(self, images: Tensor, rate: float) -> dict[str, Tensor]:
        """What their few-shot test makes in one step of the parameters that adapt, by their names."""
        start = self.net.get_params(["prototype", "ohead"])
        sizes = {name: torch.full_like(value, rate) for name, value in start.items()}
        options = SimpleNamespace(test_iter=1, loss_fra_reconstruct=1.0, loss_fea_reconstruct=0.1, loss_distinguish=0.1)
        squares = nn.MSELoss(reduction="none")
        return self.test_init(self.net, start, sizes, squares, images[:, :12], images[:, 12:], options)


class Apn(Prototypes):
    """APN."""

    method = "apn-released"
    multiple = 4
    names: ClassVar[dict[str, str]] = {
        **{f"extract.encoder.moduleConv{level + 1}": f"encoder.blocks.{level}" for level in range(3)},
        **{
            f"extract.encoder.encoder_attention{level + 1}.{part}_conv": f"encoder.attend.{level}.attention.{part}"
            for level in range(3)
            for part in ("query", "key", "value")
        },
        **{
            f"extract.encoder.encoder_attention{level + 1}.gamma": f"encoder.attend.{level}.attention.gamma"
            for level in range(3)
        },
        "extract.decoder.moduleConv3": "decoder.entry",
        "extract.decoder.moduleUpsample3": "decoder.ups.0",
        "extract.decoder.moduleUpsample2": "decoder.ups.1",
        "extract.decoder.moduleDeconv2": "decoder.merges.0",
        "prototype.Mheads": "prototypes.maps",
        **{f"ohead.{layer}": f"head.0.{layer}" for layer in (0, 2)},
        "ohead.4": "head.1",
    }

    def __init__(self, code: Checkout, where: torch.device) -> None:
        self.net = code.module("model.base_model").convAE(3, 5, 10, 128, 128).to(where)
        self.similarity = code.module("model.ssim_loss").SSIM()
        self.optimizer = torch.optim.AdamW(self.net.parameters(), 1e-3)

    def prepare(self) -> None:
        super().prepare()
        for name, parameter in self.net.named_parameters():
            if name.endswith("gamma"):
                parameter.fill_(0.5)  # attention starts at nothing

    def loss(self, images: Tensor) -> Tensor:
        frame, _, _, _, nearest, _, apart, alike = self.net(images[:, :12], None, True)
        target = images[:, 12:]
        error = nn.functional.mse_loss(frame, target, reduction="none").mean()
        unlike = 1 - self.similarity(frame, target).mean()
        return error + 1e-4 * unlike + nearest.mean() + 1e-4 * apart.mean() + 1e-4 * alike


class MemAE(Theirs):
    """MemAE, of gray frames, as it takes them; ours with the code's shrinkage."""

    method = "memae[shrink=0.0025]"
    channels = 1
    multiple = 16
    retains = False
    names: ClassVar[dict[str, str]] = {
        "encoder": "encoder",
        "decoder": "decoder",
        "mem_rep.memory.weight": "memory.slots",
    }

    def __init__(self, code: Checkout, where: torch.device) -> None:
        models = code.module("models.memae_3dconv")
        self.net = models.AutoEncoderCov3DMem(1, 2000, shrink_thres=0.0025).to(where)
        self.entropy = code.module("models.entropy_loss").EntropyLossEncap()
        self.optimizer = torch.optim.Adam(self.net.parameters(), 1e-4)

    def prepare(self) -> None:
        self.net.mem_rep.memory.weight.mul_(3)  # else most queries are too far from all slots to be told any

    def see(self, images: Tensor) -> Seen:
        clips = images.unsqueeze(1)
        frames = self.net(clips)["output"]
        error = (frames - clips).square().sum(1).sqrt()
        return Seen(frames, {"reconstruction": error.flatten(1).mean(1).cpu()})

    def our_frame(self, adapter: Adapter, clips: Tensor) -> Tensor:
        return adapter.rebuild(clips)[1]

    def loss(self, images: Tensor) -> Tensor:
        clips = images.unsqueeze(1)
        found = self.net(clips)
        return nn.functional.mse_loss(found["output"], clips) + 2e-4 * self.entropy(found["att"])


PEERS: dict[str, list[type[Theirs]]] = {
    "mnad": [Mnad, MnadReconstruction], "mpn": [Mpn], "apn": [Apn], "memae": [MemAE]
}  # fmt: skip
