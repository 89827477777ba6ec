"""A method made ready to score: what training and adapting need of it and scoring does not is folded away."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from crossvad.adapters.base import Adapter
from crossvad.adapters.options import Budget, Precision
from crossvad.execution.memory_layouts import Layout, fastest, is_laid_out, lay_out
from crossvad.execution.precision import computing_in

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)
ROUNDING = 1e-3  # of a score, relative and absolute: that folding may move it by; cues are often in dB

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def ready_to_score(
    adapter: Adapter, clips: Any, budget: Budget, device: torch.device, precision: Precision = "float32"
) -> Adapter:
    """A method for scoring alone: batch norms folded, in the memory layout that scoring is fastest in.

    Scores are those of the method, up to rounding. It is the method itself if there is nothing to be done. A method
    that reads its layers one by one, so that folding changes what it says of these clips, stays unfolded.

    Args:
        adapter: a method that has learned and adapted all it will; it stays as it is.
        clips: a few of those to be scored.
        budget: that the method was built at.
        device: where it is.
        precision: that it is going to score in, for which a layout is looked for.
    """

    @torch.no_grad()
    def score(method: Adapter) -> dict[str, Tensor]:
        return method.score(method.frozen_features(clips))

    def timed(method: Adapter, _: Layout) -> None:
        with computing_in(precision, device):
            score(method)

    ready = folded(adapter)
    layout = fastest(ready, "scoring", budget, device, timed, "" if precision == "float32" else precision)
    if ready is not adapter and not _alike(lambda: score(ready), score(adapter)):
        ready = adapter
    if is_laid_out(ready, layout):
        return ready
    return lay_out(copy.deepcopy(ready) if ready is adapter else ready, layout)


def _alike(ask: Callable[[], dict[str, Tensor]], expected: dict[str, Tensor]) -> bool:
    """Whether a method says what is expected of it; one that raises an error does not."""
    try:
        said = ask()
    except Exception:  # whatever becomes of a method that looks for a layer that is folded away
        return False
    close = (torch.allclose(said[cue], scores, ROUNDING, ROUNDING, True) for cue, scores in expected.items())
    return said.keys() == expected.keys() and all(close)


def folded(module: AnyModule) -> AnyModule:
    """A copy of a module in eval mode in which batch norms are part of the convolutions before them.

    Only torch's own layers are taken, that follow each other within a plain `nn.Sequential` and are used there alone:
    that all but tells that one acts on the other. Where there are none, it is the module itself.
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
            alone = uses[id(first)] == uses[id(second)] == 1
            if alone and _plain(first, CONVOLUTIONS) and _plain(second, NORMS) and second.running_mean is not None:
                yield chain, place


def _plain(layer: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    """Whether a layer is of one of these classes and of no class of its own, and nothing acts on it from outside."""
    hooked = layer._forward_hooks or layer._forward_pre_hooks  # as torch's weight norm and spectral norm do
    grouped = isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d) and layer.groups > 1  # torch folds it wrongly
    return type(layer) in kinds and not (layer.training or hooked or grouped)
