"""The gradient of every loss is the slope of that loss: by central differences, in double precision.

What a method holds back on purpose, so that no gradient passes, is named here with the reason.
"""

from dataclasses import replace

import pytest
import torch

from crossvad.adapters.base import Adapter
from crossvad.adapters.methods.stackrnn import StackRnn
from crossvad.adapters.nets.sparse_codes import SparseCodes
from made import SMOKE, build, noise

pytestmark = pytest.mark.usefixtures("frames_seen_once")
TINY = replace(SMOKE, width=8)
STEP = 1e-8  # less crosses a threshold, such as a memory has thousands of
LOSSES = [
    "apn", "apn[paper]", "apn[paper,cycles=0,weights=ratio]", "apn-released", "mpn", "lmn", "lmn-recon", "memae",
    "memae-2d", "framepred", "framepred[losses=intensity+gradient+flow]", "zxvad", "convae", "amc", "rgan[lstm=small]",
    "stackrnn[backbone=random]", "tsc[backbone=random]",
]  # fmt: skip


def loss_of(adapter: Adapter, clips: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(7)  # dropout, if there is any
    return adapter.loss(clips)


@pytest.mark.parametrize("method", LOSSES)
def test_the_slope_along_any_direction_is_that_of_the_gradient(method):
    adapter = build(method, TINY).double()  # eval mode: normalisation by known statistics, memories not written
    for parameter in adapter.parameters():  # attention and biases leave the points at which kinks begin
        with torch.no_grad():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)).double())
    clips = noise(2, adapter.clip.frames, 1, 32, 32).double() / 2
    if isinstance(adapter, StackRnn):  # whose loss is of what is seen of clips, too
        clips = adapter.frozen_features(clips)
    parameters = list(adapter.parameters())
    gradient = torch.autograd.grad(loss_of(adapter, clips), parameters, allow_unused=True)
    for seed in range(2):
        drawn = torch.Generator().manual_seed(seed)
        directions = [torch.randn(p.shape, generator=drawn).double() for p in parameters]
        told = sum((g * d).sum().item() for g, d in zip(gradient, directions, strict=True) if g is not None)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter.add_(sign * STEP * direction)
                ends.append(loss_of(adapter, clips).item())
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter.sub_(sign * STEP * direction)
        measured = (ends[0] - ends[1]) / (2 * STEP)
        assert measured == pytest.approx(told, rel=1e-3, abs=1e-5 * abs(ends[0]))


def test_sparse_codes_pass_gradients_to_all_that_makes_them():
    torch.manual_seed(0)
    net = SparseCodes(5, 4, layers=3).double()
    inputs = noise(2, 3, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda given, *_: net(given), (inputs, *net.parameters()))
