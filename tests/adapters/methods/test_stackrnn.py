"""StackRNN and TSC: codes are those of the optimisation that the layers unroll, and parts those of a loop."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from crossvad.adapters.methods.stackrnn import averages, cells
from crossvad.adapters.nets.frozen_source import FrozenSource
from crossvad.adapters.nets.sparse_codes import SparseCodes
from crossvad.adapters.options import Schedule
from crossvad.datasets.clips import ClipSource, consecutive
from crossvad.verification.conformance import moving_squares
from made import CPU, PAPER, SMOKE, build, clips_of, noise

pytestmark = pytest.mark.usefixtures("frames_seen_once")
NET = "stackrnn[backbone=random,clips=12]"


def sequences(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def by_hand(net: SparseCodes, inputs: np.ndarray, released: bool) -> np.ndarray:
    """The published code's recurrence, a vector at a time; with a step of ISTA first unless `released`."""
    a = net.dictionary.detach().numpy()
    g, l1, l2 = (value.item() for value in (net.gamma, net.sparsity, net.coherence))
    gram, codes = a.T @ a, []

    def soft(x):
        return np.sign(x) * np.maximum(np.abs(x) - l1 / g, 0)

    before, last = np.zeros(a.shape[0]), np.zeros(a.shape[1])
    for x in inputs:
        alike = math.exp(-(np.linalg.norm(before - x) ** 2) / 100)
        h = soft(last - (l2 if released else 1) / g * gram @ last + a.T @ x / g)
        for _ in range(net.layers - 1):
            h = soft(l2 / g * alike * last + h - gram @ h / g - l2 / g * alike * h + a.T @ x / g)
        codes.append(h)
        before, last = x, h
    return np.stack(codes)


@pytest.mark.parametrize("released", [False, True])
def test_codes_are_those_of_the_published_recurrence(released):
    torch.manual_seed(0)
    net = SparseCodes(6, 5, layers=3, sparsity=0.05, coherence=0.2, exact=not released).double()
    with torch.no_grad():
        net.gamma.fill_(1.3)
    inputs = 3 * sequences(2, 4, 6)
    for given, codes in zip(inputs, net(inputs), strict=True):
        np.testing.assert_allclose(codes.detach().numpy(), by_hand(net, given.numpy(), released), atol=1e-12)


def test_many_layers_find_the_sparsest_code():
    """Of the first moment, without coherence: the lasso, whose optimum scikit-learn knows."""
    from sklearn.linear_model import Lasso

    torch.manual_seed(0)
    net = SparseCodes(8, 5, layers=3000, sparsity=0.05, coherence=0).double()
    inputs = sequences(1, 1, 8)
    exact = Lasso(alpha=0.05 / 8, fit_intercept=False, tol=1e-12, max_iter=100_000)
    exact.fit(net.dictionary.detach().numpy(), inputs[0, 0].numpy())
    assert 0 < (exact.coef_ != 0).sum() < 5
    np.testing.assert_allclose(net(inputs)[0, 0].detach().numpy(), exact.coef_, atol=1e-8)


def test_an_exact_layer_lowers_the_objective_and_the_released_first_one_may_not():
    """Of the same input again and again: every moment begins with the code that the last one ended with."""

    def objective(net, codes, inputs):
        made = codes @ net.dictionary.mT
        return ((made - inputs).square().sum(2) / 2 + net.sparsity * codes.abs().sum(2))[0]

    inputs = (10 * sequences(1, 1, 6)).expand(-1, 12, -1)
    falls = {}
    for exact in (True, False):
        torch.manual_seed(0)
        net = SparseCodes(6, 6, layers=1, coherence=0.1, exact=exact).double()
        falls[exact] = (objective(net, net(inputs), inputs).diff() <= 1e-9).all()
    assert falls == {True: True, False: False}


@pytest.mark.parametrize(
    ("side", "parts", "expected"), [(7, 4, 4), (7, 2, 2), (7, 1, 1), (4, 4, 4), (6, 4, 3), (5, 4, 3)]
)
def test_parts_are_means_of_what_is_cut(side, parts, expected):
    """By the published loop: from every `step` on, as far as `step` or the border."""
    maps = sequences(2, 3, side, side)
    step = math.ceil(side / parts)
    ends = [(start, min(start + step, side)) for start in range(0, side, step)]
    loop = torch.stack([torch.stack([maps[:, :, a:b, c:d].mean((2, 3)) for c, d in ends], 2) for a, b in ends], 2)
    assert len(ends) == cells(side, parts) == expected
    torch.testing.assert_close(averages(maps, parts), loop)


