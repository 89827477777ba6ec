"""Norms folded into what they follow: the same answers, and never where something else reads on the way."""

import pytest
import torch
from torch import nn
from torchvision import models

from crossvad.adapters.nets.folding import folded
from made import noise

IMAGE = noise(1, 3, 64, 64)


def settled(network):
    """Norms that do something: in eval mode a new one only hands on."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.weight, part.bias, part.running_mean):
                nn.init.normal_(values, 0.5, 0.2)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return network.eval().requires_grad_(False)


def norms(network):
    return sum(isinstance(part, nn.BatchNorm2d) for part in network.modules())


@pytest.mark.parametrize(("name", "left"), [("resnet18", 0), ("mobilenet_v2", 0), ("densenet121", 62)])
def test_it_says_the_same(name, left):
    """A densenet norms what it has put together of several."""
    network = settled(models.get_model(name)).double()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    quick = folded(network, IMAGE.double())
    assert norms(network) > left == norms(quick)
    torch.testing.assert_close(quick(2 * IMAGE.double()), network(2 * IMAGE.double()))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in quick.parameters())


class ReadElsewhere(nn.Module):
    """What the convolution makes goes round the norm, too."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, images):
        made = self.convolution(images)
        return made + self.norm(made)


class Twice(ReadElsewhere):
    """One convolution, once without a norm."""

    def forward(self, images):
        return self.norm(self.convolution(images)) + self.convolution(images)


@pytest.mark.parametrize("cls", [ReadElsewhere, Twice])
def test_what_is_read_elsewhere_stays(cls):
    network = settled(cls())
    quick = folded(network, IMAGE)
    assert norms(quick) == 1 and torch.equal(quick(IMAGE), network(IMAGE))
