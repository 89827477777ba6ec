import copy

import pytest
import torch
from torch import nn

from crossvad.adapters.base import Adapter
from crossvad.execution.inference import folded, ready_to_score
from crossvad.execution.memory_layouts import is_laid_out, lay_out, usual
from crossvad.planning import catalogue, registry
from crossvad.planning.budgets import BUDGETS

CPU, BUDGET = torch.device("cpu"), BUDGETS["smoke"]


def stirred(module: nn.Module) -> nn.Module:
    """In eval mode, with norms that do something."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d) and part.running_mean is not None:
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            if part.affine:
                nn.init.normal_(part.weight, 1, 0.2)
                nn.init.normal_(part.bias)
    return module.eval()


def norms(module: nn.Module) -> int:
    return sum(isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d) for part in module.modules())


@pytest.mark.parametrize(
    ("convolution", "norm", "shape"),
    [
        (nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), (2, 2, 6, 5)),
        (nn.ConvTranspose2d(2, 3, 3, 2), nn.BatchNorm2d(3, affine=False), (2, 2, 6, 5)),
        (nn.Conv3d(2, 4, 2, groups=2), nn.BatchNorm3d(4, eps=0.1), (2, 2, 3, 4, 5)),
        (nn.ConvTranspose3d(2, 3, 2, 2), nn.BatchNorm3d(3), (2, 2, 3, 4, 5)),
    ],
)
def test_a_norm_is_folded_into_the_convolution_before_it(convolution, norm, shape):
    torch.manual_seed(0)
    chain = stirred(nn.Sequential(convolution, norm, nn.ReLU()))
    given = torch.randn(shape)
    before = {name: value.clone() for name, value in chain.state_dict().items()}
    made = folded(chain)
    assert norms(made) == 0
    torch.testing.assert_close(made(given), chain(given))
    assert norms(chain) == 1
    assert all(torch.equal(value, before[name]) for name, value in chain.state_dict().items())


class Standardised(nn.Conv2d):
    """Has its weights in another form than it is called with."""

    def forward(self, given):
        weight = (self.weight - self.weight.mean()) / self.weight.std()
        return nn.functional.conv2d(given, weight, self.bias)


def test_a_norm_that_is_not_in_eval_mode_is_left_alone():
    chain = stirred(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    chain[1].train()
    assert folded(chain) is chain


class LayerByLayer(Adapter):
    """Reads what comes between a convolution and its norm, and what the norm knows."""

    def __init__(self, budget, options=None):
        super().__init__(budget, options, frames=1)
        self.net = nn.Sequential(nn.Conv2d(budget.channels, 3, 3), nn.BatchNorm2d(3))

    def score(self, clips):
        between = self.net[0](clips[:, 0])
        return {"size": between.square().mean((1, 2, 3)) + self.net[1](between).square().mean((1, 2, 3))}


class AsksTheNorm(LayerByLayer):
    def score(self, clips):
        return {"size": self.net(clips[:, 0]).mean((1, 2, 3)) / self.net[1].running_var.mean()}


@pytest.mark.parametrize("kind", [LayerByLayer, AsksTheNorm])
def test_a_method_that_reads_its_layers_one_by_one_stays_as_it_is(kind):
    method = stirred(kind(BUDGET))
    clips = torch.rand(2, 1, BUDGET.channels, BUDGET.size, BUDGET.size)
    assert norms(folded(method)) == 0
    ready = ready_to_score(method, clips, BUDGET, CPU)
    assert norms(ready) == 1
    torch.testing.assert_close(ready.score(clips), method.score(clips), rtol=1e-5, atol=1e-6)


def test_what_may_act_otherwise_is_left_alone():
    class Backwards(nn.Sequential):
        def forward(self, given):
            for part in reversed(self):
                given = part(given)
            return given

    shared, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    alone = [
        Backwards(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)),
        nn.Sequential(nn.Sequential(shared, nn.BatchNorm2d(3)), shared),
        nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 1), norm), norm),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, track_running_stats=False)),
        nn.Sequential(Standardised(3, 3, 1), nn.BatchNorm2d(3)),
        nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 3, 1)), nn.BatchNorm2d(3)),
        nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 3, 1)), nn.BatchNorm2d(3)),
        nn.Sequential(nn.ConvTranspose2d(3, 3, 2, groups=3), nn.BatchNorm2d(3)),
    ]
    for chain in map(stirred, alone):
        given = torch.randn(2, 3, 4, 4)
        made = folded(chain)
        assert norms(made) == norms(chain)
        torch.testing.assert_close(made(given), chain(given), rtol=0, atol=0)


@pytest.mark.parametrize("name", list(catalogue.METHODS))
def test_methods_score_as_before(name):
    """Also those that come in another layout, as they do from adapting."""
    torch.manual_seed(0)
    method = stirred(registry.get_method(name).build(BUDGET))
    if method.extra_inputs or not norms(method):
        pytest.skip("has no norm to fold")
    clips = torch.rand(3, method.clip.frames, BUDGET.channels, BUDGET.size, BUDGET.size) * 2 - 1
    ready = ready_to_score(lay_out(copy.deepcopy(method), "rows"), clips[:2], BUDGET, CPU)
    assert norms(ready) < norms(method) and is_laid_out(ready, usual(method))
    with torch.no_grad():
        scores, as_before = (each.score(each.frozen_features(clips)) for each in (ready, method))
    torch.testing.assert_close(scores, as_before, rtol=1e-4, atol=1e-4)
