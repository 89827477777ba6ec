"""Discriminators, and frames that are made abnormal: against the papers' sizes and against loops."""

import math

import pytest
import torch
from torch.nn.functional import conv2d, leaky_relu, pad

from crossvad.adapters.nets.discriminators import PatchDiscriminator
from crossvad.adapters.nets.foreign_objects import ObjectFinder, activation_map, paste
from crossvad.adapters.nets.losses import lsgan_loss


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_frame_preds_discriminator_has_the_published_size():
    with torch.device("meta"):
        network = PatchDiscriminator(3, [128, 256, 512, 512], [2, 2, 2, 1, 1], padding=2)
        assert count(network) == 6_831_489
        assert network(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 35, 35)


def test_pix2pixs_discriminator_has_the_published_size():
    """2 764 737 with its instance norms, which learn nothing; batch norms learn two numbers a channel."""
    with torch.device("meta"):
        network = PatchDiscriminator(3, [64, 128, 256, 512], [2, 2, 2, 1, 1], norm=True)
        assert count(network) == 2_764_737 + 2 * (128 + 256 + 512)
        assert network(torch.zeros(1, 3, 256, 256)).shape == (1, 1, 30, 30)


@torch.no_grad()
def test_a_discriminator_layer_by_layer():
    network = PatchDiscriminator(1, [4, 6], [2, 1, 1], padding=2, padding_mode="reflect", norm=True).eval()
    first, second, last = (part for part in network.modules() if isinstance(part, torch.nn.Conv2d))
    norm = next(part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d))
    norm.running_mean.uniform_(), norm.running_var.uniform_(0.5, 2)
    images = torch.randn(2, 1, 16, 16)

    def convolved(layer, x, stride):
        return conv2d(pad(x, (2,) * 4, mode="reflect"), layer.weight, layer.bias, stride)

    seen = leaky_relu(convolved(first, images, 2), 0.2)
    seen = convolved(second, seen, 1)
    mean, variance = norm.running_mean.view(1, -1, 1, 1), norm.running_var.view(1, -1, 1, 1)
    seen = leaky_relu((seen - mean) / (variance + norm.eps).sqrt(), 0.2)
    torch.testing.assert_close(network.features(images), seen)
    torch.testing.assert_close(network(images), convolved(last, seen, 1))


def test_least_squares():
    judged = torch.tensor([[1.0, 0.0], [0.5, 2.0]])
    assert lsgan_loss(judged, 1).item() == pytest.approx((0 + 1 + 0.25 + 1) / 4 / 2)


def test_an_activation_map_is_the_sum_over_channels():
    features = torch.randn(2, 3, 4, 5)
    for one, image in zip(activation_map(features), features, strict=True):
        sums = [[sum(abs(image[c, y, x].item()) for c in range(3)) for x in range(5)] for y in range(4)]
        torch.testing.assert_close(one[0], torch.tensor(sums) / max(map(max, sums)))


@pytest.mark.parametrize(("size", "cells"), [(32, 8), (64, 8), (128, 8), (256, 8)])
def test_objects_are_found_on_eight_by_eight_cells(size, cells):
    finder = ObjectFinder(size)
    frames = torch.rand(2, 1, size, size) * 2 - 1
    found = finder(frames)
    assert found.shape == (2, 1, size, size) and set(found.unique().tolist()) == {0.0, 1.0}
    assert finder.stages(frames.expand(-1, 3, -1, -1)).shape[2:] == (cells, cells)
    side = size // cells
    blocks = found.unfold(2, side, side).unfold(3, side, side).flatten(4)
    assert (blocks == blocks[..., :1]).all(), "an object is made of whole cells"
    assert not finder.training and not any(parameter.requires_grad for parameter in finder.parameters())


def test_a_box_is_pasted_where_it_was_drawn():
    """Pixel by pixel: what lies in the box is the donor shrunk into it, as far as that is an object."""
    size = 40
    rows = torch.arange(size).float()
    donors = (rows[:, None] * 100 + rows)[None, None].expand(6, 1, size, size)  # says where it was: y * 100 + x
    objects = torch.zeros(6, 1, size, size)
    objects[:, :, :, : size // 2] = 1  # its left half
    frames = torch.full((6, 1, size, size), -1.0)
    torch.manual_seed(1)
    pasted, where = paste(frames, donors, objects)
    torch.manual_seed(1)
    side, centre = torch.rand(6).neg().add(1).sqrt(), 2 * torch.rand(6, 2) - 1
    wrong = 0
    for b in range(6):
        for y in range(size):
            for x in range(size):
                there = [
                    (((2 * place + 1) / size - 1 - centre[b, axis]) / side[b] + 1) * size / 2 - 0.5
                    for axis, place in enumerate((x, y))
                ]
                inside = -0.5 <= there[0] < size / 2 - 0.5 and -0.5 <= there[1] < size - 0.5
                wrong += bool(where[b, 0, y, x]) != inside  # rounding may put a pixel of the edge on either side
                if where[b, 0, y, x] and 0 <= there[0] <= size - 1 and 0 <= there[1] <= size - 1:
                    assert pasted[b, 0, y, x].item() == pytest.approx(float(there[1] * 100 + there[0]), abs=0.1)
                if not where[b, 0, y, x]:
                    assert pasted[b, 0, y, x] == -1
    assert wrong <= 6 * size * 0.02 and where.mean() > 0.02


def test_boxes_take_the_share_of_the_frame_that_cutmix_gives_them():
    """1 - beta in the mean, half of the frame, were nothing cut off; a centre anywhere cuts off some."""
    whole = torch.ones(4000, 1, 16, 16)
    _, where = paste(-whole, whole, whole)
    side = torch.rand(200_000).neg().add(1).sqrt()
    share = torch.ones(200_000)
    for _ in range(2):
        centre = torch.rand(200_000)
        share *= (centre + side / 2).clamp_max(1) - (centre - side / 2).clamp_min(0)
    assert where.mean().item() == pytest.approx(share.mean().item(), abs=0.015)
    assert not math.isclose(share.mean().item(), 0.5, abs_tol=0.05)
