"""zxVAD: its predictor is Frame-Pred's with a memory, and its training is the three losses written out."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy, interpolate, normalize

from crossvad.adapters.methods.zxvad import MARGIN, SCALE, arc_face
from crossvad.adapters.nets.foreign_objects import activation_map, paste
from crossvad.adapters.nets.losses import gradient_loss, ssim
from crossvad.datasets.clips import ClipSource
from crossvad.verification.conformance import moving_squares
from made import CPU, SMOKE, build, clips_of, minus_psnr


def batch(adapter, count=4):
    videos = [moving_squares(SMOKE.size, 60, seed) for seed in range(3)]
    return ClipSource(videos, adapter.clip, CPU, seed=0).batch(count)


@torch.no_grad()
def test_without_a_memory_it_is_frame_preds_network():
    adapter, plain = build("zxvad[slots=0]"), build("framepred")
    for ours, theirs in zip(adapter.parameters(), plain.parameters(), strict=True):
        theirs.copy_(ours)
    clips = clips_of(adapter)
    assert torch.equal(adapter.predict(clips).frame, plain.predict(clips))
    assert adapter.score(clips)["prediction"].tolist() == pytest.approx(minus_psnr(plain.predict(clips), clips[:, -1]))


@torch.no_grad()
def test_the_memory_is_asked_by_cosines():
    adapter = build("zxvad[slots=30,shrink=0.02]")
    queries = torch.randn(5, adapter.memory.slots.shape[1])
    read, weights = adapter.memory(queries)
    for query, got, weight in zip(queries, read, weights, strict=True):
        cosines = torch.stack([query @ slot / query.norm() / slot.norm() for slot in adapter.memory.slots])
        shrunk = torch.tensor([w if w > 0.02 else 0.0 for w in cosines.softmax(0).tolist()])
        torch.testing.assert_close(weight, shrunk / shrunk.sum(), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(got, weight @ adapter.memory.slots)
    dot = build("zxvad[slots=30,shrink=0,addressing=dot]").memory
    assert torch.allclose(dot(queries)[1], (queries @ dot.slots.T).softmax(1))


def test_an_angle_is_made_larger_by_the_margin():
    """Deng et al., Equation 3: scale times the cosine of the angle, plus the margin for the own class alone."""
    torch.manual_seed(0)
    embeddings, centres, kinds = torch.randn(3, 4), torch.randn(2, 4), torch.tensor([0, 1, 1])
    logits = torch.zeros(3, 2)
    for i in range(3):
        for j in range(2):
            angle = math.acos(float(normalize(embeddings[i], dim=0) @ normalize(centres[j], dim=0)))
            logits[i, j] = SCALE * math.cos(angle + (MARGIN if kinds[i] == j else 0))
    assert arc_face(embeddings, centres, kinds).item() == pytest.approx(cross_entropy(logits, kinds).item(), rel=1e-4)


def test_a_step_is_the_three_losses_each_down_its_own():
    """Every gradient by itself, from the same draws; steps of plain descent, so that they are rate times gradient."""
    adapter = build("zxvad[slots=20]").train()
    clips, rate = batch(adapter), 0.01
    judges = adapter.judges.network
    before = copy.deepcopy(adapter.state_dict()), copy.deepcopy(judges.state_dict())
    parts = {
        "predictor": [*adapter.parameters()],
        "discriminator": [*judges.discriminator.parameters()],
        "classifier": [*judges.classifier.parameters(), judges.centres],
    }
    torch.manual_seed(7)
    adapter.training_step(clips, {name: torch.optim.SGD(values, rate) for name, values in parts.items()})
    moved = {name: [value.detach().clone() for value in values] for name, values in parts.items()}

    adapter.load_state_dict(before[0])
    judges.load_state_dict(before[1])
    made, real, addressing = adapter.predict(clips)
    entropy = -(addressing * (addressing + 1e-12).log()).sum(1).mean()
    loss = (made - real).square().mean() + 1 - ssim(made, real) + gradient_loss(made, real) + 0.0025 * entropy
    loss = loss + 0.05 * (judges.discriminator(made) - 1).square().mean() / 2
    loss = loss + 0.5 * (judges.classifier(made) - 1).square().mean() / 2
    wanted = {"predictor": torch.autograd.grad(loss, parts["predictor"])}
    made = made.detach()

    told = (judges.discriminator(real) - 1).square().mean() / 2 + judges.discriminator(made).square().mean() / 2
    wanted["discriminator"] = torch.autograd.grad(told, parts["discriminator"])

    torch.manual_seed(7)
    donors = clips[:, int(torch.randint(4, ()))].roll(1, 0)
    pseudo, where = paste(clips[:, 0], donors, judges.finder(donors))
    normal, abnormal = judges.classifier(made), judges.classifier(pseudo)
    told = ((normal - 1).square().mean() + abnormal.square().mean()) / 2
    relative = ((normal - abnormal.mean() - 1).square().mean() + (abnormal - normal.mean() + 1).square().mean()) / 2
    looks = [activation_map(judges.classifier.features(frames)) for frames in (made, pseudo)]
    attention = (looks[0] - 1).square().mean() / 2
    attention = attention + (looks[1] - interpolate(where, looks[1].shape[2:], mode="area")).square().mean() / 2
    varied = activation_map(judges.classifier.features(judges.varied(made)))
    kinds = torch.tensor([1] * 8 + [0] * 4)
    apart = arc_face(torch.cat([looks[0], varied, looks[1]]).flatten(1), judges.centres, kinds)
    wanted["classifier"] = torch.autograd.grad(told + 0.01 * relative + attention + apart, parts["classifier"])

    starts = {
        "predictor": [before[0][name] for name, _ in adapter.named_parameters()],
        "discriminator": [before[1][f"discriminator.{name}"] for name, _ in judges.discriminator.named_parameters()],
        "classifier": [before[1][f"classifier.{name}"] for name, _ in judges.classifier.named_parameters()]
        + [before[1]["centres"]],
    }
    for name, gradients in wanted.items():
        for start, after, gradient in zip(starts[name], moved[name], gradients, strict=True):
            torch.testing.assert_close(after, start - rate * gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "losses"),
    [
        ("", {"loss", "discriminator", "classifier"}),
        ("[adversarial=0]", {"loss", "classifier"}),
        ("[normalcy=0]", {"loss", "discriminator"}),
        ("[normalcy=0,adversarial=0]", {"loss"}),
    ],
)
def test_a_judge_of_no_weight_is_not_trained(options, losses):
    adapter = build(f"zxvad{options}").train()
    assert {*adapter.training_step(batch(adapter), adapter.optimizers(SMOKE))} == losses


@pytest.mark.parametrize("channels", [1, 3])
def test_variants_of_a_frame_stay_in_range(channels):
    judges = build("zxvad", replace(SMOKE, channels=channels)).judges.network
    frames = torch.rand(4, channels, 32, 32) * 2 - 1
    varied = judges.varied(frames)
    assert varied.shape == frames.shape and varied.min() >= -1 and varied.max() <= 1 and not torch.equal(varied, frames)


def test_objects_come_from_other_clips(monkeypatch):
    adapter = build("zxvad").train()
    clips, given = batch(adapter), []
    monkeypatch.setattr("crossvad.adapters.methods.zxvad.paste", lambda *a: given.append(a) or paste(*a))
    adapter.training_step(clips, adapter.optimizers(SMOKE))
    ((frames, donors, _),) = given
    assert torch.equal(frames, clips[:, 0])
    assert any(torch.equal(donors, clips[:, t].roll(1, 0)) for t in range(4))
