"""rGAN: sizes of the published code, and its network, losses and scores written out."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, conv2d, interpolate, max_pool2d

from crossvad.adapters.nets.conv_lstm import ConvLstm
from crossvad.adapters.nets.losses import SCALES, gradient_loss, ms_ssim
from made import PAPER, SMOKE, build, clips_of, minus_psnr, noise

SMALL = "rgan[lstm=small]"


def count(*parts):
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def test_its_parts_have_the_published_sizes():
    with torch.device("meta"):
        adapter = build("rgan", PAPER)
        assert [count(part) for part in adapter.down] == [38_976, 221_952, 886_272, 3_542_016, 4_721_664]
        assert [count(part) for part in adapter.up] == [2_950_656, 738_048, 184_704, 110_976]
        cells = [11_008, 664_064, 3_539_968, 1_769_984, 442_624, 110_720, 27_712, 2_064]
        assert [count(cell) for cell in adapter.lstm.cells] == cells and count(adapter.out) == 195
        assert count(adapter.discriminator.network) == 205_569
        assert count(build(SMALL, PAPER).lstm) < 0.02 * count(adapter.lstm)


@torch.no_grad()
def test_a_lstm_gate_by_gate():
    lstm = ConvLstm(2, [3, 1])
    first, second = noise(2, 2, 5, 6), -noise(2, 2, 5, 6)
    outs, memories = (
        [torch.zeros(2, 3, 5, 6), torch.zeros(2, 1, 5, 6)],
        [torch.zeros(2, 3, 5, 6), torch.zeros(2, 1, 5, 6)],
    )
    states = None
    for images in (first, second):
        made, states = lstm(images, states)
        for layer, cell in enumerate(lstm.cells):
            seen, hidden = torch.cat([images, outs[layer]], 1), cell.hidden
            weight, bias = cell.gates.weight, cell.gates.bias
            i, f, o, g = (
                conv2d(seen, weight[n * hidden : (n + 1) * hidden], bias[n * hidden : (n + 1) * hidden], padding=1)
                for n in range(4)
            )
            memories[layer] = f.sigmoid() * memories[layer] + i.sigmoid() * g.tanh()
            images = outs[layer] = o.sigmoid() * memories[layer].tanh()
        torch.testing.assert_close(made, outs[-1])


@torch.no_grad()
def test_the_network_by_hand():
    adapter = build(SMALL)
    frame = clips_of(adapter)[:, 0]
    maps = [adapter.down[0](frame)]
    for block in adapter.down[1:]:
        maps.append(block(max_pool2d(maps[-1], 2)))
    up = maps[4]
    for block, skip in zip(adapter.up, maps[3::-1], strict=True):
        up = block(torch.cat([skip, interpolate(up, skip.shape[2:], mode="bilinear", align_corners=True)], 1))
    torch.testing.assert_close(adapter.see(frame), adapter.out(up))


@torch.no_grad()
@pytest.mark.parametrize(("options", "first_counts"), [("", True), (",reset_state=true", False)])
def test_the_state_goes_from_frame_to_frame_unless_it_is_forgotten(options, first_counts):
    adapter = build(f"rgan[lstm=small{options}]")
    clips = clips_of(adapter)
    other = clips.clone()
    other[:, 0] = noise(*other[:, 0].shape).abs()
    assert torch.equal(adapter.predict(clips), adapter.predict(other)) != first_counts


@torch.no_grad()
def test_frames_are_in_zero_to_one():
    adapter = build(SMALL)
    assert (adapter.clip.low, adapter.clip.high) == (0.0, 1.0)
    clips = clips_of(adapter)
    assert clips.min() >= 0 and clips.max() <= 1
    expected = minus_psnr(2 * adapter.predict(clips) - 1, 2 * clips[:, -1] - 1)
    assert adapter.score(clips)["prediction"].tolist() == pytest.approx(expected, rel=1e-4)


def naive_ssim_maps(one, other):
    """Luminance, and contrast with structure, of every whole window, by sums over its pixels."""
    line = torch.tensor([torch.exp(torch.tensor(-((i - 5) ** 2) / 2 / 1.5**2)) for i in range(11)])
    window = torch.outer(line, line) / line.sum() ** 2
    a, b = (image.unfold(0, 11, 1).unfold(1, 11, 1) for image in (one, other))
    mean_a, mean_b = (a * window).sum((2, 3)), (b * window).sum((2, 3))
    off_a, off_b = a - mean_a[..., None, None], b - mean_b[..., None, None]
    var_a, var_b, both = ((x * y * window).sum((2, 3)) for x, y in ((off_a, off_a), (off_b, off_b), (off_a, off_b)))
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1), (2 * both + c2) / (var_a + var_b + c2)


@pytest.mark.parametrize(("size", "scales"), [(16, 1), (32, 2), (64, 3), (176, 5)])
def test_similarity_over_several_scales(size, scales):
    one = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0))
    one = avg_pool2d(one, 5, 1, 2)
    other = (one + 0.05 * noise(1, 1, size, size)).clamp(0, 1)
    expected, weights = 1.0, SCALES[:scales]
    a, b = one, other
    for level, weight in enumerate(weights):
        luminance, contrast = naive_ssim_maps(a[0, 0], b[0, 0])
        similar = (luminance * contrast if level == scales - 1 else contrast).mean().item()
        expected *= similar ** (weight / sum(weights))
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    assert ms_ssim(one, other).item() == pytest.approx(expected, rel=1e-3)
    assert ms_ssim(one, one).item() == pytest.approx(1)


def test_a_step_against_the_discriminator():
    adapter = build(f"{SMALL[:-1]},gradient=0.5]").train()
    clips, judge, rate = clips_of(adapter), adapter.discriminator.network, 0.05
    twin = copy.deepcopy(adapter)
    made, real = twin.predict(clips), clips[:, -1]

    def cross_entropy(images, truth):
        judged = judge(images)
        return binary_cross_entropy_with_logits(judged, torch.full_like(judged, truth))

    loss = (made - real).abs().mean() + (1 - ms_ssim(made, real)) / 2 + 0.5 * gradient_loss(made, real)
    assert loss.item() == pytest.approx(adapter.loss(clips).item(), rel=1e-4)
    loss = loss + cross_entropy(made, 0.9)
    judged = (cross_entropy(real, 0.9) + cross_entropy(made.detach(), 0.1)) / 2
    starts = [*twin.parameters(), *judge.parameters()]
    gradients = [*torch.autograd.grad(loss, [*twin.parameters()]), *torch.autograd.grad(judged, [*judge.parameters()])]
    wanted = [start.detach() - rate * gradient for start, gradient in zip(starts, gradients, strict=True)]
    ours, theirs = [*adapter.parameters()], [*judge.parameters()]
    adapter.training_step(
        clips, {"generator": torch.optim.SGD(ours, rate), "discriminator": torch.optim.SGD(theirs, rate)}
    )
    for value, expected in zip([*ours, *theirs], wanted, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-5)


def test_the_discriminator_learns_at_a_twentieth_of_the_rate():
    rates = {name: each.param_groups[0]["lr"] for name, each in build(SMALL).optimizers(replace(SMOKE)).items()}
    assert rates == pytest.approx({"generator": 1e-3, "discriminator": 5e-5})
