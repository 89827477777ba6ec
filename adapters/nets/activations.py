"""What each level of a U-Net makes of images, caught while a method runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from crossvad.adapters.nets.unet import Decoder, Encoder


@contextmanager
def activation_norms(method: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Catch the L2 norms over the channels of what a method's U-Net makes of images, while the method runs.

    Yields:
        What then is filled: by names such as "encoder 1/4", which tell the share of the images' size, norms (B, h, w),
        in the order in which maps are made. Of a map that is attended to, what comes of that. Nothing without a U-Net.
    """
    norms: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for layer, name in _levels(method):

            def keep(layer: nn.Module, inputs: object, made: Tensor, name: str = name) -> None:
                norms[name] = made.detach().square().sum(1).sqrt()

            hooks.callback(layer.register_forward_hook(keep).remove)
        yield norms


def has_unet(method: nn.Module) -> bool:
    """Whether there are levels whose norms could be caught."""
    return any(True for _ in _levels(method))


def _levels(method: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """The layers of a method's U-Net that end a level, and what to call their maps."""
    for part in method.modules():
        if isinstance(part, Encoder):
            for layers in (part.blocks, part.attend):
                yield from ((layer, f"encoder 1/{2**level}") for level, layer in enumerate(layers))
        if isinstance(part, Decoder):
            deepest = len(part.merges)
            if not isinstance(part.entry, nn.Identity):
                yield part.entry, f"decoder 1/{2**deepest}"
            for stage, layer in enumerate(part.merges, 1):
                yield layer, f"decoder 1/{2 ** (deepest - stage)}"
