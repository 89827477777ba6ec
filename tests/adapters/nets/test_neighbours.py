"""Nearest neighbours: against loops over every pair."""

import pytest
import torch

from crossvad.adapters.nets.neighbours import coreset, nearest_anywhere, nearest_here


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_the_nearest_around_a_place(reach):
    maps, bank = torch.randn(2, 3, 4, 5), torch.randn(3, 3, 4, 5)
    nearest = nearest_here(maps, bank, reach)
    for b in range(2):
        for y in range(4):
            for x in range(5):
                around = [
                    (maps[b, :, y, x] - known[:, i, j]).norm()
                    for known in bank
                    for i in range(max(0, y - reach), min(4, y + reach + 1))
                    for j in range(max(0, x - reach), min(5, x + reach + 1))
                ]
                assert nearest[b, y, x].item() == pytest.approx(min(around).item(), rel=1e-4)


def test_the_nearest_anywhere():
    maps, bank = torch.randn(2, 3, 4, 5), torch.randn(7, 3)
    nearest = nearest_anywhere(maps, bank)
    for b in range(2):
        for y in range(4):
            for x in range(5):
                assert nearest[b, y, x].item() == pytest.approx(min((maps[b, :, y, x] - v).norm() for v in bank).item())


def test_a_place_that_was_seen_is_at_no_distance():
    maps = torch.randn(3, 8, 4, 4)
    assert nearest_here(maps, maps, 0).max() < 1e-3


def test_a_coreset_is_the_greedy_one():
    vectors = torch.randn(30, 2)
    taken = [min(range(30), key=lambda i: (vectors[i] - vectors.mean(0)).norm().item())]
    while len(taken) < 6:
        taken.append(max(range(30), key=lambda i: min((vectors[i] - vectors[j]).norm().item() for j in taken)))
    assert torch.equal(coreset(vectors, 6), vectors[taken])


def test_a_coreset_leaves_nothing_far_away():
    """At most twice as far as the best choice of so many would (Gonzalez 1985): three clusters are three vectors."""
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    vectors = centres.repeat_interleave(20, 0) + 0.1 * torch.randn(60, 2)
    assert torch.cdist(centres, coreset(vectors, 3)).amin(1).max() < 1
    assert len(coreset(vectors, 100)) == 60
