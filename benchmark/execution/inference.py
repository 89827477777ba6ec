"""A method made ready to score: what training and adapting need of it and scoring does not is folded away."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget
from crossvad.execution.layouts import Layout, fastest, features_in, is_laid_out, lay_out

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def ready_to_score(adapter: Adapter, clips: Any, budget: Budget, device: torch.device) -> Adapter:
    """A method for scoring alone: batch norms folded, in the memory layout that scoring is fastest in.

    Scores are those of the method, up to rounding. It is the method itself if there is nothing to be done.

    Args:
        adapter: a method that has learned and adapted all it will; it stays as it is.
        clips: a few of those to be scored, to choose the layout with.
        budget: that the method was built at.
        device: where it is.
    """

    @torch.no_grad()
    def score(method: Adapter, layout: Layout) -> None:
        method.score(features_in(method.frozen_features(clips), layout))

    ready = folded(adapter)
    layout = fastest(ready, "scoring", budget, device, score)
    if is_laid_out(ready, layout):
        return ready
    return lay_out(copy.deepcopy(ready) if ready is adapter else ready, layout)


def folded(module: AnyModule) -> AnyModule:
    """A copy of a module in eval mode in which batch norms are part of the convolutions before them.

    Only those are taken that follow a convolution within a plain `nn.Sequential`, and are used there alone: that tells
    for sure that one acts on the other. Where there are none, it is the module itself.
    """
    if not any(_foldable(module)):
        return module
    made = copy.deepcopy(module)
    for chain, place in list(_foldable(made)):
        transposed = isinstance(chain[place], nn.ConvTranspose2d | nn.ConvTranspose3d)
        chain[place] = fuse_conv_bn_eval(chain[place], chain[place + 1], transposed)
        chain[place + 1] = nn.Identity()
    return made


def _foldable(module: nn.Module) -> Iterator[tuple[Any, int]]:
    """Each chain and place in it where a convolution stands whose norm comes next."""
    uses = Counter(id(part) for _, part in module.named_modules(remove_duplicate=False))
    for chain in [part for part in module.modules() if type(part) is nn.Sequential]:
        for place, (first, second) in enumerate(pairwise(chain)):
            pair = isinstance(first, CONVOLUTIONS) and isinstance(second, NORMS)
            if pair and second.running_mean is not None and uses[id(first)] == uses[id(second)] == 1:
                yield chain, place
