"""The shared parts of the methods, each against its equations written out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian
from torch.nn.functional import conv_transpose2d

from crossvad.adapters.nets.attention import CirculativeAttention, CrissCrossAttention, ResidualCrissCross
from crossvad.adapters.nets.losses import (
    decibel,
    gradient_loss,
    pixel_norm,
    pool_error,
    squared_error,
    ssim,
    weighted_regular_error,
)
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, UNet, encoder_blocks
from speed.measuring import Largest


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def unit(vector: Tensor) -> Tensor:
    return vector / vector.square().sum().sqrt()


# ---- criss-cross attention -------------------------------------------------------------------------------------------


def criss_cross(attention: CrissCrossAttention, features: Tensor) -> Tensor:
    """Pixel by pixel: softmax over the H + W - 1 different places of its column and row, the pixel itself once."""
    query, key, value = attention.query(features), attention.key(features), attention.value(features)
    result = features.clone()
    images, _, height, width = features.shape
    for b in range(images):
        for y in range(height):
            for x in range(width):
                places = [(i, x) for i in range(height) if i != y] + [(y, j) for j in range(width)]
                logits = [(query[b, :, y, x] * key[b, :, i, j]).sum() for i, j in places]
                weights = torch.stack(logits).softmax(0)
                seen = sum(weight * value[b, :, i, j] for weight, (i, j) in zip(weights, places, strict=True))
                result[b, :, y, x] = attention.gamma * seen + features[b, :, y, x]
    return result


def attention(channels: int = 16, gamma: float = 0.7) -> CrissCrossAttention:
    layer = CrissCrossAttention(channels).double()
    torch.nn.init.constant_(layer.gamma, gamma)
    return layer


@torch.no_grad()
def test_criss_cross_attention_is_the_double_loop():
    layer = attention()
    features = 3 * torch.randn(2, 16, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(features), criss_cross(layer, features))


@torch.no_grad()
def test_criss_cross_attention_survives_large_logits():
    layer = attention()
    features = 300 * torch.randn(1, 16, 4, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(features), criss_cross(layer, features))


@pytest.mark.parametrize("size", [(1, 6), (5, 1), (1, 1)])
def test_a_single_row_column_or_pixel(size):
    """A pixel that is alone in its column has nothing but itself there, and that counts in the row."""
    layer = attention(8)
    features = torch.randn(2, 8, *size, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(layer(features), criss_cross(layer, features))
    assert torch.autograd.gradcheck(layer, (features,))


@pytest.mark.parametrize("chunk", [1, 60, 110, 10_000])  # 25 energies to a column and 36 to a row of a 5 x 6 map
def test_neither_chunks_nor_the_batch_change_the_result(monkeypatch, chunk):
    monkeypatch.setattr("crossvad.adapters.nets.attention.CHUNK", chunk)
    layer = attention()
    features = 3 * torch.randn(3, 16, 5, 6, dtype=torch.float64)
    together = layer(features)
    torch.testing.assert_close(together, criss_cross(layer, features))
    torch.testing.assert_close(together, torch.cat([layer(image) for image in features.split(1)]))


def test_no_tensor_holds_all_energies(monkeypatch):
    monkeypatch.setattr("crossvad.adapters.nets.attention.CHUNK", 600)  # two columns or rows of 16 x 16
    layer, features = CrissCrossAttention(8), torch.randn(1, 8, 16, 16, requires_grad=True)
    with Largest() as largest:
        layer(features).sum().backward()
    assert largest.elements == features.numel() == 16**3 // 2


@pytest.mark.parametrize("cycles", [1, 2])
@pytest.mark.parametrize("unit_class", [ResidualCrissCross, CirculativeAttention])
def test_two_cycles_reach_every_pixel_and_one_only_row_and_column(unit_class, cycles):
    layer = unit_class(8, cycles).double()
    torch.nn.init.ones_(layer.attention.gamma)
    if unit_class is CirculativeAttention:
        torch.nn.init.constant_(layer.fuse[0].bias, 100.0)  # no ReLU is shut: what it cuts off would look unreached
    features = torch.randn(1, 8, 5, 6, dtype=torch.float64)
    reached = jacobian(lambda f: layer(f)[0, :, 2, 3], features)[:, 0].abs().sum((0, 1)) > 1e-12  # (5, 6)
    expected = torch.ones(5, 6, dtype=torch.bool)
    if cycles == 1:
        expected = (torch.arange(5)[:, None] == 2) | (torch.arange(6) == 3)
    assert torch.equal(reached, expected)


def test_attention_starts_as_the_identity():
    features = torch.randn(2, 16, 4, 4)
    assert torch.equal(CrissCrossAttention(16)(features), features)
    assert torch.equal(ResidualCrissCross(16)(features), 2 * features)


@torch.no_grad()
def test_cycles_share_one_attention_and_add_the_input():
    layer = ResidualCrissCross(16, cycles=2).double()
    torch.nn.init.constant_(layer.attention.gamma, 0.7)
    features = torch.randn(1, 16, 3, 4, dtype=torch.float64)
    twice = criss_cross(layer.attention, criss_cross(layer.attention, features))
    torch.testing.assert_close(layer(features), features + twice)


@torch.no_grad()
@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_circulative_attention_is_the_equations(cycles):
    layer = CirculativeAttention(16, cycles, reduction=2).double()
    torch.nn.init.constant_(layer.attention.gamma, 0.7)
    features = torch.randn(2, 16, 3, 4, dtype=torch.float64)

    def pixels(convolution: torch.nn.Conv2d, given: Tensor) -> Tensor:
        return torch.einsum("oc,bchw->bohw", convolution.weight[:, :, 0, 0], given) + convolution.bias[:, None, None]

    attended = pixels(layer.reduce, features)
    assert attended.shape == (2, 8, 3, 4)
    for _ in range(cycles):
        attended = criss_cross(layer.attention, attended)
    fused = pixels(layer.fuse[0], torch.cat([features, attended], 1))
    assert fused.min() < 0 < fused.max()
    torch.testing.assert_close(layer(features), fused.clamp_min(0))


@pytest.mark.parametrize("channels", [64, 128, 256])
def test_attention_parameters(channels):
    count = sum(p.numel() for p in ResidualCrissCross(channels).parameters())
    assert count == 1.25 * channels**2 + 1.25 * channels + 1


@pytest.mark.parametrize("channels, reduced", [(16, 8), (64, 16), (256, 64)])
@pytest.mark.parametrize("cycles", [1, 2])
def test_circulative_attention_parameters(channels, reduced, cycles):
    count = sum(p.numel() for p in CirculativeAttention(channels, cycles).parameters())
    reduce, fuse = channels * reduced + reduced, (channels + reduced) * channels + channels
    assert count == reduce + 1.25 * reduced**2 + 1.25 * reduced + 1 + fuse


@pytest.mark.parametrize("chunk", [10, 10_000])  # a column of three, then two rows of two and one: or all at once
def test_attention_gradient(monkeypatch, chunk):
    monkeypatch.setattr("crossvad.adapters.nets.attention.CHUNK", chunk)
    layer = attention(8)
    features = torch.randn(1, 8, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (features,))


# ---- losses ----------------------------------------------------------------------------------------------------------


def test_squared_error_is_on_a_scale_from_black_to_white():
    black, white = torch.full((1, 2, 1, 2), -1.0), torch.full((1, 2, 1, 2), 1.0)
    white[0, 1, 0, 1] = 0.0
    assert squared_error(black, white).tolist() == [[[1.0, (1 + 0.25) / 2]]]


def test_pools():
    error = torch.zeros(2, 24, 32)
    error[0, 8:16, 12:20] = 3.0  # one patch of the grid of 8 x 8 patches that lie 4 apart
    error[1] = torch.arange(24 * 32).view(24, 32) / (24 * 32 - 1)
    assert pool_error(error).tolist() == pytest.approx([3 * 64 / 768, 0.5])
    assert pool_error(error, "patch")[0].item() == pytest.approx(3.0)
    assert pool_error(error, "p99").tolist() == pytest.approx([3.0, 0.99])
    error[0, 8, 12] = 0.0
    assert pool_error(error, "patch")[0].item() == pytest.approx(3 * 63 / 64)


def test_decibel_is_minus_psnr():
    prediction, target = torch.rand(3, 1, 4, 5) * 2 - 1, torch.rand(3, 1, 4, 5) * 2 - 1
    for number, score in enumerate(decibel(pool_error(squared_error(prediction, target)))):
        difference = ((prediction[number] + 1) / 2 - (target[number] + 1) / 2).flatten().tolist()
        psnr = 10 * math.log10(1.0**2 / (sum(d * d for d in difference) / 20))
        assert score.item() == pytest.approx(-psnr, rel=1e-5)
    assert decibel(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([-100, 0])


def test_gradient_loss_by_hand():
    prediction = torch.tensor([[[[0.0, 1.0, -1.0], [2.0, 3.0, 3.0]]]])
    target = torch.tensor([[[[0.0, -1.0, -1.0], [0.0, 1.0, 4.0]]]])
    # To the right, at last to a zero: |1|, |-2|, |1| and |1|, 0, |-3| against |-1|, 0, |1| and |1|, |3|, |-4|.
    along_x = 0 + 2 + 0 + 0 + 3 + 1
    # Down, at last to a zero: |2|, |2|, |4| and |-2|, |-3|, |-3| against 0, |2|, |5| and 0, |-1|, |-4|.
    along_y = 2 + 0 + 1 + 2 + 2 + 1
    assert gradient_loss(prediction, target).item() == pytest.approx(along_x / 6 + along_y / 6)
    assert gradient_loss(target, -target).item() == 0


def test_pixel_norm_by_hand():
    residual = torch.tensor([[[[3.0, 0.0]], [[4.0, 0.0]]]], requires_grad=True)  # two channels, two pixels
    norm = pixel_norm(residual)
    torch.testing.assert_close(norm, torch.tensor([[[5.0, 1e-6]]]))
    norm.sum().backward()
    assert torch.isfinite(residual.grad).all()


def test_weighted_regular_error_by_hand():
    target = torch.zeros(2, 1, 1, 2)
    prediction = torch.tensor([[[[1.0, 0.2]]], [[[0.0, 0.0]]]])  # errors 0.25 and 0.01 on a scale from 0 to 1; none
    weights = [1 - math.exp(-0.25), 1 - math.exp(-0.01)]
    expected = (weights[0] * 0.25 + weights[1] * 0.01) / sum(weights)
    assert weighted_regular_error(prediction, target).tolist() == pytest.approx([expected, 0.0])
    assert expected > (0.25 + 0.01) / 2  # large errors weigh more


def test_ssim_is_the_sliding_window():
    first, second = torch.rand(2, 2, 6, 7, dtype=torch.float64), torch.rand(2, 2, 6, 7, dtype=torch.float64)
    line = [math.exp(-((i - 5) ** 2) / (2 * 1.5**2)) for i in range(11)]
    values = []
    for p, t in zip(first.flatten(0, 1), second.flatten(0, 1), strict=True):
        for y in range(6):
            for x in range(7):
                window = [
                    (line[5 + dy] * line[5 + dx] / sum(line) ** 2, y + dy, x + dx)
                    for dy in range(-5, 6)
                    for dx in range(-5, 6)
                    if 0 <= y + dy < 6 and 0 <= x + dx < 7
                ]
                mean_p, mean_t = (sum(w * image[i, j] for w, i, j in window) for image in (p, t))
                spread_p, spread_t, common = (
                    sum(w * a[i, j] * b[i, j] for w, i, j in window) - m
                    for a, b, m in ((p, p, mean_p**2), (t, t, mean_t**2), (p, t, mean_p * mean_t))
                )
                luminance = (2 * mean_p * mean_t + 1e-4) / (mean_p**2 + mean_t**2 + 1e-4)
                values.append(luminance * (2 * common + 9e-4) / (spread_p + spread_t + 9e-4))
    torch.testing.assert_close(ssim(first, second), torch.stack(values).mean())
    assert ssim(first, first).item() == pytest.approx(1)


@pytest.mark.parametrize("loss", [gradient_loss, ssim, lambda p, t: weighted_regular_error(p, t).sum()])
def test_loss_gradient(loss):
    prediction = torch.rand(1, 1, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: loss(p, torch.zeros_like(p) + 0.3), (prediction,))


# ---- U-Net -----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_encoder_and_decoder_shapes():
    finest, middle, deepest = Encoder(encoder_blocks(3, 4, levels=3))(torch.rand(2, 3, 16, 24))
    assert (finest.shape, middle.shape, deepest.shape) == ((2, 4, 16, 24), (2, 8, 8, 12), (2, 16, 4, 6))
    assert Decoder(4, 3, entry=16)(deepest, [finest, middle]).shape == (2, 8, 16, 24)
    wide = torch.cat([deepest, deepest], 1)
    assert Decoder(4, 3, entry=32, norm=True)(wide, [finest, middle]).shape == (2, 8, 16, 24)


@torch.no_grad()
def test_unet_gives_an_image_of_the_same_size():
    image = UNet(4, 1, 4)(100 * torch.randn(2, 4, 16, 24))
    assert image.shape == (2, 1, 16, 24)
    assert image.abs().max() <= 1
    assert Head(4, 3, norm=True)(torch.rand(2, 8, 5, 7)).shape == (2, 3, 5, 7)


@pytest.mark.parametrize("kernel", [2, 3])
@torch.no_grad()
def test_what_comes_up_is_a_transposed_convolution_and_its_positive_part(kernel):
    decoder, features = Decoder(4, 3, entry=None, up_kernel=kernel), torch.randn(2, 16, 3, 5)
    (weight, bias), margin = decoder.ups[0].parameters(), kernel - 2
    whole = conv_transpose2d(features, weight, bias, stride=2, padding=margin, output_padding=margin)
    torch.testing.assert_close(decoder.ups[0](features), whole.relu())
    assert weight.shape == (16, 8, kernel, kernel) and whole.shape == (2, 8, 6, 10) and (whole < 0).any()


@torch.no_grad()
def test_the_finest_skip_comes_first():
    decoder = Decoder(4, 3, entry=16)
    skips = [torch.rand(1, 4, 16, 16), torch.rand(1, 8, 8, 8)]
    assert torch.equal(decoder(torch.rand(1, 16, 4, 4), skips)[:, :4], skips[0])


@torch.no_grad()
def test_an_encoder_may_end_bare():
    images = torch.randn(2, 3, 16, 16)
    bare = Encoder(encoder_blocks(3, 4, 2, norm=True, last_activation=False))
    closed = Encoder(encoder_blocks(3, 4, 2, norm=True))
    assert bare(images)[-1].min() < 0 <= closed(images)[-1].min()
    assert bare(images)[0].min() == 0


@torch.no_grad()
def test_what_attends_to_a_level_is_passed_on():
    blocks, images = encoder_blocks(1, 2, levels=3), torch.rand(1, 1, 8, 8)
    plain = Encoder(blocks)(images)
    assert torch.equal(Encoder(blocks).bottleneck(plain[-1]), plain[-1])
    clip, double = torch.nn.Hardtanh(0.0, 1e-3), torch.nn.Upsample(scale_factor=2)
    attended = Encoder(blocks, [clip, torch.nn.Identity(), double])
    finest, middle, deepest = attended(images)
    assert torch.equal(finest, plain[0].clamp(0, 1e-3)) and not torch.equal(finest, plain[0])
    assert torch.equal(middle, blocks[1](torch.nn.functional.max_pool2d(finest, 2)))
    assert torch.equal(deepest, blocks[2](torch.nn.functional.max_pool2d(middle, 2)))  # not attended to
    assert torch.equal(attended.bottleneck(deepest), double(deepest))


def test_an_encoder_attends_to_every_level_or_to_none():
    attention = [torch.nn.Conv2d(2, 2, 1), torch.nn.Conv2d(4, 4, 1)]
    names = list(Encoder(encoder_blocks(1, 2, levels=2), attention).state_dict())
    assert names[-4:] == ["attend.0.weight", "attend.0.bias", "attend.1.weight", "attend.1.bias"]
    assert list(Encoder(encoder_blocks(1, 2, levels=2)).state_dict()) == names[:-4]


@torch.no_grad()
def test_a_decoder_may_be_run_in_parts():
    decoder, deepest = Decoder(4, 3, entry=16), torch.rand(1, 16, 4, 4)
    skips = [torch.rand(1, 4, 16, 16), torch.rand(1, 8, 8, 8)]
    whole = decoder(deepest, skips)
    for stop in range(4):
        part = decoder(deepest, skips, stop=stop)
        assert part.shape[2] == 4 * 2 ** max(stop - 1, 0)
        assert torch.equal(decoder(part, skips, start=stop), whole)


@torch.no_grad()
def test_a_decoder_without_skips_keeps_its_channels_instead():
    decoder, deepest = Decoder(4, 3, entry=16, skips=False), torch.rand(1, 16, 4, 4)
    skips = [torch.rand(1, 4, 16, 16), torch.rand(1, 8, 8, 8)]
    assert decoder(deepest, []).shape == Decoder(4, 3, entry=16)(deepest, skips).shape
    assert torch.equal(decoder(deepest, skips), decoder(deepest, []))
