"""The two memories, each against its equations written out by hand."""

import math

import pytest
import torch
from torch import Tensor

from crossvad.adapters.nets.memory import ItemMemory, SlotMemory, entropy


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def unit(vector: Tensor) -> Tensor:
    return vector / vector.square().sum().sqrt()


def item_memory(items: int = 4, channels: int = 3, largest: str = "all") -> ItemMemory:
    memory = ItemMemory(items, channels, largest).double()
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


@pytest.mark.parametrize("largest", ["all", "own"])
def test_item_memory_update_is_the_equation(largest):
    memory = item_memory(largest=largest)
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
        own = [k for k in range(len(queries)) if nearest[k] == m]
        moved = before[m].clone()
        for k in own:
            moved += weights[k] / max(weights if largest == "all" else [weights[k] for k in own]) * queries[k]
        expected.append(unit(moved))

    memory.update(queries)
    assert 3 not in nearest and len(set(nearest)) > 1
    torch.testing.assert_close(memory.items, torch.stack(expected))
    torch.testing.assert_close(memory.items[3], before[3])
    assert not torch.allclose(memory.items[nearest[0]], before[nearest[0]])


def test_the_largest_weight_may_be_another_items():
    """The first query is nearest to the first item, and yet likes the second better than that one's own query does."""
    items = torch.tensor([[1.0, 0.0], [0.9, 0.1]], dtype=torch.float64)
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    likes = [math.exp(0.9), math.exp(0.1)]  # of the second item
    for largest, weight in (("all", likes[1] / likes[0]), ("own", 1.0)):
        memory = item_memory(2, 2, largest)
        memory.items = items
        memory.update(queries)
        torch.testing.assert_close(memory.items[1], unit(items[1] + weight * queries[1]))


def test_an_update_leaves_the_loss_that_came_before_it_its_gradient():
    memory, queries = item_memory(), torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    loss = (queries - memory.nearest_two(queries)[0]).square().sum()
    memory.update(queries)
    loss.backward()
    assert not memory.items.requires_grad and queries.grad.abs().sum() > 0


def test_reading_and_writing_carry_no_gradient():
    memory, queries = item_memory(), torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert not memory.read(queries).requires_grad
    memory.update(queries)
    assert not memory.items.requires_grad


def test_item_usage_by_hand():
    memory = item_memory()
    memory.items = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0]], dtype=torch.float64)
    queries = torch.tensor([[0.9, 0.1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)  # nearest: 0, 0 and 2
    usage = memory.usage(queries)
    assert usage == {"items in use": 0.5, "item cosine": pytest.approx((0.6 + 0.8) / 6)}


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
