"""The frame predictor, held against its layers written out."""

import math
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, max_pool2d

from made import SMOKE, build, clips_of


@torch.no_grad()
def test_framepred_is_the_published_network():
    """Liu et al.'s code: all convolutions but the last are rectified, the transposed ones too; skips come first."""
    adapter = build("framepred", replace(SMOKE, channels=3))
    clips = clips_of(build("framepred")).expand(-1, -1, 3, -1, -1)
    layers = iter(adapter.net.parameters())

    def convolved(images: Tensor) -> Tensor:
        return conv2d(images, next(layers), next(layers), padding=1)

    images, skips = clips[:, :4].flatten(1, 2), []
    for level in range(4):
        images = convolved(convolved(max_pool2d(images, 2) if level else images).relu()).relu()
        skips.append(images)
    ups = [(next(layers), next(layers)) for _ in range(3)]
    merges = [(next(layers), next(layers), next(layers), next(layers)) for _ in range(2)]
    head = [*layers]
    merges.append(tuple(head[:4]))
    for skip, (weight, bias), (first, first_bias, second, second_bias) in zip(skips[-2::-1], ups, merges, strict=True):
        images = torch.cat([skip, conv_transpose2d(images, weight, bias, stride=2).relu()], 1)
        images = conv2d(conv2d(images, first, first_bias, padding=1).relu(), second, second_bias, padding=1).relu()
    torch.testing.assert_close(adapter.predict(clips), conv2d(images, *head[4:], padding=1).tanh())


def test_framepred_starts_as_the_published_one():
    """Uniformly within sqrt(6 / (fan in + fan out)), biases at zero."""
    for name, values in build("framepred").named_parameters():
        if name.endswith("bias"):
            assert (values == 0).all()
        else:
            outputs, inputs, height, width = values.shape
            bound = math.sqrt(6 / (height * width * (inputs + outputs)))
            assert 0.9 * bound < values.abs().max() <= bound
