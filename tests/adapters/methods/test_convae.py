"""ConvAE, held against its layers written out."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource
from crossvad.datasets.errors import InputError
from crossvad.planning import registry
from crossvad.verification.conformance import moving_squares
from made import CPU, PAPER, SMOKE, build, clips_of, noise


def pooled(images):
    """Largest of every 2 x 2, and where it was."""
    batch, channels, height, width = images.shape
    out, places = images.new_zeros(batch, channels, height // 2, width // 2), {}
    for b in range(batch):
        for c in range(channels):
            for y in range(height // 2):
                for x in range(width // 2):
                    block = images[b, c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
                    at = int(block.argmax())
                    out[b, c, y, x], places[b, c, y, x] = block.flatten()[at], (2 * y + at // 2, 2 * x + at % 2)
    return out, places


def unpooled(images, places):
    batch, channels, height, width = images.shape
    out = images.new_zeros(batch, channels, 2 * height, 2 * width)
    for (b, c, y, x), (row, column) in places.items():
        out[b, c, row, column] = images[b, c, y, x]
    return out


@torch.no_grad()
@pytest.mark.parametrize(("activation", "act"), [("tanh", torch.tanh), ("relu", torch.relu)])
def test_it_is_the_published_network(activation, act):
    adapter = build(f"convae[activation={activation}]")
    frames = noise(1, 10, 16, 16)
    layers = iter(adapter.parameters())
    images, first = pooled(act(conv2d(frames, next(layers), next(layers), 4, padding=4)))
    images, second = pooled(act(conv2d(images, next(layers), next(layers), padding=2)))
    code = act(conv2d(images, next(layers), next(layers), padding=1))
    images = unpooled(act(conv_transpose2d(code, next(layers), next(layers), padding=1)), second)
    images = unpooled(act(conv_transpose2d(images, next(layers), next(layers), padding=2)), first)
    rebuilt = conv_transpose2d(images, next(layers), next(layers), 4, padding=4, output_padding=1)
    torch.testing.assert_close(adapter.reconstruct(frames), rebuilt, rtol=1e-4, atol=1e-5)


def test_its_layers_are_as_wide_as_published():
    """10-512-256-128-256-512-10, with kernels 11, 5, 3, 3, 5, 11."""
    with torch.device("meta"):
        adapter = build("convae", PAPER)
    widths, kernels = [10, 512, 256, 128, 256, 512, 10], [11, 5, 3, 3, 5, 11]
    pairs = zip(widths, widths[1:], kernels, strict=False)
    assert adapter.parameter_count() == sum(i * o * k * k + o for i, o, k in pairs) == 8_384_138


@torch.no_grad()
def test_the_score_is_the_squared_error_of_the_whole_clip():
    adapter = build("convae")
    clips = clips_of(adapter)
    error = (adapter.reconstruct(clips[:, :, 0]) - clips[:, :, 0]).square()
    sums = [math.fsum(clip.flatten().tolist()) for clip in error]
    assert adapter.score(clips)["reconstruction"].tolist() == pytest.approx(sums, rel=1e-4)
    assert torch.equal(adapter.maps(clips), error[:, 5])
    assert adapter.loss(clips).item() == pytest.approx(error.mean().item() / 2, rel=1e-5)


def test_it_learns_from_every_second_and_third_frame(monkeypatch):
    adapter, asked = build("convae"), []
    source = ClipSource([moving_squares(SMOKE.size, 60, 0)], adapter.clip, CPU, seed=0)
    plain = ClipSource.batch
    monkeypatch.setattr(ClipSource, "batch", lambda self, *given: asked.append(given) or plain(self, *given))
    adapter.fit(source, replace(SMOKE, schedule=Schedule(2, 2, 1e-3)), lambda *log: None)
    assert asked == [(2, (1, 2, 3))] * 2


def test_frames_that_cannot_be_halved_are_refused():
    with pytest.raises(InputError, match="frames of 24 pixels are not halved four times evenly"):
        registry.get_method("convae").build(replace(SMOKE, size=24))
