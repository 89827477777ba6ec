"""The frame predictor, held against its layers written out."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, max_pool2d

from crossvad.adapters.nets.losses import gradient_loss
from crossvad.adapters.nets.optical_flow import lucas_kanade
from crossvad.planning import registry
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


# ---- the paper's other losses ----------------------------------------------------------------------------------------

ALL = "framepred[paper]"


def test_the_papers_is_all_four_losses():
    assert registry.get_method(ALL).options.losses == "intensity+gradient+adversarial+flow"
    assert registry.get_method("framepred").options.losses == "intensity+gradient"
    assert registry.get_method("framepred[losses=intensity+gradient+adversarial+flow]").label == ALL


def test_losses_by_hand():
    adapter, plain = build("framepred[losses=intensity+gradient+flow]"), build("framepred[losses=intensity]")
    clips = clips_of(adapter)
    made, before, real = adapter.predict(clips), clips[:, -2], clips[:, -1]
    intensity = (made - real).square().mean()
    moves = [lucas_kanade(before[:, 0], frame[:, 0]) for frame in (made, real)]
    # In pixels of frames of 384 x 512, of which one of 32 x 32 is a twelfth as high and a sixteenth as wide.
    right, down = (moves[0] - moves[1]).abs().unbind(1)
    flow = (16 * right.mean() + 12 * down.mean()) / 2
    assert plain.loss(clips).item() == pytest.approx(intensity.item(), rel=1e-5)
    expected = intensity + gradient_loss(made, real) + 2 * flow
    assert adapter.loss(clips).item() == pytest.approx(expected.item(), rel=1e-5)
    assert flow > 1e-3


def test_the_flow_loss_has_a_gradient():
    adapter = build("framepred[losses=intensity+gradient+flow,flow=1000]")
    clips = clips_of(adapter)
    adapter.loss(clips).backward()
    flown = [p.grad.clone() for p in adapter.parameters()]
    adapter.zero_grad()
    (adapter.loss(clips) - build("framepred").loss(clips)).backward()
    share = sum(p.grad.norm() for p in adapter.parameters()) / sum(gradient.norm() for gradient in flown)
    assert share > 0.5, "it is the flow's"


def test_a_step_against_the_discriminator():
    """Both gradients by themselves: the discriminator's has nothing of the generator's loss in it."""
    adapter = build("framepred[losses=intensity+gradient+adversarial]").train()
    clips, judge, rate = clips_of(adapter), adapter.discriminator.network, 0.1
    made, real = adapter.predict(clips), clips[:, -1]
    judged = ((judge(real).sigmoid() - 1).square().mean() + judge(made.detach()).sigmoid().square().mean()) / 2
    ours, theirs = [*adapter.parameters()], [*judge.parameters()]
    after = copy.deepcopy(judge)  # the U-Net is judged by what the discriminator has become
    with torch.no_grad():
        for value, gradient in zip(after.parameters(), torch.autograd.grad(judged, theirs), strict=True):
            value -= rate * gradient
    loss = adapter.loss(clips) + 0.05 * (after(made).sigmoid() - 1).square().mean() / 2
    gradients = torch.autograd.grad(loss, ours)
    wanted = [start.detach() - rate * gradient for start, gradient in zip(ours, gradients, strict=True)]
    wanted += [value.detach() for value in after.parameters()]
    steps = {"all": torch.optim.SGD(ours, rate), "discriminator": torch.optim.SGD(theirs, rate)}
    logged = adapter.training_step(clips, steps)
    assert logged == pytest.approx({"loss": loss.item(), "discriminator": judged.item()})
    for value, expected in zip([*ours, *theirs], wanted, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)


def test_the_discriminator_learns_at_a_tenth_of_the_rate():
    adapter = build(ALL)
    rates = {name: each.param_groups[0]["lr"] for name, each in adapter.optimizers(SMOKE).items()}
    assert rates == pytest.approx({"all": 1e-3, "discriminator": 1e-4})
    assert {*build("framepred").optimizers(SMOKE)} == {"all"}
