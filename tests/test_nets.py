"""The shared parts of the methods, each against its equations written out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from crossvad.adapters.nets.attention import CirculativeAttention, CrissCrossAttention
from crossvad.adapters.nets.losses import decibel, gradient_loss, pool_error, squared_error
from crossvad.adapters.nets.memory import ItemMemory, SlotMemory, entropy
from crossvad.adapters.nets.prototypes import PrototypeUnit, covariance, diversity
from crossvad.adapters.nets.unet import Decoder, Encoder, Head, UNet


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


@pytest.mark.parametrize("cycles", [1, 2])
def test_two_cycles_reach_every_pixel_and_one_only_row_and_column(cycles):
    layer = CirculativeAttention(8, cycles).double()
    torch.nn.init.ones_(layer.attention.gamma)
    features = torch.randn(1, 8, 5, 6, dtype=torch.float64)
    reached = jacobian(lambda f: layer(f)[0, :, 2, 3], features)[:, 0].abs().sum((0, 1)) > 1e-12  # (5, 6)
    expected = torch.ones(5, 6, dtype=torch.bool)
    if cycles == 1:
        expected = (torch.arange(5)[:, None] == 2) | (torch.arange(6) == 3)
    assert torch.equal(reached, expected)


def test_attention_starts_as_the_identity():
    features = torch.randn(2, 16, 4, 4)
    assert torch.equal(CrissCrossAttention(16)(features), features)
    assert torch.equal(CirculativeAttention(16)(features), 2 * features)


@torch.no_grad()
def test_cycles_share_one_attention_and_add_the_input():
    layer = CirculativeAttention(16, cycles=2).double()
    torch.nn.init.constant_(layer.attention.gamma, 0.7)
    features = torch.randn(1, 16, 3, 4, dtype=torch.float64)
    twice = criss_cross(layer.attention, criss_cross(layer.attention, features))
    torch.testing.assert_close(layer(features), features + twice)


@pytest.mark.parametrize("channels", [64, 128, 256])
def test_attention_parameters(channels):
    count = sum(p.numel() for p in CirculativeAttention(channels).parameters())
    assert count == 1.25 * channels**2 + 1.25 * channels + 1


def test_attention_gradient():
    layer = attention(8)
    features = torch.randn(1, 8, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (features,))


# ---- prototypes ------------------------------------------------------------------------------------------------------


def prototype_unit(count: int = 3, channels: int = 4) -> PrototypeUnit:
    made = PrototypeUnit(channels, count).double()
    torch.nn.init.normal_(made.maps.weight, std=3)  # far apart: no two prototypes alike
    return made


@torch.no_grad()
def test_prototypes_are_the_equations():
    made, features = prototype_unit(), torch.randn(2, 4, 3, 5, dtype=torch.float64)
    found = made(features)
    weight = made.maps.weight
    for b in range(2):
        pixels = [(y, x) for y in range(3) for x in range(5)]
        vectors = {(y, x): unit(features[b, :, y, x]) for y, x in pixels}
        prototypes = []
        for m in range(3):
            logits = torch.stack([(weight[m] * vectors[pixel]).sum() for pixel in pixels])
            shares = logits.exp() / logits.exp().sum()
            prototypes.append(unit(sum(s * vectors[p] for s, p in zip(shares, pixels, strict=True))))
            torch.testing.assert_close(found.prototypes[b, m], prototypes[m])
        for y, x in pixels:
            vector = vectors[y, x]
            match = torch.stack([(vector * prototype).sum() for prototype in prototypes])
            shares = match.exp() / match.exp().sum()
            retrieved = unit(sum(s * p for s, p in zip(shares, prototypes, strict=True)))
            torch.testing.assert_close(found.features[b, :, y, x], retrieved + vector)
            nearest = min((vector - prototype).square().mean() for prototype in prototypes)
            torch.testing.assert_close(found.distance[b, y, x], nearest)


@pytest.mark.parametrize("part", ["features", "prototypes", "distance"])
def test_a_gradient_reaches_the_prototype_maps(part):
    made, features = prototype_unit(), torch.randn(1, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randn_like(getattr(made(features), part))
    (getattr(made(features), part) - target).square().sum().backward()
    assert made.maps.weight.grad.abs().sum() > 1e-3
    assert features.grad.abs().sum() > 1e-3


def test_prototype_gradient():
    made = prototype_unit()
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


@pytest.mark.parametrize("term", [diversity, covariance])
def test_one_prototype_has_nothing_to_part_from(term):
    alone = torch.randn(2, 1, 4, requires_grad=True)
    assert term(alone).item() == 0
    term(alone).backward()


@pytest.mark.parametrize("term", [lambda p: diversity(p, margin=3.0), covariance])
def test_prototype_loss_gradient(term):
    prototypes = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(term, (prototypes,))


# ---- memories --------------------------------------------------------------------------------------------------------


def item_memory(items: int = 4, channels: int = 3) -> ItemMemory:
    memory = ItemMemory(items, channels).double()
    memory.items = torch.stack([unit(item) for item in torch.randn(items, channels, dtype=torch.float64)])
    return memory


def test_items_start_as_unit_vectors_without_a_gradient():
    memory = ItemMemory(6, 5)
    torch.testing.assert_close(memory.items.norm(dim=1), torch.ones(6))
    assert not list(memory.parameters()) and list(memory.state_dict()) == ["items"]


def test_item_memory_read_is_the_equation():
    memory, queries = item_memory(), torch.randn(5, 3, dtype=torch.float64)
    read = memory.read(queries)
    for query, answer in zip(queries, read, strict=True):
        scores = [math.exp((query * item).sum()) for item in memory.items]
        torch.testing.assert_close(
            answer, sum(s / sum(scores) * item for s, item in zip(scores, memory.items, strict=True))
        )


def test_item_memory_update_is_the_equation():
    memory = item_memory()
    # The last item lies where no query does, so that it is nobody's nearest.
    queries = torch.stack([unit(q) for q in torch.randn(7, 3, dtype=torch.float64)])
    memory.items[3] = -unit(queries.sum(0))
    queries = queries[(queries @ memory.items.T).argmax(1) != 3]
    before = memory.items.clone()

    nearest = [max(range(4), key=lambda m: float((query * before[m]).sum())) for query in queries]
    expected = []
    for m in range(4):
        scores = [math.exp((query * before[m]).sum()) for query in queries]
        weights = [score / sum(scores) for score in scores]
        moved = before[m].clone()
        for k, query in enumerate(queries):
            if nearest[k] == m:
                moved += weights[k] / max(weights) * query
        expected.append(unit(moved))

    memory.update(queries)
    assert 3 not in nearest and len(set(nearest)) > 1
    torch.testing.assert_close(memory.items, torch.stack(expected))
    torch.testing.assert_close(memory.items[3], before[3])
    assert not torch.allclose(memory.items[nearest[0]], before[nearest[0]])


def test_an_update_leaves_the_loss_that_came_before_it_its_gradient():
    memory, queries = item_memory(), torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    loss = memory.read(queries).square().sum()
    memory.update(queries)
    loss.backward()
    assert not memory.items.requires_grad and queries.grad.abs().sum() > 0


def test_nearest_two_items():
    memory, queries = item_memory(), torch.randn(9, 3, dtype=torch.float64, requires_grad=True)
    nearest, second = memory.nearest_two(queries)
    assert not nearest.requires_grad
    for k, query in enumerate(queries):
        best = sorted(memory.items, key=lambda item: -(query * item).sum().item())
        assert torch.equal(nearest[k], best[0]) and torch.equal(second[k], best[1])


def test_slot_memory_shrinks_and_renormalises():
    memory = SlotMemory(3, 2, shrink=0.3)
    with torch.no_grad():
        memory.slots.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    query = torch.tensor([[math.log(5), math.log(4)]])  # logits log 5, log 4 and log 1: the softmax is 0.5, 0.4, 0.1
    read, weights = memory(query)
    # 0.1 lies below the threshold and falls away; 0.5 and 0.4 keep their ratio and sum to one.
    torch.testing.assert_close(weights, torch.tensor([[5 / 9, 4 / 9, 0.0]]))
    torch.testing.assert_close(read, torch.tensor([[5 / 9, 4 / 9]]))


def test_slot_memory_may_find_nothing():
    memory = SlotMemory(4, 2, shrink=0.9)
    read, weights = memory(torch.zeros(1, 2))
    assert not read.any() and not weights.any()


def test_entropy_by_hand():
    weights = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert entropy(weights).item() == pytest.approx(math.log(2) / 2)


def test_slots_learn():
    memory = SlotMemory(6, 2, shrink=1 / 6)
    read, weights = memory(torch.randn(5, 2))
    (read.square().sum() + entropy(weights)).backward()
    assert memory.slots.grad.abs().sum() > 0


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
    prediction = torch.tensor([[[[0.0, 1.0, -1.0], [2.0, 2.0, 2.0]]]])
    target = torch.tensor([[[[0.0, -1.0, -1.0], [0.0, 1.0, 0.0]]]])
    # Along x: |1|, |-2|, 0, 0 against |-1|, 0, |1|, |-1|: differences 0, 2, 1, 1. Along y: 2, 1, 3 against 0, 2, 1.
    assert gradient_loss(prediction, target).item() == pytest.approx((0 + 2 + 1 + 1) / 4 + (2 + 1 + 2) / 3)
    assert gradient_loss(target, -target).item() == 0


# ---- U-Net -----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_encoder_and_decoder_shapes():
    finest, middle, deepest = Encoder(3, 4, levels=3)(torch.rand(2, 3, 16, 24))
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


@torch.no_grad()
def test_the_finest_skip_comes_first():
    decoder = Decoder(4, 3, entry=16)
    skips = [torch.rand(1, 4, 16, 16), torch.rand(1, 8, 8, 8)]
    assert torch.equal(decoder(torch.rand(1, 16, 4, 4), skips)[:, :4], skips[0])


@torch.no_grad()
def test_an_encoder_may_end_bare():
    images = torch.randn(2, 3, 16, 16)
    bare, closed = Encoder(3, 4, 2, norm=True, last_activation=False), Encoder(3, 4, 2, norm=True)
    assert bare(images)[-1].min() < 0 <= closed(images)[-1].min()
    assert bare(images)[0].min() == 0


@torch.no_grad()
def test_what_attends_to_a_level_is_passed_on():
    encoder = Encoder(1, 2, levels=2)
    images = torch.rand(1, 1, 8, 8)
    before = encoder(images)
    encoder.attend[0] = torch.nn.Hardtanh(0.0, 1e-3)
    after = encoder(images)
    assert after[0].max() <= 1e-3 < before[0].max()
    assert not torch.equal(after[1], before[1])
