"""Mixtures of PPCA against scikit-learn, and belief propagation against every state of a small field."""

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import MultivariateNormal

from crossvad.adapters.nets.grid_field import believed
from crossvad.adapters.nets.overlaps import each_once
from crossvad.adapters.nets.ppca import fit_mixture, log_densities


@pytest.fixture
def vectors():
    random = torch.Generator().manual_seed(0)
    drawn = torch.randn(300, 6, generator=random, dtype=torch.float64)
    mixed = torch.randn(6, 6, generator=random, dtype=torch.float64)
    return torch.cat([drawn @ mixed + 1.5, drawn.flip(0) @ mixed.T - 1.5])


def test_one_component_is_scikit_learns_pca(vectors):
    mixture, _ = fit_mixture(vectors, 1, 2, 3)
    pca = PCA(2, svd_solver="full").fit(vectors.numpy())
    ours = log_densities(vectors, *mixture[1:])[:, 0].numpy()
    covariance = mixture.loadings[0] @ mixture.loadings[0].T + mixture.noise[0] * torch.eye(6, dtype=torch.float64)
    # scikit-learn divides by N - 1.
    np.testing.assert_allclose(covariance.numpy() * 600 / 599, pca.get_covariance(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours, pca.score_samples(vectors.numpy()), rtol=2e-3)


def test_densities_are_gaussian(vectors):
    mixture, _ = fit_mixture(vectors, 3, 2, 5)
    for k in range(3):
        cover = mixture.loadings[k] @ mixture.loadings[k].T + mixture.noise[k] * torch.eye(6, dtype=torch.float64)
        expected = MultivariateNormal(mixture.means[k], cover).log_prob(vectors)
        torch.testing.assert_close(log_densities(vectors, *mixture[1:])[:, k], expected)


@pytest.mark.parametrize("seed", [0, 3])
def test_parts_that_never_move_leave_a_mixture_of_numbers(seed):
    """Zeros of which what moves elsewhere, by shares of 1e-40, makes variances that are too small for all digits."""
    random = torch.Generator().manual_seed(seed)
    still = torch.cat([torch.rand(100, 4, generator=random), torch.zeros(100, 8)], 1)
    moving = torch.rand(100, 12, generator=random) + torch.linspace(0, 3, 100)[:, None]
    mixture, curve = fit_mixture(torch.cat([still, moving]), 2, 2, 12)
    assert all(part.isfinite().all() for part in mixture) and curve[-1] > curve[0]


def test_every_vector_may_have_means_of_its_own(vectors):
    mixture, _ = fit_mixture(vectors, 2, 2, 5)
    own = torch.stack([mixture.means + shift for shift in range(4)])
    shaped = vectors[:12].view(3, 4, 6)
    together = log_densities(shaped, own, *mixture[2:])
    for i, shift in itertools.product(range(3), range(4)):
        (alone,) = log_densities(shaped[i, shift][None], mixture.means + shift, *mixture[2:])
        torch.testing.assert_close(together[i, shift], alone)


def test_every_round_explains_the_data_better(vectors):
    mixture, curve = fit_mixture(vectors, 2, 3, 25)
    assert len(curve) == 25 and (np.diff(curve) > -1e-9).all() and curve[-1] > curve[0]
    assert mixture.shares.sum().item() == pytest.approx(1)


def test_clusters_far_apart_are_parted(vectors):
    apart = vectors + torch.tensor([20.0] * 300 + [-20.0] * 300, dtype=torch.float64)[:, None]
    mixture, _ = fit_mixture(apart, 2, 3, 5)
    assert mixture.shares.tolist() == pytest.approx([0.5, 0.5])
    assert torch.cdist(mixture.means, apart.view(2, 300, 6).mean(1)).amin(1).max() < 1e-6


def exact(evidence, coupling):
    """Log-odds of every node, by the sum over all states of the field."""
    nodes = [*itertools.product(*map(range, evidence.shape))]
    yes, total = dict.fromkeys(nodes, 0.0), 0.0
    edges = [
        (a, b) for a, b in itertools.combinations(nodes, 2) if sum(abs(i - j) for i, j in zip(a, b, strict=True)) == 1
    ]
    for values in itertools.product([0, 1], repeat=len(nodes)):
        state = dict(zip(nodes, values, strict=True))
        weight = math.exp(
            sum(evidence[node].item() * state[node] for node in nodes)
            + coupling * sum(state[a] == state[b] for a, b in edges)
        )
        total += weight
        for node in nodes:
            yes[node] += weight * state[node]
    return torch.tensor([math.log(yes[node] / (total - yes[node])) for node in nodes]).view(evidence.shape)


@pytest.mark.parametrize("shape", [(5, 1, 1), (1, 4, 1), (1, 1, 6)])
@pytest.mark.parametrize("coupling", [0.0, 0.7, 3.0])
def test_a_chain_is_solved_exactly(shape, coupling):
    evidence = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        believed(evidence[None], coupling, 6)[0], exact(evidence, coupling), rtol=1e-4, atol=1e-4
    )


def test_a_small_field_is_nearly_exact():
    evidence = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(2))
    believes = believed(evidence[None], 0.3, 20)[0]
    assert (believes - exact(evidence, 0.3)).abs().max() < 0.1
    assert (believed(evidence[None], 0.3, 0)[0] == evidence).all()


def test_neighbours_agree_the_more_the_stronger_they_are_coupled():
    evidence = torch.zeros(1, 3, 5, 5)
    evidence[0, 1, 2, 2] = 4
    alone, weak, strong = (believed(evidence, coupling, 10)[0, 1, 2, 3].item() for coupling in (0, 0.2, 0.6))
    assert 0 == alone < weak < strong


@pytest.mark.parametrize("shorter", [0, 1])
def test_what_clips_share_is_computed_once(shorter):
    video, seen = torch.randn(9, 2, 3), []

    def compute(frames):
        seen.append(len(frames))
        return (frames[: len(frames) - shorter] + frames[shorter:]) / 2

    clips = video.unfold(0, 4, 1).movedim(-1, 1)
    together = each_once(clips, compute, shorter)
    assert seen == [9] and together.shape == (6, 4 - shorter, 2, 3)
    torch.testing.assert_close(each_once(clips[[4, 0]], compute, shorter), together[[4, 0]])
    torch.testing.assert_close(each_once(clips[:1], compute, shorter), together[:1])
