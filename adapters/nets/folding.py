"""A network that learns no more, made quick: its batch norms become part of the convolutions before them."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

AnyModule = TypeVar("AnyModule", bound=nn.Module)
ROUNDING = 1e-2  # of the largest output, that folding may move any by: more than TF32 does, less than a wrong network


class Call(NamedTuple):
    """A convolution or a norm at work."""

    name: str
    part: nn.Module
    given: Tensor
    made: Tensor


@torch.no_grad()
def folded(network: AnyModule, image: Tensor) -> AnyModule:
    """A copy of a network in eval mode, each batch norm folded into the convolution whose output it is given.

    Which that is, is seen as an image goes through, so that it need not be written in any particular way. A network
    whose convolutions are read elsewhere, too, says something else then, and is returned as it is.

    Args:
        network: any, of 2-D convolutions.
        image: (1, C, H, W), that it takes, of its device and precision; it may be noise.

    Returns:
        The copy, whose outputs are at most `ROUNDING` of the largest apart; else the network itself.
    """
    quick = copy.deepcopy(network)
    for before, norm in pairwise(_calls(quick, image)):
        follows = norm.given is before.made
        if follows and isinstance(before.part, nn.Conv2d) and isinstance(norm.part, nn.BatchNorm2d):
            fused = fuse_conv_bn_eval(before.part, norm.part)
            before.part.weight, before.part.bias = fused.weight, fused.bias
            parent, _, name = norm.name.rpartition(".")
            setattr(quick.get_submodule(parent), name, nn.Identity())
    said = network(image)
    alike = (quick(image) - said).abs().amax() <= ROUNDING * said.abs().amax()
    return quick.requires_grad_(False) if alike else network


def _calls(network: nn.Module, image: Tensor) -> list[Call]:
    """What convolutions and norms did, in order; those that work more than once are left out."""
    seen: list[Call] = []
    hooks = []
    for name, part in network.named_modules():
        if isinstance(part, nn.Conv2d | nn.BatchNorm2d):

            def note(part: nn.Module, given: Any, made: Any, name: str = name) -> None:
                seen.append(Call(name, part, given[0], made))

            hooks.append(part.register_forward_hook(note))
    network(image)
    for hook in hooks:
        hook.remove()
    names = [call.name for call in seen]
    return [call for call in seen if names.count(call.name) == 1]
