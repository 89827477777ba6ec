"""The attention prototype unit and its losses, against their equations written out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from crossvad.adapters.nets.prototypes import (
    NoPrototypes,
    PrototypeUnit,
    SquaredDistance,
    absolute_distance,
    affinity,
    closeness,
    covariance,
    diversity,
    kernel_similarity,
    likeness,
    nearest,
    pair_distances,
    prototype_unit,
    unit_mixture,
)
from crossvad.adapters.nets.retrieval import parts_of
from speed.measuring import Largest


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def unit(vector: Tensor) -> Tensor:
    return vector / vector.square().sum().sqrt()


def far_apart(count: int = 3, channels: int = 4, **settings) -> PrototypeUnit:
    made = PrototypeUnit(channels, count, **settings).double()
    torch.nn.init.normal_(made.maps.weight, std=3)  # far apart: no two prototypes alike
    return made


@pytest.mark.parametrize("weights", ["softmax", "ratio"])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
@torch.no_grad()
def test_prototypes_are_the_equations(weights, temperature):
    made = far_apart(temperature=temperature, weights=weights)
    features = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    found = made(features)
    weight = made.maps.weight
    for b in range(2):
        pixels = [(y, x) for y in range(3) for x in range(5)]
        vectors = {(y, x): unit(features[b, :, y, x]) for y, x in pixels}
        prototypes = []
        for m in range(3):
            logits = torch.stack([(weight[m] * vectors[pixel]).sum() for pixel in pixels]) / temperature
            positive = logits.exp() if weights == "softmax" else (1 + logits.exp()).log()
            shares = positive / positive.sum()
            torch.testing.assert_close(found.attention[b, :, m], shares)
            prototypes.append(unit(sum(s * vectors[p] for s, p in zip(shares, pixels, strict=True))))
            torch.testing.assert_close(found.prototypes[b, m], prototypes[m])
        for y, x in pixels:
            vector = vectors[y, x]
            match = torch.stack([(vector * prototype).sum() for prototype in prototypes])
            shares = (match / temperature).exp() / (match / temperature).exp().sum()
            retrieved = unit(sum(s * p for s, p in zip(shares, prototypes, strict=True)))
            torch.testing.assert_close(found.features[b, :, y, x], retrieved + vector)
            nearest = min((vector - prototype).square().mean() for prototype in prototypes)
            torch.testing.assert_close(found.distance[b, y, x], nearest)


@pytest.mark.parametrize("part", ["features", "prototypes", "distance"])
def test_a_gradient_reaches_the_prototype_maps(part):
    made, features = far_apart(), torch.randn(1, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randn_like(getattr(made(features), part))
    (getattr(made(features), part) - target).square().sum().backward()
    assert made.maps.weight.grad.abs().sum() > 1e-3
    assert features.grad.abs().sum() > 1e-3


def test_the_papers_own_setting_starts_collapsed_and_a_temperature_parts_it():
    torch.manual_seed(0)
    features = torch.relu(torch.randn(1, 128, 64, 64))
    found = PrototypeUnit(128, 10)(features).prototypes
    assert likeness(found)["prototype cosine"] > 0.999
    cold = PrototypeUnit(128, 10, temperature=0.05)
    cold.load_state_dict(PrototypeUnit(128, 10).state_dict())
    assert likeness(cold(features).prototypes)["prototype cosine"] < 0.99


@pytest.mark.parametrize("distance", ["squared", "absolute"])
def test_no_tensor_has_pixels_times_prototypes_times_channels(distance):
    pixels, prototypes, channels = 8 * 8, 10, 16
    made = PrototypeUnit(channels, prototypes)
    with Largest() as largest:
        found = made(torch.randn(1, channels, 8, 8))
        near = found.distance if distance == "squared" else absolute_distance(found.units, found.prototypes)
        (near.mean() + diversity(found.prototypes) + found.features.mean()).backward()
    assert 0 < largest.elements <= pixels * max(prototypes, channels)


@torch.no_grad()
def test_absolute_distance_is_the_equation():
    units = torch.stack([unit(v) for v in torch.randn(10, 4, dtype=torch.float64)]).view(2, 5, 4)
    prototypes = torch.stack([unit(v) for v in torch.randn(6, 4, dtype=torch.float64)]).view(2, 3, 4)
    found = absolute_distance(units, prototypes)
    for b in range(2):
        for n in range(5):
            nearest = min(prototypes[b], key=lambda p, x=units[b, n]: (x - p).square().sum().item())
            assert found[b, n].item() == pytest.approx((units[b, n] - nearest).abs().mean().item())


@pytest.mark.parametrize("spread", [1e-1, 1e-3, 1e-5])
@torch.no_grad()
def test_single_precision_tells_prototypes_that_are_all_but_one_vector(spread):
    """Features that differ by so little, as on the coarse map of a trained `apn[resolution=1/4]`: by 1e-5, -117 dB."""
    made = PrototypeUnit(64, 10, temperature=0.05)
    features = (torch.randn(1, 64, 1, 1) + spread * torch.randn(2, 64, 12, 12)).double()
    exact, found = made.double()(features), made.float()(features.float())
    assert math.log(found.distance.mean()) == pytest.approx(math.log(exact.distance.mean()), abs=0.01)
    # Rounding moves a coordinate by some 1e-8: what is left of so small a difference is exact to a few percent.
    torch.testing.assert_close(found.distance, exact.distance.float(), rtol=0.03, atol=0)
    every = absolute_distance(exact.units, exact.prototypes)
    torch.testing.assert_close(absolute_distance(found.units, found.prototypes), every.float(), rtol=0.03, atol=0)


@pytest.mark.parametrize("spread", [1e-1, 1e-3, 1e-5])
@torch.no_grad()
def test_distances_of_prototypes_that_are_all_but_one_vector_are_told_from_nothing(spread):
    exact = (torch.randn(2, 1, 64) + spread * torch.randn(2, 10, 64)).double()
    exact = exact / exact.norm(dim=2, keepdim=True)
    square = torch.cdist(exact, exact, compute_mode="donot_use_mm_for_euclid_dist").square()
    pairs = torch.stack([square[:, i, j] for i in range(10) for j in range(i + 1, 10)], 1)
    torch.testing.assert_close(pair_distances(exact.float()), pairs.float(), rtol=0.03, atol=0)


@torch.no_grad()
def test_affinity_is_the_cosine_but_for_an_offset_and_says_which_is_nearest():
    units = torch.stack([unit(v) for v in torch.randn(10, 4, dtype=torch.float64)]).view(2, 5, 4)
    prototypes = torch.stack([unit(v) for v in torch.randn(6, 4, dtype=torch.float64)]).view(2, 3, 4)
    found, cosines = affinity(units, prototypes), prototypes @ units.transpose(1, 2)  # (B, M, N)
    torch.testing.assert_close(found - found[:, :1], cosines - cosines[:, :1])
    centre = prototypes.mean(1, keepdim=True)
    nearer = (units - centre).square().sum(2).unsqueeze(1) - torch.cdist(prototypes, units).square()
    torch.testing.assert_close(found, nearer / 2)


@torch.no_grad()
def test_without_prototypes_features_pass():
    features = torch.randn(2, 4, 3, 5)
    found = NoPrototypes()(features)
    assert torch.equal(found.features, features)
    assert found.prototypes.shape == (2, 0, 4) and found.distance.shape == (2, 3, 5) and not found.distance.any()
    assert found.attention.shape == (2, 15, 0)
    assert diversity(found.prototypes) == covariance(found.prototypes) == closeness(found.prototypes) == 0


def test_a_unit_of_no_prototypes_is_none():
    assert isinstance(prototype_unit(4, 0, weights="ratio"), NoPrototypes) and prototype_unit(4, 0).count == 0
    made = prototype_unit(4, 3, 0.3, "ratio")
    assert (made.count, made.maps.weight.shape, made.temperature, made.weights) == (3, (3, 4), 0.3, "ratio")


def test_prototype_gradient():
    made = far_apart()
    features = torch.randn(1, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: tuple(made(f)), (features,))


def test_diversity_by_hand():
    # At right angles |p - q|^2 = 2, at 60 degrees 1, equal 0, and at cosine 0.8 it is 0.4.
    right = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    same = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    near = torch.tensor([[[1.0, 0.0], [0.8, 0.6]]])
    assert diversity(right).item() == 0
    assert diversity(same).item() == 1
    assert diversity(near).item() == pytest.approx(0.6)
    assert diversity(near, margin=2.0).item() == pytest.approx(1.6)
    assert diversity(torch.cat([right, near])).item() == pytest.approx(0.3)
    three = torch.tensor([[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]])  # cosines 0.8, 0 and 0.6: hinges 0.6, 0 and 0.2
    assert diversity(three).item() == pytest.approx(0.8 / 3)


def test_covariance_by_hand():
    # Two prototypes of three channels, centred (1, 0, -1) and (2, -1, -1): covariance 3 / 2, squared 9 / 4.
    pair = torch.tensor([[[2.0, 1.0, 0.0], [5.0, 2.0, 2.0]]])
    assert covariance(pair).item() == pytest.approx(2.25)
    # A third, centred (0, 1, -1): covariances 3 / 2, 1 / 2 and 0; six places off the diagonal.
    three = torch.cat([pair, torch.tensor([[[3.0, 4.0, 2.0]]])], 1)
    assert covariance(three).item() == pytest.approx(2 * (2.25 + 0.25 + 0) / 6)
    assert covariance(torch.cat([pair, pair * 0])).item() == pytest.approx(2.25 / 2)


def test_closeness_by_hand():
    three = torch.tensor([[[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]])  # cosines 0.8, 0 and 0.6: distances 0.4, 2 and 0.8
    assert closeness(three).item() == pytest.approx(-3.2 / 3)


def test_kernel_similarity_is_the_published_loop_and_a_constant():
    prototypes = torch.stack([unit(v) for v in torch.randn(20, 6)]).view(2, 10, 6).requires_grad_()
    expected = []
    for image in prototypes.detach():
        rows = [
            sum(100 * math.exp(-0.5 * (image[i] - image[j]).square().sum() / 500**2) for j in range(i + 1, 10))
            for i in range(10)
        ]
        expected.append(sum(row * 2 / (10 * 9) for row in rows) / 10)
    found = kernel_similarity(prototypes)
    assert found.item() == pytest.approx(sum(expected) / 2, rel=1e-6)
    assert found.item() == pytest.approx(10.0, abs=1e-3) and not found.requires_grad


def test_likeness_by_hand():
    alike, apart = torch.tensor([[1.0, 0, 0]] * 3), torch.eye(3)
    assert likeness(alike[None]) == {"prototype cosine": pytest.approx(1), "prototype rank": pytest.approx(1)}
    assert likeness(apart[None]) == {"prototype cosine": pytest.approx(0), "prototype rank": pytest.approx(3)}
    # Two alike and one apart: singular values sqrt 2 and 1.
    shares = [math.sqrt(2) / (1 + math.sqrt(2)), 1 / (1 + math.sqrt(2))]
    rank = math.exp(-sum(share * math.log(share) for share in shares))
    pair = likeness(torch.stack([alike[0], alike[0], apart[1]])[None])
    assert pair == {"prototype cosine": pytest.approx(1 / 3), "prototype rank": pytest.approx(rank)}


@pytest.mark.parametrize("term", [diversity, closeness, covariance])
def test_one_prototype_has_nothing_to_part_from(term):
    alone = torch.randn(2, 1, 4, requires_grad=True)
    assert term(alone).item() == 0
    term(alone).backward()


@pytest.mark.parametrize("term", [lambda p: diversity(p, margin=3.0), closeness, covariance])
def test_prototype_loss_gradient(term):
    prototypes = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(term, (prototypes,))


# ---- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [2**18, 3 * 2 * 5])  # of all pixels, and of three at a time
def test_distances_to_the_nearest_have_the_gradient_of_the_plain_form_and_one_of_that(chunk, monkeypatch):
    monkeypatch.setattr("crossvad.adapters.nets.prototypes.CHUNK", chunk)
    torch.manual_seed(0)
    units = normalize(torch.randn(2, 7, 5, dtype=torch.float64), dim=2).requires_grad_()
    prototypes = normalize(torch.randn(2, 3, 5, dtype=torch.float64), dim=2).requires_grad_()
    chosen = nearest(affinity(units, prototypes)).detach()
    torch.testing.assert_close(
        SquaredDistance.apply(units, prototypes, chosen),
        (units.unsqueeze(2) - prototypes.unsqueeze(1)).square().mean(3).amin(2),
    )
    assert torch.autograd.gradcheck(SquaredDistance.apply, (units, prototypes, chosen))
    assert torch.autograd.gradgradcheck(SquaredDistance.apply, (units, prototypes, chosen))  # as meta-learning takes


def test_a_mixture_has_unit_length():
    torch.manual_seed(0)
    weights, prototypes = torch.rand(2, 3, 7).softmax(1), normalize(torch.randn(2, 3, 5), dim=2)
    made = unit_mixture(weights, prototypes).transpose(1, 2) @ prototypes
    torch.testing.assert_close(made, normalize(weights.transpose(1, 2) @ prototypes, dim=2))
    nothing = unit_mixture(torch.ones(1, 2, 1), torch.tensor([[[1.0, 0.0], [-1.0, 0.0]]]))
    assert nothing.isfinite().all()  # prototypes that cancel


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("learns", [True, False])
def test_features_are_brought_to_unit_length_in_place_where_nothing_is_lost(kind, learns):
    torch.manual_seed(0)
    unit = PrototypeUnit(6, 3)
    features = torch.randn(2, 6, 4, 5).to(kind)
    wanted, given = unit.units(features), features.clone()
    with torch.set_grad_enabled(learns):
        made = unit.units_(features)
    assert torch.equal(made, wanted) and made.dtype == wanted.dtype
    in_place = not learns and kind != torch.bfloat16
    assert (made is features) == in_place and torch.equal(features, given) != in_place


def test_pixels_are_summed_up_in_parts_on_a_gpu_alone():
    assert [parts_of(pixels, torch.device("cuda")) for pixels in (256 * 256, 64 * 64, 4 * 5, 7)] == [64, 64, 4, 1]
    assert parts_of(256 * 256, torch.device("cpu")) == 1


@pytest.mark.parametrize("parts", [1, 4])  # of 20 pixels
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_unit_is_the_plain_form_in_either_layout_and_so_is_its_gradient(layout, parts, monkeypatch):
    for room in ("prototypes", "retrieval"):
        monkeypatch.setattr(f"crossvad.adapters.nets.{room}.parts_of", lambda pixels, device: parts)
    torch.manual_seed(0)
    unit = PrototypeUnit(6, 3, temperature=0.3).double()
    features = torch.randn(2, 6, 4, 5, dtype=torch.float64).to(memory_format=layout).requires_grad_()
    slopes = []
    for made in (plain_unit(unit, features), (found := unit(features)).features.square().sum() + found.distance.sum()):
        slopes.append(torch.autograd.grad(made, [features, unit.maps.weight]))
    torch.testing.assert_close(slopes[1], slopes[0])


def plain_unit(unit, features):
    """Of the equations, by broadcasting: the sum of squares of what is rebuilt, and of all distances."""
    x = normalize(features.flatten(2).transpose(1, 2), dim=2).unsqueeze(2)  # (B, N, 1, C)
    attention = (unit.maps(x.squeeze(2)) / unit.temperature).softmax(1).unsqueeze(3)
    prototypes = normalize((attention * x).sum(1), dim=2).unsqueeze(1)  # (B, 1, M, C)
    weights = ((x * prototypes).sum(3, keepdim=True) / unit.temperature).softmax(2)
    rebuilt = normalize((weights * prototypes).sum(2), dim=2) + x.squeeze(2)
    return rebuilt.square().sum() + (x - prototypes).square().mean(3).amin(2).sum()


# ---- a convolution of what is retrieved ------------------------------------------------------------------------------

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_of_what_is_retrieved_is_the_layer_and_so_is_its_gradient(layout, frozen, images, stride):
    unit, layer = far_apart(4, 6, temperature=0.3), torch.nn.Conv2d(6, 5, 3, stride, padding=1).double()
    pixels = unit.units(torch.randn(images, 6, 7, 8, dtype=torch.float64)).contiguous(memory_format=layout)
    asked = [unit.maps.weight, *layer.parameters(), *([] if frozen else [pixels.requires_grad_()])]
    target = torch.randn(layer(pixels).shape, dtype=torch.float64)
    plain, found = layer(unit.retrieve(pixels).features), unit.retrieve(pixels).convolved(layer)
    torch.testing.assert_close(found, plain, rtol=1e-12, atol=1e-12)
    slopes = [torch.autograd.grad((made - target).square().sum(), asked) for made in (plain, found)]
    torch.testing.assert_close(slopes[1], slopes[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("images", [2, 3])
@torch.no_grad()
def test_a_convolution_of_what_is_retrieved_stays_in_the_layout_of_the_pixels(layout, images):
    unit, layer = PrototypeUnit(6, 3), torch.nn.Conv2d(6, 5, 3, padding=1).to(memory_format=layout)
    pixels = unit.units(torch.randn(images, 6, 7, 8)).contiguous(memory_format=layout)
    assert unit.retrieve(pixels).convolved(layer).is_contiguous(memory_format=layout)


def test_frozen_pixels_are_asked_for_no_gradient():
    unit, layer, channels = far_apart(2, 16), torch.nn.Conv2d(16, 5, 3, padding=1).double(), []
    pixels = unit.units(torch.randn(1, 16, 6, 6, dtype=torch.float64))

    class Asked(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten.convolution_backward.default and args[-1][0]:  # of what goes in
                channels.append(args[1].shape[1])
            return func(*args, **(kwargs or {}))

    with Asked():
        unit.retrieve(pixels).convolved(layer).square().sum().backward()
    assert channels == [2]  # of the mixture of two prototypes, and not of sixteen channels
    assert unit.maps.weight.grad.abs().sum() > 0


@torch.no_grad()
def test_a_convolution_without_prototypes_is_that_of_the_features():
    layer, features = torch.nn.Conv2d(4, 2, 3), torch.randn(2, 4, 5, 6)
    assert torch.equal(NoPrototypes()(features).convolved(layer), layer(features))
