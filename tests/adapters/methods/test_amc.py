"""AMC: sizes of the published code, and its losses and scores written out."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, conv2d

from crossvad.adapters.methods.amc import Inception, SameConv
from crossvad.adapters.nets.losses import gradient_loss
from crossvad.adapters.nets.optical_flow import lucas_kanade
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource
from crossvad.verification.conformance import moving_squares
from made import CPU, PAPER, SMOKE, build, clips_of, noise


def count(*parts):
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def test_its_parts_have_the_published_sizes():
    """Encoder, flow decoder, frame decoder and discriminator of the Tensorflow code, by arithmetic."""
    with torch.device("meta"):
        adapter = build("amc", PAPER)
        assert count(adapter.inception) == 9_664
        assert count(adapter.inception, adapter.down) == 7_026_304
        assert count(adapter.flow_up, adapter.to_flow) == 6_559_171
        assert count(adapter.frame_up, adapter.to_frame) == 3_804_931
        assert count(adapter.discriminator.network) == 2_761_408


@torch.no_grad()
def test_a_convolution_pads_as_tensorflow_does():
    layer, images = SameConv(1, 1), noise(1, 1, 6, 6)
    wide = torch.zeros(1, 1, 9, 9)
    wide[:, :, 1:7, 1:7] = images
    torch.testing.assert_close(layer(images), conv2d(wide, layer.weight, layer.bias))


@torch.no_grad()
def test_a_branch_sees_no_farther_than_it_says():
    layer, images = Inception(1, 4), noise(1, 1, 15, 15)
    moved = images.clone()
    moved[0, 0, 7, 7] += 1
    changed = (layer(moved) - layer(images)).abs()[0] > 1e-9
    for branch, reach in enumerate((0, 1, 2, 3)):
        rows, columns = changed[branch].nonzero().T
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (7 - reach, 7 + reach) * 2


@torch.no_grad()
def test_what_it_sees_is_the_first_frame_and_what_it_tells_is_the_motion():
    adapter = build("amc")
    clips = clips_of(adapter)
    guess = adapter.guess(clips)
    flow = lucas_kanade(clips[:, 0, 0], clips[:, 1, 0])
    torch.testing.assert_close(guess.true_flow[:, :2], flow)
    torch.testing.assert_close(guess.true_flow[:, 2], flow.norm(dim=1))
    other = clips.clone()
    other[:, 1] = noise(*other[:, 1].shape)
    again = adapter.guess(other)
    assert torch.equal(again.flow, guess.flow) and torch.equal(again.frame, guess.frame)
    assert not torch.equal(again.true_flow, guess.true_flow)


def test_losses_by_hand():
    adapter = build("amc[flow=3]")
    clips = clips_of(adapter)
    guess = adapter.guess(clips)
    frame = (guess.frame - clips[:, 0]).square().mean() + gradient_loss(guess.frame, clips[:, 0])
    flow = (guess.flow - guess.true_flow).abs().mean()
    assert adapter.loss(clips).item() == pytest.approx((frame + 3 * flow).item(), rel=1e-5)


def test_a_step_is_of_the_discriminator_and_then_of_the_generator():
    adapter = build("amc[dropout=0]").train()
    clips, judge, rate = clips_of(adapter), adapter.discriminator.network, 0.1

    def cross_entropy(frame, flow, truth):
        judged = judge(torch.cat([frame, flow], 1))
        return binary_cross_entropy_with_logits(judged, torch.full_like(judged, truth))

    guess = adapter.guess(clips)
    told = [(guess.true_flow, 1.0), (guess.flow.detach(), 0.0)]
    judged = sum(cross_entropy(guess.true_frame, flow, truth) for flow, truth in told) / 2
    theirs = [*judge.parameters()]
    wanted = [w.detach() - rate * g for w, g in zip(theirs, torch.autograd.grad(judged, theirs), strict=True)]
    ours = [*adapter.parameters()]
    steps = {"generator": torch.optim.SGD(ours, 0.0), "discriminator": torch.optim.SGD(theirs, rate)}
    logged = adapter.training_step(clips, steps)
    for value, expected in zip(theirs, wanted, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)
    # The generator is judged by what the discriminator has become.
    loss = adapter.loss(clips) + 0.25 * cross_entropy(guess.true_frame, guess.flow, 1.0)
    assert logged == pytest.approx({"loss": loss.item(), "discriminator": judged.item()}, rel=1e-3)


@torch.no_grad()
def test_the_score_is_of_the_window_that_moves_least_as_predicted():
    adapter = build("amc", replace(SMOKE, size=64))
    adapter.usual.copy_(torch.tensor([2.0, 5.0]))
    clips = noise(2, 2, 1, 64, 64)
    guess, scores = adapter.guess(clips), adapter.score(clips)
    for b in range(2):
        flow = (guess.flow - guess.true_flow)[b].square().sum(0)
        frame = (guess.frame - guess.true_frame)[b].square().sum(0)
        windows = [(y, x) for y in range(0, 57, 2) for x in range(0, 57, 2)]  # of 8 x 8 pixels, 2 apart
        y, x = max(windows, key=lambda at: flow[at[0] : at[0] + 8, at[1] : at[1] + 8].mean().item())
        worst = [error[y : y + 8, x : x + 8].mean() for error in (flow, frame)]
        assert scores["flow"][b].item() == pytest.approx((worst[0] / 2).log().item(), rel=1e-4)
        assert scores["frame"][b].item() == pytest.approx((worst[1] / 5).log().item(), rel=1e-4)
    assert adapter.maps(clips).shape == (2, 29, 29)


def test_what_is_usual_is_measured_on_the_source():
    adapter = build("amc")
    source = ClipSource([moving_squares(SMOKE.size, 40, 0)], adapter.clip, CPU, seed=0)
    adapter.fit(source, replace(SMOKE, schedule=Schedule(3, 2, 1e-3)), lambda *log: None)
    usual, adapter.usual = adapter.usual.clone(), torch.ones(2)
    scores = [adapter.score(clips) for clips in source.spread(512, 16)]
    for cue, mean in zip(("flow", "frame"), usual, strict=True):
        assert torch.cat([score[cue] for score in scores]).exp().mean().item() == pytest.approx(mean.item(), rel=1e-4)