@pytest.mark.parametrize(("name", "parameters"), [("stackrnn", 8_388_611), ("tsc", 4_194_304)])
def test_size_over_the_papers_2048_features(name, parameters, monkeypatch):
    from torchvision import models

    real = models.get_model
    monkeypatch.setattr(models, "get_model", lambda name, weights: real(name, weights=None))  # nothing is downloaded
    adapter = build(f"{name}[backbone=resnet50]", replace(PAPER, size=64))
    assert adapter.parameter_count() == parameters
    assert adapter.backbone.network.taken == "layer4" and adapter.backbone.side == 7


def test_a_score_is_the_mean_over_levels_of_the_worst_part():
    adapter = build(NET)
    clips = clips_of(adapter)
    features = adapter.frozen_features(clips)
    errors = adapter.errors(features)
    assert features.shape == (3, 10, 1 + 4 + 16, 1280) and errors.shape == (3, 10, 21)
    last = errors[:, -1].tolist()
    expected = [(row[0] + max(row[1:5]) + max(row[5:])) / 3 for row in last]
    assert adapter.score(features)["reconstruction"].tolist() == pytest.approx(expected, rel=1e-5)
    maps = adapter.maps(clips)
    assert maps.shape == (3, 4, 4)  # of frames of 32 pixels, whose sixteenths are a cell each
    torch.testing.assert_close(maps.flatten(1), errors[:, -1, 5:])


def test_a_map_is_of_the_parts_as_they_were_cut():
    """Seven cells are cut into 2, 2, 2 and 1."""
    adapter = build(NET, replace(SMOKE, size=64))
    clips = noise(1, 10, 1, 64, 64)
    errors = adapter.errors(clips)[0, -1, 5:].view(4, 4)
    maps = adapter.maps(clips)[0]
    owner = [0, 0, 1, 1, 2, 2, 3]
    assert maps.tolist() == [[errors[owner[y], owner[x]].item() for x in range(7)] for y in range(7)]


def test_an_error_is_of_what_the_decoder_makes_of_the_code():
    for name in (NET, NET.replace("stackrnn", "tsc")):
        adapter = build(name).double()
        vectors = 5 * sequences(1, 10, 2, 1280)
        decode = adapter.codes.dictionary if adapter.decoder is None else adapter.decoder.weight
        codes = by_hand(adapter.codes, vectors[0, :, 1].numpy(), released=False)
        expected = ((codes @ decode.detach().numpy().T - vectors[0, :, 1].numpy()) ** 2).sum(1) / 2
        np.testing.assert_allclose(adapter.errors(vectors)[0, :, 1].detach().numpy(), expected, rtol=1e-9)


def test_what_is_learned():
    assert sorted(dict(build(NET).named_parameters())) == [
        "codes.coherence", "codes.dictionary", "codes.gamma", "codes.sparsity", "decoder.weight",
    ]  # fmt: skip
    assert list(dict(build(NET.replace("stackrnn", "tsc")).named_parameters())) == ["codes.dictionary"]


def test_training_draws_from_features_of_the_source_stretched_to_a_length():
    adapter = build("stackrnn[backbone=random,clips=12,feature_norm=7]")
    source = ClipSource([moving_squares(SMOKE.size, 60, seed) for seed in range(2)], adapter.clip, CPU, seed=0)
    drawn = adapter.before_training(source)
    assert isinstance(drawn, FrozenSource) and drawn.features.shape == (12, 10, 21, 1280)
    assert (drawn.features * adapter.scale).norm(dim=3).mean().item() == pytest.approx(7, rel=1e-5)
    batch = drawn.batch(5)
    assert all(any(torch.equal(row, known) for known in drawn.features) for row in batch)
    adapter.fit(source, replace(SMOKE, schedule=Schedule(3, 2, 1e-3)), lambda *log: None)
    assert adapter.scale.item() != 1


def test_codes_that_are_carried_on_begin_where_the_video_begins():
    adapter, video = (
        build("stackrnn[backbone=random,stateful=true,coherence=0.9]"),
        moving_squares(SMOKE.size, 24, seed=4),
    )
    assert adapter.scores_in_order and not adapter.transductive and not build(NET).scores_in_order
    (clips,) = consecutive(video, adapter.clip, 64, CPU)
    scores = adapter.score_video(consecutive(video, adapter.clip, 4, CPU))["reconstruction"]
    torch.testing.assert_close(scores[:1], adapter.score(clips)["reconstruction"][:1])  # ten frames from rest, too
    whole = adapter.parts(torch.cat([clips[0], clips[1:, -1]]))  # (24, 21, D)
    errors = adapter.errors(whole[None])[0, 9:]
    torch.testing.assert_close(scores, adapter._score(errors)["reconstruction"])
    assert not torch.allclose(scores[5:], adapter.score(clips)["reconstruction"][5:], rtol=1e-4)
